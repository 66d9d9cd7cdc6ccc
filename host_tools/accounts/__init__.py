"""People: accounts and their roles, logging in, sessions, and the audit trail of what people did.

Law: knows nothing of cameras, controllers or web pages; controller and evidence use it alike. Wall time and randomness
are arguments. A password is seen by ``passwords`` alone and kept by nobody. All methods block.
"""
