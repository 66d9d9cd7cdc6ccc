"""Files that browsers load: styles, scripts, texts; all from the wheel, under one address that changes with them.

Law: read once at the start, so a request touches no disk. The address holds a digest over everything, so whatever is
behind it never changes and is kept by browsers for a year; modules import each other by relative paths beneath it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi import Request
from fastapi.responses import Response

from host_tools.web_kit.problems import Problem
from host_tools.web_kit.texts import Texts

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
FOREVER = "public, max-age=31536000, immutable"
KIT = Path(__file__).parent / "static"


class Assets:
    """``rooms``: name in the address and folder of each room; the kit's own are ``kit``."""

    def __init__(self, rooms: Mapping[str, Path], texts: Texts) -> None:
        self._files: dict[str, tuple[bytes, str]] = {}
        for room, folder in {"kit": KIT, **rooms}.items():
            for path in sorted(folder.rglob("*")):
                if path.suffix in TYPES and path.is_file():
                    self._files[f"{room}/{path.relative_to(folder)}"] = path.read_bytes(), TYPES[path.suffix]
        for language in texts.languages:
            self._files[f"texts/{language}.js"] = texts.module(language), TYPES[".js"]
        digest = hashlib.sha256()
        for name, (data, _) in sorted(self._files.items()):
            digest.update(f"{name} {len(data)}\n".encode() + data)
        self.version = digest.hexdigest()[:16]

    def address(self, name: str) -> str:
        """Where a browser finds it. KeyError if there is none of that name."""
        if name not in self._files:
            raise KeyError(f"no asset is called {name}")
        return f"/assets/{self.version}/{name}"

    def names(self) -> list[str]:
        """All of them."""
        return sorted(self._files)

    async def serve(self, request: Request) -> Response:
        """Route ``/assets/{version}/{name:path}``."""
        name, version = request.path_params["name"], request.path_params["version"]
        found = self._files.get(name)
        if found is None or version != self.version:
            raise Problem(404, f"{str(name)[:80]}: this version of the page is gone: load the page anew")
        return Response(found[0], media_type=found[1], headers={"Cache-Control": FOREVER})
