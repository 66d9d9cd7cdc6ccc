"""A report's place in a page: between two marks, which a benchmark rewrites and nobody else touches."""

from __future__ import annotations

from pathlib import Path


def write_between(path: Path, name: str, title: str, text: str) -> None:
    """Put ``text`` between the marks of ``name`` in a page; under a new heading if they are not there yet."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    page = path.read_text(encoding="utf-8") if path.exists() else "# Benchmarks\n"
    if begin not in page:
        page = f"{page.rstrip()}\n\n## {title}\n\n{begin}\n{end}\n"
    front, _, rest = page.partition(begin)
    _, _, back = rest.partition(end)
    path.write_text(f"{front}{begin}\n{text}{end}{back}", encoding="utf-8")
