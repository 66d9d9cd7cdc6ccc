"""Whom a system believes: its certificate authority, its cameras' and controllers' certificates, passphrase, restore
key, sealing keys and revocations.

Law: pure but for the files port it writes through; time and entropy are arguments. What needs the passphrase takes the
passphrase: there is no flag that stands in for it. A secret is never in a text, a repr or an error. Certificates are
judged by the same code that runs on cameras, ``firmware.secure``. Knows nothing of people, of roles or of the wire.
"""
