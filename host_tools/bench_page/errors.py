"""What can go wrong before the page is there."""


class BenchPageError(Exception):
    """The page cannot be served as asked. One line that names the thing and the remedy."""
