"""Ports for a board's firmware in a real MicroPython process on Unix: the same interpreter as a Pico's, without a Pico.

Law: portable dialect, and the Unix port's modules (time, select, os). Time, randomness and the cable (standard input
and output, or any descriptor or terminal) are real; what is electrical is asked, line by line, of a world that whoever
starts the process keeps at the other end of a second descriptor. The firmware knows nothing of it.
"""
