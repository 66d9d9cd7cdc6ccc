"""One folder a board: board.toml, the board as data.

Law: boards never import each other, and no host room imports this package: the emulator, the flasher, the docs and the
firmware's generated ``board_data`` all read board.toml through ``host_tools.hardware``.
"""
