"""Board pi_zero_2w_camera: board.toml says what it is, board_data.py says it to its firmware, main.py starts it."""
