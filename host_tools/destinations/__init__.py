"""Where recordings go: the destination interface, implementations, wrappers, and the suite that all of them pass.

Law: knows containers, objects and metadata, and how they are named from a manifest; not spool, index or cameras.
"""
