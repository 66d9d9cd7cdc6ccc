"""The bench page: an emulated bench to look at and to touch, in a browser."""
