"""The one error of this room."""


class FormatError(Exception):
    """Bytes or a value that do not fit the format. The text, one line, names the document, the field and the fault."""
