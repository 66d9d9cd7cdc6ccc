"""Tests of every room, and of the house itself. Nothing here is shipped."""
