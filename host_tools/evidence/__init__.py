"""The destination's side of evidence: what has arrived, judged on its own.

Law: knows nothing of controllers, spools, systems or readers; what it is given is files and what their manifests say.
"""
