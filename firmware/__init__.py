"""What runs on a board. Imports nothing of ours from outside this folder."""
