"""Runs the destination's server on a socket until it is told to stop: ``web_kit.serving`` in this room's words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from host_tools.evidence.errors import EvidenceError
from host_tools.web_kit import serving as kit
from host_tools.web_kit.errors import WebError


@asynccontextmanager
async def serving(
    app: Callable[..., Any], host: str, port: int, certificate: Path | None, key: Path | None
) -> AsyncGenerator[int]:
    """Serve while the block runs; the port it serves on (0 chooses one). HTTPS with a certificate. EvidenceError."""
    async with AsyncExitStack() as stack:
        try:
            front = kit.TlsFront(certificate, key) if certificate is not None and key is not None else None
            serving_on = await stack.enter_async_context(kit.serving(app, host, port, front))
        except WebError as error:
            raise EvidenceError(str(error)) from error
        yield serving_on
