"""Options that several programs have."""

from __future__ import annotations

from typing import Annotated

import typer

PORT_MAX = 65_535  # of TCP

Scene = Annotated[str | None, typer.Option(help="What cameras see: a video file or /dev/videoN; else a street.")]
Debug = Annotated[bool, typer.Option("--debug", help="Say everything that happens inside. Never a secret.")]
