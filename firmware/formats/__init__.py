"""What is written down: sealed chunk, recording header, journal, manifest, erase authorisation.

Law: pure. Bytes in, values out, and back; no file, no clock, no randomness of its own. Every decoder accepts exactly
what its encoder makes and refuses all else with FormatError, so that a digest or a signature over the bytes is one over
the value.
"""
