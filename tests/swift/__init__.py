"""A real OpenStack Swift: our client into it with nothing of ours behind, and our destination with it as its store."""
