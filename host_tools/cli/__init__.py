"""Argument parsing and the composition root: the only place where rooms are put together.

Law: reads settings once, makes objects, runs them. Holds no logic that another program could want.
"""
