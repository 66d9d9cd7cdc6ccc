"""Every reason that a rule gives as a word has a text on the page, and that asks for no value that the rule has not."""

from __future__ import annotations

import string

import pytest

from host_tools.system.errors import CONFLICTS
from host_tools.system.reset_rules import REASONS, Standing, judge_leaving, judge_reset
from host_tools.web.app import HERE, KIT
from host_tools.web_kit.texts import Texts


@pytest.mark.req("CTRL-22")
def test_every_reason_has_a_text_and_every_verdict_a_known_reason():
    texts = Texts([KIT / "texts", HERE / "texts"])
    names = {name.removesuffix(".one").removesuffix(".other") for name in texts.names()}
    assert {name.removeprefix("reset_reason.") for name in names if name.startswith("reset_reason.")} == set(REASONS)
    for evaluation in (False, True):
        standing = Standing(evaluation, {"A", "B", "C"}, {"A"}, 2, 1)
        for verdict in (judge_reset(standing), judge_leaving(standing)):
            for reason in (*verdict.left, *verdict.goes):
                said = texts.say(f"reset_reason.{reason.code}", n=reason.count, names=", ".join(reason.names))
                assert "{" not in said
                assert all(name in said for name in reason.names)


@pytest.mark.req("CTRL-04")
def test_every_conflict_of_a_table_has_a_text_of_its_values():
    texts = Texts([KIT / "texts", HERE / "texts"])
    assert {name.removeprefix("conflict.") for name in texts.names() if name.startswith("conflict.")} == set(CONFLICTS)
    for code, values in CONFLICTS.items():
        said = texts.say(f"conflict.{code}", **{name: f"<{name}>" for name in values})
        assert {name for name in values if f"<{name}>" in said} == set(values), (code, "says all of it")
        assert not [name for _, name, _, _ in string.Formatter().parse(said) if name], code
