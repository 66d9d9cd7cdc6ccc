"""What every page of ours stands on: serving, certificates, guard, sessions, problems, events, templates, assets.

Law: knows people (``accounts``) and nothing of controllers, destinations or benches, so that all of them may use it.
"""
