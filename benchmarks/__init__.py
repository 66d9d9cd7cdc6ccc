"""Measurements: ratios in one run, medians, the machine named. Never part of the tests."""
