"""The destination's side of evidence: the reference destination server, and what has arrived judged on its own.

Law: knows nothing of controllers, spools, systems or readers; what it is given is requests of the public API, files,
and what their manifests say.
"""
