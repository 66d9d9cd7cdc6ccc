"""What pages offer, against the permission table: read out of their scripts, so that no button is forgotten, whatever
state of things it is for. That they are there for whom they are is tried in a browser: tests/browser."""

from __future__ import annotations

import pytest

from host_tools.controller.permissions import ACTS, TABLE
from host_tools.web.pages import PAGES, PageRow
from tests.unit.web.offering import Sent, everything_sent, guards_of, pages_of

# Acts that no page has, and why. Whoever adds an act adds a page for it, or a line here.
WITHOUT_A_PAGE = {
    "set_up_accounts": "the setup assistant does it, before there is a manager",
    "tap_badge": "a badge at a reader does it; by command it stands in for one that is broken",
    "bookmark_recording": "comes from the wearer's phone; by command for whoever brings marks from elsewhere",
    "locate_recording": "brings a file of fixes from another receiver, which is a command's",
}


def test_every_request_of_a_page_is_a_command():
    sent = everything_sent()
    assert len(sent) > 50
    unknown = [each for each in sent if not each.command]
    assert not unknown, unknown


@pytest.mark.req("CTRL-14")
@pytest.mark.parametrize("sent", everything_sent(), ids=lambda each: f"{each.module} {each.method} {each.path}")
def test_a_page_offers_only_to_whom_the_table_lets(sent: Sent):
    roles = TABLE[sent.command].roles
    seen_by = {role for page in pages_of(sent.module) for role in page.roles}
    is_guarded = any(TABLE[name].roles <= roles for name in guards_of(sent.module))
    assert is_guarded or seen_by <= roles, (
        f"{sent.module}.js asks for {sent.command}, and {sorted(seen_by - roles)} see it, who may not: "
        f'put may("{sent.command}") before what offers it'
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_script_looks_for_is_a_command(page: PageRow):
    assert guards_of(page.name) <= set(TABLE)


@pytest.mark.req("CTRL-14")
def test_every_act_is_on_a_page_or_it_is_said_why_not():
    acts = {name for name, row in TABLE.items() if row.kind == ACTS}
    got = {"report", "export_wearers"}  # acts that only read: a table is taken away
    assert acts - {each.command for each in everything_sent()} - got == set(WITHOUT_A_PAGE)
