"""RFID readers by URL: what stands on the desk of a station, and says which badge was held to it.

Law: knows tags and readers, nothing of wearers or cameras. A badge's number is a claim, never a proof: anybody can copy
it. Drivers speak over a byte pipe (``transports``); what needs a library of its own imports it when it is opened.
"""
