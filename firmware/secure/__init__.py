"""Trust on a board and towards it: sealed evidence, signatures, certificates, the encrypted control channel.

Law: primitives come from ``cryptography`` and ``ssl``, composed as their standards say; none is made here. No clock,
no file, no randomness of its own but what those two draw inside (encapsulation, TLS): times, bytes and entropy are
arguments. What does not hold raises one line that names the thing; a key is never in a text, a repr or an error.
CPython only: formats, drivers, link and ports below, cameras and hosts above.
"""
