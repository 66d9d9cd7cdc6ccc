"""The real ports, one folder a platform. Seen only by boards and by the host's composition root."""
