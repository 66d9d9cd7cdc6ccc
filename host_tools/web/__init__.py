"""The manager: one REST API over the controller's commands, and pages on top of it."""
