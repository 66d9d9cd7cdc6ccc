"""Style as tests: each check is a pure function from a source text to the places where it is broken.

Law: a check answers ``["line: what is wrong and what to do", ...]``, names no room unless the rule is about that
room, and is itself tried on small bad samples beside its use on the tree.
"""
