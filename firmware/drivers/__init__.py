"""Drivers over ports: the cable, buttons, lamps, contacts, batteries, test patterns, chips by their registers.

Law: portable dialect; imports ports and link only. A driver turns levels and readings into words, and words
into levels.
"""
