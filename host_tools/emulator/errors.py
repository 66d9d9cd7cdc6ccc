"""What a bench refuses, in one line each."""

from __future__ import annotations


class BenchError(Exception):
    """The hands cannot do that. One line."""


class FaultUnsupported(BenchError):
    """That board, component or type cannot have it; the line says what it can."""
