"""The domain: wearers, cameras and who wears which; rules and the files people write them in.

Law: no link, no bytes of recordings, no clock.
"""
