"""What runs on a PC, a lab bench or a server. Rooms and their layers: docs/architecture.md."""
