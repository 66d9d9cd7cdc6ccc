"""The one error of this room."""


class FormatError(Exception):
    """Bytes (or a value) that do not fit the format. The text is one line that names the document, the field and the fault."""
