"""The host's side of the wire: construct declarations made from the one table, and connections that use them.

Law: everything a peer says is parsed by construct here; only bulk data takes the portable fast path. Knows no board
and no recording. The only files are captures of what passed.
"""
