"""Power cut at every write: each scenario is run once for every operation on its medium, and cut there.

Law: real vault, recorder, spool, index (SQLite on the same medium), ledger, delivery and destination; one run is one
scenario, one cut, one seed, and repeats from these. ``model`` says what a cut is and what it leaves, ``camera_side``
and ``controller_side`` are the scenarios and their judgement, ``sweep`` walks through all cuts; ``bwc crash`` runs it.
"""
