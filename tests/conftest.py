"""For all tests here: how hypothesis runs. What a test leaves behind is watched by
``host_tools.bench.leaks_plugin``."""

import os

from hypothesis import settings

# No deadline a single example: machines differ, and pytest-timeout bounds the whole. A failure prints what repeats it.
settings.register_profile("house", deadline=None, print_blob=True)
settings.register_profile("ci", settings.get_profile("house"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "house")
