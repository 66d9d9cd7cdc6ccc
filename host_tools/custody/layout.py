"""Where the spool keeps what, on the files port: ``recordings/<id>/manifest.json`` and ``recordings/<id>/chunks``.

Law: names, order of syncs, nothing of the index. A manifest is moved into place whole; the chunks file is reserved
whole before anything is promised. ``quarantine/<id>-<chunk>`` holds copies of damaged chunks. The marker file tells the
spool's medium from an empty mount point: recordings must not count as lost because a disk is not plugged in.
"""

from contextlib import suppress

from firmware.formats import recording_id
from firmware.formats.errors import FormatError
from firmware.formats.manifest import MANIFEST_BYTES_MAX
from firmware.ports.errors import AlreadyExists, NotFound, PortFault
from firmware.ports.files import File, Files
from host_tools.custody.errors import CustodyFault

MARKER = "openbwc-spool"
MARKER_TEXT = b"openbwc spool, layout 1. The controller will not start without this file.\n"
RECORDINGS = "recordings"
QUARANTINE = "quarantine"
QUARANTINE_CHUNKS_MAX = 64  # damaged chunks kept for examination, a megabyte each: a dying disk must not fill itself


class Layout:
    """The spool's folder tree. Every method may block and may raise PortFault."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def prepare(self, *, must_exist: bool) -> None:
        """Check or make the marker and the recordings folder. ``must_exist``: the index knows stored recordings, so a
        medium without the marker is the wrong one (CustodyFault)."""
        if not self.files.exists(MARKER):
            if must_exist:
                raise CustodyFault(
                    f"spool: its marker file {MARKER} is missing though recordings are stored: mount the right disk, "
                    "or put the folder back"
                )
            _write_new(self.files, MARKER, MARKER_TEXT)
        if not self.files.exists(RECORDINGS):
            self.files.make_folder(RECORDINGS)
        self.files.sync_folder("")

    def recordings(self) -> list[bytes]:
        """Recordings that have a folder."""
        found: list[bytes] = []
        for name in self.files.list_folder(RECORDINGS):
            try:
                found.append(recording_id.parse(name))
            except FormatError:
                continue  # not ours; left alone
        return found

    def create(self, recording: bytes, manifest: bytes, chunks_bytes: int) -> File:
        """Make the folder with manifest and reserved, empty chunks file, all durable. Undone whole if it fails."""
        folder = _folder(recording)
        try:
            self._clear_folder(recording)
            self.files.make_folder(folder)
            _write_new(self.files, _manifest(recording), manifest)
            file = self.files.create(_chunks(recording), chunks_bytes)
            try:
                file.sync()
                self.files.sync_folder(folder)
                self.files.sync_folder(RECORDINGS)
            except PortFault:
                file.close()
                raise
        except PortFault:
            self.undo(recording)
            raise
        return file

    def undo(self, recording: bytes) -> None:
        """Remove what ``create`` made, as far as the medium lets us: what stays is found at the next start."""
        with suppress(PortFault):
            self._clear_folder(recording)

    def restore_manifest(self, recording: bytes, manifest: bytes) -> None:
        """Put a manifest back that was lost or damaged, without touching the chunks."""
        if not self.files.exists(_folder(recording)):
            self.files.make_folder(_folder(recording))
            self.files.sync_folder(RECORDINGS)
        new_name = _manifest(recording) + ".new"
        if self.files.exists(new_name):
            self.files.remove(new_name)
        _write_new(self.files, new_name, manifest)
        self.files.rename(new_name, _manifest(recording))
        self.files.sync_folder(_folder(recording))

    def open_chunks(self, recording: bytes, reserve_bytes: int | None) -> tuple[File, bool]:
        """The chunks file for writing. With ``reserve_bytes`` it is made if it is not there; then True comes with it,
        and its folder needs a sync."""
        try:
            return self.files.open(_chunks(recording), writable=True), False
        except NotFound:
            if reserve_bytes is None:
                raise
        return self.files.create(_chunks(recording), reserve_bytes), True

    def read_chunks(self, recording: bytes) -> File:
        """The chunks file for reading."""
        return self.files.open(_chunks(recording))

    def chunks_size_bytes(self, recording: bytes) -> int:
        """Length of the chunks file; 0 if there is none."""
        try:
            file = self.read_chunks(recording)
        except NotFound:
            return 0
        try:
            return file.size_bytes()
        finally:
            file.close()

    def read_manifest(self, recording: bytes) -> bytes:
        """The manifest as it was accepted; empty if there is none or if it is longer than any manifest."""
        try:
            file = self.files.open(_manifest(recording))
        except NotFound:
            return b""
        try:
            size_bytes = file.size_bytes()
            if size_bytes > MANIFEST_BYTES_MAX:
                return b""
            buffer = bytearray(size_bytes)
            return bytes(memoryview(buffer)[: file.read_at(0, buffer)])
        finally:
            file.close()

    def put_in_quarantine(self, recording: bytes, chunk: int, data: memoryview) -> bool:
        """Keep a damaged chunk; False if there are enough of them already."""
        if not self.files.exists(QUARANTINE):
            self.files.make_folder(QUARANTINE)
            self.files.sync_folder("")
        name = f"{recording_id.text(recording)}-{chunk}"
        kept = self.files.list_folder(QUARANTINE)
        if name not in kept and len(kept) >= QUARANTINE_CHUNKS_MAX:
            return False
        _write_new(self.files, f"{QUARANTINE}/{name}", data)
        self.files.sync_folder(QUARANTINE)
        return True

    def sync_names(self, recording: bytes) -> None:
        """Make the names in a recording's folder durable."""
        self.files.sync_folder(_folder(recording))

    def remove(self, recording: bytes) -> None:
        """Remove a recording's files and folder. What is gone already is no fault."""
        self._clear_folder(recording)
        self.files.sync_folder(RECORDINGS)

    def _clear_folder(self, recording: bytes) -> None:
        folder = _folder(recording)
        try:
            for name in self.files.list_folder(folder):
                self.files.remove(f"{folder}/{name}")
            self.files.remove_folder(folder)
        except NotFound:
            return


def _folder(recording: bytes) -> str:
    return f"{RECORDINGS}/{recording_id.text(recording)}"


def _manifest(recording: bytes) -> str:
    return _folder(recording) + "/manifest.json"


def _chunks(recording: bytes) -> str:
    return _folder(recording) + "/chunks"


def _write_new(files: Files, path: str, data: bytes | memoryview) -> None:
    try:
        file = files.create(path)
    except AlreadyExists:
        files.remove(path)
        file = files.create(path)
    try:
        file.write_at(0, data)
        file.sync()
    finally:
        file.close()
