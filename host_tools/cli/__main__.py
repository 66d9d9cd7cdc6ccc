"""``python -m host_tools.cli``: the same as ``bwc``."""

from host_tools.cli.main import main

main()
