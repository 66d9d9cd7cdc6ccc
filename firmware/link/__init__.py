"""The wire: message table, frames, control stream, bulk ranges, probe.

Law: portable dialect, pure. No clock, no randomness, no input or output, no asyncio: ``now_ms`` and entropy
are arguments. Both ends of a cable use this one implementation.
"""
