"""What a board must provide. Plain base classes whose docstrings are the obligation.

Law: portable dialect; imports nothing but its own modules. A platform (``firmware.platform``, or the emulator) supplies
subclasses; an application receives them as constructor arguments and never asks where it runs.
Beside each port that has more than one implementation stand an in-memory version and a suite that all of them pass.
"""
