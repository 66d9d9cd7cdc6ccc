"""The camera application: records, keeps what it recorded safe, and gives it up only to its controller.

Law: CPython on Linux. State tables are pure; vault, recorder and services stand around them, the application
steps them.
"""

from firmware.camera.app import CameraApp, compose

__all__ = ["CameraApp", "compose"]
