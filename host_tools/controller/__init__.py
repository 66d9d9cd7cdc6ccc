"""The running service: finds boards, keeps a session with each, offloads, delivers, authorises the erase.

Law: blocking work goes through the injected ``run_blocking``; wall time, randomness, the way ports are found and opened
are arguments. Nothing here writes evidence except through custody, or reads it except to deliver it.
"""
