"""Ports on Linux: a Raspberry Pi, or the machine a controller runs on."""
