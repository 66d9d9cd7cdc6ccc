"""The hardware-in-the-loop bench: what is on it, how tests ask for it, what they measured.

Law: speaks to boards only through the controller's and the emulator's public halves; a scenario never learns whether it
runs on the emulated bench or on real boards.
"""
