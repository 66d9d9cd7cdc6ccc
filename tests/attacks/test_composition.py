"""What the programs are put together from: the real channel, the real suite, real signatures, and no way round them.

Rooms can be given other parts (a simulation needs channels that repeat themselves, a lab needs the clear suite). These
tests look at what `bwc controller` and a camera's board really get, and that nobody else hands such parts over.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from firmware.formats.authorisation import UNSIGNED_SIGNER
from firmware.secure.channel import SecureChannel
from firmware.secure.signing import SUITE_P256
from firmware.secure.suite import SEALED_ONLY, SUITE_SEALED
from host_tools.cli.compose import assemble_controller
from host_tools.controller.members import Member
from host_tools.controller.settings import Settings
from host_tools.custody.belief import SealedBelief
from host_tools.custody.ledger import GENESIS, Head
from host_tools.hardware import board_models, find_board
from tests.house import tree
from tests.unit.cli.parts import system_in

# name -> where it may stand in the product: where it is defined or handed on. All others would be a way round.
FALLBACKS = {
    "ClearBelief": {"host_tools/custody/belief.py", "host_tools/custody/spool.py"},
    "ClearSuite": {"firmware/formats/chunk.py", "firmware/camera/trust.py", "firmware/camera/vault.py"},
    "UnsignedSigner": {"firmware/formats/authorisation.py", "host_tools/controller/service.py"},
    "UNSIGNED_SIGNER": {
        "firmware/formats/authorisation.py",
        "host_tools/controller/cameras.py",
        "host_tools/custody/heads.py",
    },
    "CERT_NONE": {"firmware/secure/channel_context.py"},
    "_create_unverified_context": set[str](),
}
# argument -> who may give it: what only a simulation needs
GIVEN_BY = {"make_channel": "host_tools/simulation/", "wrap_key": "host_tools/simulation/"}
PRODUCT = ("boards", "firmware", "host_tools")


@pytest.mark.req("LINK-04", "CAM-19")
def test_a_controller_gets_nothing_but_the_real_parts(tmp_path: Path):
    system_in(tmp_path / "c")
    (tmp_path / "d").mkdir()
    settings = Settings(folder=tmp_path / "c", destination=tmp_path / "d", usb_root=None)
    with assemble_controller(settings) as assembled:
        world = assembled.controller._world
        assert world.make_channel is SecureChannel
        assert isinstance(assembled.spool._belief, SealedBelief)
        assert world.opener_of == assembled.spool._belief.opener_of
        signer = world.erase_signer()
        assert signer.suite == SUITE_P256 != UNSIGNED_SIGNER.suite
        signed = world.head_signer().sign(Head(0, GENESIS), bytes(16), 1)
        assert (signed.suite, len(signed.signature) > 60) == (SUITE_P256, True)
        assert world.trust.record.controller.key is not None


@pytest.mark.req("CAM-19")
def test_a_controller_believes_the_clear_suite_of_nobody(tmp_path: Path):
    """No board of the house declares it; whoever is not known, or of an unknown model, seals."""
    assert {find_board(model).firmware.suite for model in board_models()} <= {SUITE_SEALED, None}
    system_in(tmp_path / "c")
    (tmp_path / "d").mkdir()
    with assemble_controller(Settings(folder=tmp_path / "c", destination=tmp_path / "d", usb_root=None)) as assembled:
        assembled.controller.membership.members.note(Member("CAM-0001", "a_model_of_mine", 1, 1))
        for model in board_models():
            assembled.controller.membership.members.note(Member(f"CAM-{model}", model, 1, 1))
        suites_of = assembled.spool._belief._suites_of  # type: ignore[attr-defined]
        for serial in ("CAM-0001", "nobody", "../CAM-0001", *(f"CAM-{model}" for model in board_models())):
            assert suites_of(serial) == SEALED_ONLY


def mentioning(words: Iterable[str]) -> Iterator[tuple[str, ast.Module]]:
    """The product's files with one of these words anywhere, parsed: in the others there is nothing to be found."""
    for path in tree.python_files(*PRODUCT):
        text = tree.read(path)
        if any(word in text for word in words):
            yield path.as_posix(), ast.parse(text)


def names_in(module: ast.Module) -> set[str]:
    """Every name and attribute that a file mentions."""
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias | ast.ClassDef):
            found.add(node.name)
    return found


def test_what_falls_back_is_mentioned_nowhere_else():
    mentioned: dict[str, set[str]] = {name: set() for name in FALLBACKS}
    for path, module in mentioning(FALLBACKS):
        for name in names_in(module) & set(FALLBACKS):
            mentioned[name].add(path)
    assert mentioned == FALLBACKS


def handed_over(module: ast.Module, argument: str) -> Iterator[int]:
    """Lines where a file gives that argument, other than by passing on its own of the same name."""
    for node in ast.walk(module):
        if isinstance(node, ast.keyword) and node.arg == argument and not ast.unparse(node.value).endswith(argument):
            yield node.value.lineno


@pytest.mark.parametrize("argument", GIVEN_BY)
def test_only_a_simulation_hands_over_a_channel_or_keys_of_its_own(argument: str):
    giving = {path for path, module in mentioning([argument]) if list(handed_over(module, argument))}
    assert giving, "the simulation does, so this looks in the right places"
    assert {path for path in giving if not path.startswith(GIVEN_BY[argument])} == set()


# Who opens sessions without: docks, which have no keys, and a tool that looks at one line as any stranger would.
BARE = {"firmware/dock/application.py", "host_tools/cli/wire_commands.py"}


def is_bare(call: ast.Call) -> bool:
    """Whether a call opens a session that cannot be secured: ``make_secure`` is last, by name or as the fifth."""
    called = ast.unparse(call.func)
    ours = called in OPENERS[:2] or (called == OPENERS[2] and ast.unparse(call).startswith(SIDES))
    return ours and len(call.args) < 5 and not any(each.arg == "make_secure" for each in call.keywords)


OPENERS = ("Connection", "open_board", "Session")
SIDES = ("Session(BOARD", "Session(HOST")


def test_no_camera_and_no_controller_opens_a_session_that_cannot_be_secured():
    bare = {
        path
        for path, module in mentioning(OPENERS)
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and is_bare(node)
    }
    assert bare == BARE
