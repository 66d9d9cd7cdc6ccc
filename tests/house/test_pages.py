"""What our pages tell can be followed: links lead somewhere, pictures are shown, ``bwc`` lines can be typed. And the
checks' own trials."""

import re
from pathlib import Path

import pytest

from tests.house import pages, tree

PAGES = [path for path in tree.files() if path.suffix == ".md"]
PAGE = Path("docs/page.md")


def test_links_lead_somewhere():
    tree.require_none([f"{page}:{place}" for page in PAGES for place in pages.broken_links(tree.read(page), page)])


def test_every_picture_of_the_manual_is_shown():
    pictures = [
        path.name for path in tree.files() if path.parent.as_posix() == pages.PICTURES and path.suffix == ".png"
    ]
    assert pictures
    tree.require_none(pages.unseen_pictures([tree.read(page) for page in PAGES], pictures))


def test_commands_can_be_typed():
    tree.hold(PAGES, pages.unknown_commands, pages.unknown_programs)


def test_decisions_are_headed_by_their_number():
    decisions = [path for path in PAGES if path.parent.as_posix() == "docs/decisions"]
    tree.require_none([str(path) for path in decisions if not re.match(rf"# {path.name[:4]}:? \S", tree.read(path))])
    assert len({path.name[:4] for path in decisions}) == len(decisions), "two decisions have one number"


@pytest.mark.parametrize(
    "bad",
    [
        "[a](nowhere.md)",
        "![a](manual/nothing.png)",
        '<img src="manual/nothing.png" alt="a" width="300">',
        "[a](../Makefile/x)",
        "[a](#nowhere)",
        "[a](README.md#nowhere)",
        "# One word\n[a](#one-word-1)",
        "```\n# In code\n```\n[a](#in-code)",
    ],
)
def test_a_link_to_nowhere_is_seen(bad: str):
    assert len(pages.broken_links(bad, PAGE)) == 1


@pytest.mark.parametrize(
    "good",
    [
        "[a](README.md) [b](../Makefile) [c](decisions) [d](https://example.org/x#y)",
        "# One `two`, three!\n[a](#one-two-three)",
        "# Twice\n# Twice\n[a](#twice) [b](#twice-1)",
        "`[a](nowhere.md)`\n```\n[a](nowhere.md)\n```",
    ],
)
def test_a_link_to_somewhere_passes(good: str):
    assert pages.broken_links(good, PAGE) == []


def test_a_picture_that_no_page_has_is_named():
    assert (
        pages.unseen_pictures(["![a](manual/a.png)", "[b](b.png)", '<img src="c.png">'], ["a.png", "b.png", "c.png"])
        == []
    )
    assert len(pages.unseen_pictures(["see seen.png"], ["seen.png"])) == 1


@pytest.mark.parametrize(
    "bad",
    [
        "`bwc stauts`",
        "`bwc bench docks camera-1 1`",
        "`bwc transfer list|retries`",
        "`bwc status --foldr x`",
        "`bwc capture URL -q trace.pcapng`",
        "`bwc bench dock camera-1 1 2`",
        "`bwc status now`",
        "```sh\nbwc status --foldr x   # a remark\n```",
        "    bwc status --foldr x   a remark",
        "    TOKEN=x bwc status --foldr x",
        "`bwc login URL` and `bwc logut URL`",
    ],
)
def test_a_line_that_cannot_be_typed_is_seen(bad: str):
    assert len(pages.unknown_commands(bad)) == 1


@pytest.mark.parametrize(
    "good",
    [
        "bwc stauts is no command, and this no code",
        "`bwc`, `bwc --help` and `bwc bench --help`",
        "`bwc dock check [--dock S] [--bay N] [--quick] [--json]`",
        "`bwc bench press camera-1 --hold 3.3 --folder demo/bench`",
        "`bwc transfer list\\|retry`, `bwc camera …`, `bwc bench FAULT`",
        '`bwc crash --cut "camera record while full 20 block 3"`',
        "```sh\nbwc controller --bench bench --create-destination &\nbwc status   # --foldr is none\n```",
        "    bwc status                     never --foldr",
    ],
)
def test_a_line_that_can_be_typed_passes(good: str):
    assert pages.unknown_commands(good) == []


@pytest.mark.parametrize(
    "bad",
    ["`make tests`", "`make lint typos`", "`python -m benchmarks.sail_bench`", "```\npython -m tests.guest.usb\n```"],
)
def test_a_target_or_module_that_is_gone_is_seen(bad: str):
    assert len(pages.unknown_programs(bad)) == 1


@pytest.mark.parametrize(
    "good",
    [
        "`make`, `make lint types contracts`, `make test ARGS='-k nothing -x'`, and make nothing of it",
        "```sh\nmake demo          # make nothing\n```",
        "`python -m benchmarks.seal_bench`, `python -m tests.guests.usb`, `python -m pytest tests`",
    ],
)
def test_targets_and_modules_that_are_there_pass(good: str):
    assert pages.unknown_programs(good) == []
