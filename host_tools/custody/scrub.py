"""Reading back what is held, before anybody needs it: a flipped bit is found while the camera can still help.

Law: reads and judges sealed chunks by the manifest's digests, a bounded piece at a time; what follows from damage is
the spool's. The damaged bytes themselves are put into quarantine, so that a person can see what the disk did.
"""

from firmware.formats.manifest import Manifest
from firmware.ports.errors import PortFault
from host_tools.custody.errors import SpoolDamage
from host_tools.custody.layout import Layout
from host_tools.custody.shelf import SEALED_BYTES_MAX, read_sealed


def check_chunks(layout: Layout, manifest: Manifest, first_chunk: int, budget_bytes: int) -> int | None:
    """Read back chunks from ``first_chunk`` on until ``budget_bytes`` are used up (one chunk at least); returns the
    next one to check, None at the end. SpoolDamage names the first that reads back wrong. Blocks."""
    buffer = bytearray(SEALED_BYTES_MAX)
    chunk = first_chunk
    try:
        file = layout.read_chunks(manifest.recording)
    except PortFault as fault:
        raise SpoolDamage(manifest.recording, 0, f"the chunks file cannot be read ({fault})") from fault
    try:
        while chunk < len(manifest.chunks):
            entry = manifest.chunks[chunk]
            try:
                sealed = read_sealed(file, entry, buffer)
            except PortFault as fault:
                raise SpoolDamage(manifest.recording, chunk, f"cannot be read ({fault})") from fault
            if sealed is None:
                raise SpoolDamage(manifest.recording, chunk, "reads back with another digest")
            chunk += 1
            budget_bytes -= entry.length
            if budget_bytes <= 0:
                break
    finally:
        file.close()
    return chunk if chunk < len(manifest.chunks) else None


def quarantine(layout: Layout, manifest: Manifest, chunk: int) -> bool:
    """Keep a copy of a damaged chunk as it reads now; whether there was anything to keep, and room. Blocks."""
    entry = manifest.chunks[chunk]
    try:
        file = layout.read_chunks(manifest.recording)
        try:
            data = bytearray(min(entry.length, SEALED_BYTES_MAX))
            count = file.read_at(entry.offset, data)
        finally:
            file.close()
        return count > 0 and layout.put_in_quarantine(manifest.recording, chunk, memoryview(data)[:count])
    except PortFault:
        return False  # a disk that cannot even be read has nothing to show; the damage itself is told elsewhere
