"""The version of the firmware, which boards report and manifests record."""

VERSION = "0.1.0"
