"""What can go wrong with serving pages. Every text is one line that names the thing and the remedy."""


class WebError(Exception):
    """A server, a certificate or an address cannot be used as asked."""
