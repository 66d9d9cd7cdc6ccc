"""Never lose: spool (durable chunk store), recordings index, ledger.

Law: knows files, SQLite and what firmware writes down; not cameras, docks, destinations or people. Everything above
asks here what has arrived, and believes only that.
"""
