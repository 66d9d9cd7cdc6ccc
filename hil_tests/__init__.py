"""Scenarios that run on any bench: emulated by default, real boards by a bench file."""
