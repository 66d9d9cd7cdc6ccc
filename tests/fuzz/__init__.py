"""Fuzz targets: one decoder each, and one stated invariant each.

Law: a target takes any bytes and raises only if its invariant is broken. The same targets run shortly in the tests with
our own seeded mutations, and for as long as one likes under atheris, which follows coverage: ``make fuzz``.
"""
