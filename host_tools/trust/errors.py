"""What can go wrong with trust. Every text is one line that names the thing and the remedy."""


class TrustError(Exception):
    """Something cannot be trusted, or cannot be done with what there is."""


class TrustFileError(TrustError):
    """The trust file, or a restore key, is damaged, was changed, or is not there."""


class WrongPassphrase(TrustError):
    """The passphrase is not this system's, or what it wraps was changed: one cannot tell, by design."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not open: the passphrase is wrong, or the file was changed")
