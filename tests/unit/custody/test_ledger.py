"""The chain shows every change of what it tells."""

import json
from dataclasses import replace

import pytest

from host_tools.custody.errors import CustodyFault, CustodyRefused
from host_tools.custody.index import Index
from host_tools.custody.ledger import GENESIS, Head, Ledger, Link, hash_of, make_link, verify

A, B = bytes(15) + b"a", bytes(15) + b"b"


def chain(length: int = 6, start: int = 1_000) -> list[Link]:
    links: list[Link] = []
    head = Head(0, GENESIS)
    for number in range(length):
        link = make_link(head, "held", A if number % 2 else B, start + number, {"number": number})
        links.append(link)
        head = Head(link.sequence, link.hash)
    return links


def head_of(links: list[Link]) -> Head:
    return Head(links[-1].sequence, links[-1].hash)


@pytest.mark.req("CTRL-24")
def test_a_chain_holds() -> None:
    links = chain()
    verdict = verify(links, [head_of(links), head_of(links[:3])])
    assert verdict.holds
    assert verdict.entries == 6
    assert verdict.head == head_of(links)
    assert "ledger holds: 6 entries" in str(verdict)


def rewritten(links: list[Link]) -> list[Link]:
    link = links[2]
    return [*links[:2], replace(link, line=link.line.replace('"number":2', '"number":9')), *links[3:]]


def rewritten_with_its_hash(links: list[Link]) -> list[Link]:
    line = links[2].line.replace('"number":2', '"number":9')
    return [*links[:2], replace(links[2], line=line, hash=hash_of(links[1].hash, line)), *links[3:]]


def reattributed(links: list[Link]) -> list[Link]:
    return [*links[:2], replace(links[2], recording=A), *links[3:]]


TAMPERINGS = [
    (rewritten, 3),
    (rewritten_with_its_hash, 4),
    (reattributed, 3),
    (lambda links: [*links[:2], *links[3:]], 3),
    (lambda links: [links[1], links[0], *links[2:]], 1),
    (lambda links: links[1:], 1),
    (lambda links: [*links[:3], *chain(6, start=9_000)[3:]], 4),
]


@pytest.mark.req("CTRL-24")
@pytest.mark.parametrize(("tamper", "first_bad"), TAMPERINGS)
def test_tampering_is_found_and_the_first_bad_link_is_named(tamper, first_bad: int) -> None:
    tampered = tamper(chain())
    verdict = verify(tampered)
    assert verdict.bad_sequence == first_bad
    assert f"entry {first_bad}" in str(verdict)
    believed = [Link(0, None, "", GENESIS), *tampered][:first_bad]
    assert (verdict.entries, verdict.head) == (first_bad - 1, head_of(believed)), "it stands for what is before it"


@pytest.mark.req("CTRL-24")
def test_a_kept_head_shows_a_chain_that_was_cut_or_made_anew() -> None:
    links = chain()
    kept = [head_of(links)]
    assert verify(links[:4]).holds
    assert "cut short" in verify(links[:4], kept).reason
    assert "made anew" in verify(chain(6, start=9_000), kept).reason


def test_the_hash_can_be_checked_with_a_few_lines_of_anything() -> None:
    links = chain(3)
    assert links[1].line == (
        '{"at_unix_ms":1001,"details":{"number":1},"event":"held","recording":"'
        + A.hex()
        + '","schema":1,"sequence":2}'
    )
    assert links[1].hash == hash_of(links[0].hash, links[1].line)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no json", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"schema":2}', "newer software"),
        ('{"at_unix_ms":1,"details":{},"event":"held","recording":null,"schema":1,"sequence":7}', "another entry"),
        ('{"at_unix_ms":1,"details":{},"event":"held", "recording":null,"schema":1,"sequence":1}', "canonical"),
        ('{"at_unix_ms":1,"details":{},"event":"held","recording":null,"schema":1,"sequence":1,"x":1}', "other fields"),
    ],
)
def test_a_line_that_is_no_entry_is_named(line: str, reason: str) -> None:
    verdict = verify([Link(1, None, line, hash_of(GENESIS, line))])
    assert reason in verdict.reason


def test_unknown_words_and_endless_details_are_refused() -> None:
    with pytest.raises(CustodyRefused, match="unknown"):
        make_link(Head(0, GENESIS), "eaten", A, 1, {})
    with pytest.raises(CustodyRefused, match="shorten"):
        make_link(Head(0, GENESIS), "held", A, 1, {"text": "x" * 300_000})


@pytest.mark.req("CTRL-24")
def test_the_index_keeps_the_chain_and_refuses_to_change_it(index: Index) -> None:
    for number in range(1_200):  # more than two pages
        index.append("held", A if number % 3 else None, number, {"number": number})
    ledger = Ledger(index)
    verdict = ledger.verify([index.ledger_head()])
    assert (verdict.holds, verdict.entries) == (True, 1_200)
    assert len(list(ledger.entries(A))) == 800
    assert [entry.details["number"] for entry in ledger.entries()] == list(range(1_200))
    for statement in ("UPDATE ledger SET line = ''", "DELETE FROM ledger"):
        with pytest.raises(CustodyFault, match="append-only"):
            index._database.run(statement)


@pytest.mark.req("CTRL-24")
def test_a_row_changed_behind_the_index_is_found(index: Index) -> None:
    for number in range(5):
        index.append("held", A, number, {"number": number})
    index._database.run("DROP TRIGGER ledger_keeps_lines")
    line = json.dumps({"forged": True})
    index._database.run("UPDATE ledger SET line = ? WHERE sequence = 3", (line,))
    assert Ledger(index).verify().bad_sequence == 3
    with pytest.raises(CustodyRefused, match="ledger entry 3"):
        list(Ledger(index).entries())
