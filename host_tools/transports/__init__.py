"""Byte pipes by URL: opening, reading, writing, losing them.

Law: knows bytes and file descriptors, nothing of frames or boards. Other rooms add their own schemes to a Registry.
"""
