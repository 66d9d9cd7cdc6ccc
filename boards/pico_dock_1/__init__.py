"""Board pico_dock_1: board.toml says what it is, board_data.py says it to its firmware, main.py starts it."""
