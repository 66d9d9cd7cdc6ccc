"""What custody refuses, each with one line that names the thing and the remedy.

Law: who is at fault decides the class. ``CustodyRefused`` blames what was handed in (a camera's manifest, a piece
outside a recording, a step out of order); ``CustodyFault`` blames what lies under us (disk, index file).
"""


class CustodyError(Exception):
    """Anything custody cannot do."""


class CustodyRefused(CustodyError):
    """What was asked does not fit what is known; nothing was changed."""


class CustodyFault(CustodyError):
    """The storage below failed; whatever was not committed counts as not received."""


class ManifestRefused(CustodyRefused):
    """A manifest that its camera's signature does not vouch for. Asking again gives the same: a person must look."""


class SpoolFull(CustodyRefused):
    """There is no room for this recording; nothing of it was kept. It stays on its camera."""


class SpoolDamage(CustodyError):
    """A committed chunk reads back wrong. It is missing again and can be fetched while the camera still has it."""

    def __init__(self, recording: bytes, chunk: int, reason: str) -> None:
        super().__init__(f"recording {recording.hex()} chunk {chunk}: {reason}; dock its camera to fetch it again")
        self.recording = recording
        self.chunk = chunk
        self.reason = f"chunk {chunk} {reason}"


class ContentMismatch(CustodyError):
    """Sealed chunks are as the manifest says, their content is not: fetching again cannot help."""

    def __init__(self, recording: bytes, reason: str) -> None:
        super().__init__(f"recording {recording.hex()}: {reason}; keep it and download it for examination")
        self.recording = recording
