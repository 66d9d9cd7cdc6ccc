"""The destination's web page: search, playing, custody, export, health; for people, in a browser.

Law: knows ``evidence``, ``accounts`` and ``web_kit``, and nothing of controllers. It decides nothing: pages read the
API, and the API says who may.
"""
