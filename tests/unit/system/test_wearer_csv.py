"""CSV: any table is either applied whole or not at all, and what is exported imports as what it was."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from host_tools.system import csv_text
from host_tools.system.errors import CONFLICTS, SystemRefused
from host_tools.system.records import Profile, Wearer
from host_tools.system.system import System
from host_tools.system.wearer_csv import (
    HEADER,
    Conflict,
    Difference,
    ImportPlan,
    differences,
    export,
    plan_import,
    said,
    template,
)
from tests.unit.system.parts import ABILITIES, ADA, EVE, NOW_MS, make_system


def plan(system: System, text: str) -> ImportPlan:
    return plan_import(text, system.state, ABILITIES)


def apply(system: System, text: str) -> ImportPlan:
    with system.change("import", NOW_MS) as edit:
        made = plan_import(text, edit.state, ABILITIES)
        for wearer in (*made.added, *(after for _, after in made.changed)) if not made.conflicts else ():
            edit.put(wearer)
    return made


def conflicts(system: System, text: str) -> list[tuple[int, str]]:
    return [(each.line, each.text) for each in plan(system, text).conflicts]


# -- formulas

TEXTS = st.text(max_size=12) | st.text(alphabet="'=+-@\t\r\n a\uff1d;,|\" ", max_size=8)
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@settings(max_examples=300)
@given(TEXTS)
@example("'t Hooft")
@example("'=1+1")
@example("''-1")
@example("Ada;=1+1")
@example('Ada; "=1')
@example("\t;'=;=")
def test_a_guarded_text_comes_back_and_is_no_formula(text: str):
    guarded = csv_text.guard(text)
    assert csv_text.unguard(guarded) == text
    for cell in re.split("[;,|\t\r\n]", guarded):  # wherever some program's cell begins
        assert not cell.lstrip(' \xa0"').startswith(FORMULA), guarded


@settings(max_examples=150, deadline=None)
@given(TEXTS)
@example('a";=1')
def test_no_spreadsheet_of_another_language_computes_a_cell_of_ours(text: str):
    """Ours is written with commas; these split at what their language has, and take quotes as they come."""
    written = csv_text.write(("first", "second"), [("x", text), (text, "x")])
    for separator in ";\t|":
        for row in csv.reader(io.StringIO(written, newline=""), delimiter=separator):
            assert not [cell for cell in row if cell.startswith(tuple("=+-@\uff1d"))], (separator, row)


def test_a_name_with_an_apostrophe_is_not_touched():
    assert csv_text.guard("'t Hooft") == csv_text.unguard("'t Hooft") == "'t Hooft"
    assert csv_text.unguard("'=1") == "=1", "as a spreadsheet shows it"


# -- import

GOOD = 'ID,Name,Profile,E-mail,RFID\r\nW-001,Ada L.,,,\r\nW-7,"Zoë, Example",default,zoe@example.org,04 05aa 0506\r\n'


@pytest.mark.req("CTRL-04")
def test_new_ones_are_added_and_known_ones_changed():
    system = make_system()
    made = plan(system, GOOD.replace("04 05aa 0506", "0405aa 0506"))
    assert made.conflicts == []
    assert made.added == [Wearer(id="W-7", name="Zoë, Example", email="zoe@example.org", tags=("0405AA", "0506"))]
    assert made.changed == [(ADA, ADA.model_copy(update={"name": "Ada L."}))], "an empty cell takes nothing away"
    assert differences(*made.changed[0]) == [Difference("name", "Ada Lovelace", "Ada L.")]
    ada = {"tags": ("0405", "0406"), "prioritised": True, "email": ""}
    told = said(differences(ADA.model_copy(update={"email": "a@b.c"}), ADA.model_copy(update=ada)))
    assert told == "e-mail a@b.c → none; RFID 04A1B2C3 → 0405 0406; prioritised no → yes"


@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff", "\ufeff\r\n"])
def test_as_spreadsheets_write_it(separator: str, end: str, bom: str):
    rows = (("Name", "ID"), ("Zoë", "W-7"), ("", ""), ("Max", "W-8"))
    text = bom + end.join(separator.join(row) for row in rows) + end
    made = plan(make_system(), text)
    assert [(each.id, each.name) for each in made.added] == [("W-7", "Zoë"), ("W-8", "Max")]
    assert made.conflicts == []


@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, "the file is empty: its first line is ID, Name, …")),
        ("ID\nW-1\n", (1, "there is no column Name: add it")),
        ("ID,Name,Shoe\n", (1, "unknown column 'Shoe'; known: ")),
        ("ID,Name,id\n", (1, "column 'id' is there twice")),
        ("ID,Name\n,Ada\n", (2, "the ID is missing")),
        ("ID,Name\nW-7,\n", (2, "the name is missing")),
        ("ID,Name\nW-7,A\nw-7,B\n", (3, "ID w-7 is already in line 2: take one out")),
        ("ID,Name\nw-001,A\n", (2, "the id is already used by Ada Lovelace")),
        ("ID,Name,RFID\nW-7,A,04a1b2c3\n", (2, "tag 04A1B2C3 belongs to Ada Lovelace (W-001)")),
        ("ID,Name,RFID\nW-7,A,0405\nW-8,B,0405\n", (2, "tag 0405 belongs to B (W-8)")),
        ("ID,Name,RFID\nW-7,A,xyz\n", (2, "tags: is no badge number: write 4 to 64 hexadecimal digits, as 04A1B2C3")),
        ("ID,Name,Profile\nW-7,A,night\n", (2, "there is no profile night")),
        ("ID,Name,E-mail\nW-7,A,nobody\n", (2, "email: is no e-mail address: write one as ada@example.org")),
        ("ID,Name,Prioritised\nW-7,A,perhaps\n", (2, "write yes or no")),
        ("ID,Name\nW-7,A,B\n", (2, "3 cells, and only 2 columns")),
        ('ID,Name\nW-7,"A\n', (2, "not CSV")),
        ("ID,Name\n" + f"{'x' * 31},A\n", (2, "longer than 30 characters")),
    ],
)
def test_conflicts_name_their_line(text: str, expected: tuple[int, str]):
    found = conflicts(make_system(), text)
    assert found, "accepted"
    assert (found[0][0], expected[1] in found[0][1]) == (expected[0], True), found
    for each in plan(make_system(), text).conflicts:
        check_code(each)


def check_code(conflict: Conflict) -> None:
    """Whoever says it in another language knows the word, and has the values."""
    assert tuple(conflict.values) == CONFLICTS[conflict.code], conflict


@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize(
    ("text", "code", "values"),
    [
        ("", "table_empty", {}),
        ("ID,Name,Shoe\n", "column_unknown", {"column": "Shoe"}),
        ("ID\nW-1\n", "column_missing", {"field": "name"}),
        ("ID,Name\nW-7,\n", "missing", {"field": "name"}),
        ("ID,Name\nW-7,A\nw-7,B\n", "id_twice", {"id": "w-7", "line": 2}),
        ("ID,Name,RFID\nW-7,A,04a1b2c3\n", "badge_taken", {"tag": "04A1B2C3", "name": "Ada Lovelace (W-001)"}),
        ("ID,Name,RFID\nW-7,A,c3b2a104\n", "badge_turned", {"tag": "C3B2A104", "known": "04A1B2C3",
                                                         "name": "Ada Lovelace (W-001)"}),
        ("ID,Name,RFID\nW-7,A,08010203\n", "badge_changing", {"tag": "08010203"}),
        ("ID,Name,RFID\nW-7,A,88010203\n", "badge_cut", {"tag": "88010203"}),
        ("ID,Name,E-mail\nW-7,A,nobody\n", "not_allowed", {"field": "email"}),
        ("ID,Name\n" + f"{'x' * 31},A\n", "too_long", {"field": "id", "most": 30}),
        ("ID,Name,RFID\nW-7,A," + " ".join(f"04{n:02}" for n in range(17)) + "\n", "too_many",
         {"field": "tags", "most": 16}),
    ],
)  # fmt: skip
def test_a_conflict_is_a_word_with_values_too(text: str, code: str, values: dict[str, object]):
    found = plan(make_system(), text).conflicts
    assert [(each.code, dict(each.values)) for each in found] == [(code, values)]
    check_code(found[0])


@pytest.mark.req("CTRL-05")
def test_a_profile_that_the_wearer_s_camera_cannot_do_is_a_conflict():
    system = make_system()
    with system.change("ann", NOW_MS) as edit:
        edit.put(Profile(name="fall", settings={"fall_recording": True}))
    (found,) = plan(system, "ID,Name,Profile\nW-001,Ada,fall\n").conflicts
    assert "no motion sensor" in found.text
    assert found.code == "camera_cannot"
    check_code(found)


@pytest.mark.req("CTRL-04")
def test_a_badge_moves_within_one_file_and_a_dash_empties():
    system = make_system()
    made = apply(system, "ID,Name,RFID\nW-001,Ada Lovelace,-\nW-002,Eve Example,04A1B2C3\n")
    assert made.conflicts == []
    assert system.wearer_of_tag("04A1B2C3") == EVE.model_copy(update={"tags": ("04A1B2C3",)})
    assert system.wearers["W-001"].tags == ()


def test_the_token_is_of_exactly_what_was_shown():
    system = make_system()
    text = "ID,Name\nW-001,Ada L.\nW-7,New\n"
    token = plan(system, text).token()
    assert plan(system, text).token() == token
    with system.change("bob", NOW_MS) as edit:
        edit.put(EVE.model_copy(update={"name": "other"}))
    assert plan(system, text).token() == token, "what the file does not touch may change"
    for meanwhile in ({"email": "a@b.c"}, {"name": "Ada King"}):
        with system.change("bob", NOW_MS) as edit:
            edit.put(ADA.model_copy(update=meanwhile))
        assert plan(system, text).token() != token, meanwhile


def test_the_template_imports():
    made = plan(make_system(), template())
    assert made.conflicts == []
    assert [each.id for _, each in made.changed] == ["W-001"]


# -- any table at all

NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20).filter(
    lambda text: bool(text.strip())
)
WEARERS = st.builds(
    lambda number, name, email, tag, prioritised, username: {
        "id": f"{'=-@x'[number % 4]}{number}",
        "name": name,
        "email": email,
        "tags": (f"{number:04X}",) if tag else (),
        "prioritised": prioritised,
        "linked_username": username,
    },
    st.integers(0, 60),
    NAMES | st.sampled_from(["=1+1", "'=1", "-", "@x", "a,b", 'a"b', "'t Hooft", ";;", "\uff1d1"]),
    st.sampled_from(["", "a@b.c", "-a@b.c", "+x@y.z"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "ada", "=ada", "-"]),
)


def system_of(people: list[dict[str, object]]) -> System:
    system = System(abilities=ABILITIES)
    for values in people:
        try:
            with system.change("x", NOW_MS) as edit:
                edit.put(Wearer.model_validate(values))
        except SystemRefused:
            pass
    return system


@pytest.mark.req("CTRL-04")
@settings(max_examples=80, deadline=None)
@given(st.lists(WEARERS, max_size=8))
def test_an_export_imports_as_what_it_was(people: list[dict[str, object]]):
    system = system_of(people)
    text = export(system.state)
    again = plan(system, text)
    assert (again.added, again.changed, again.conflicts, again.same) == ([], [], [], len(system.wearers))
    empty = System(abilities=ABILITIES)
    assert apply(empty, text).conflicts == []
    assert empty.wearers == system.wearers
    assert export(empty.state) == text
    for row in list(csv.reader(io.StringIO(text)))[1:]:
        assert all(cell[:1] not in tuple("=+-@\uff1d") for cell in row), "nothing that a spreadsheet computes"


# As the page and the command line give it: text of at most four mebibytes.
@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ID,Name\n" + "a,b\n" * 12_000, "more than 10001 rows"),
        ("ID,Name\n" + "," * 2_000_000 + "x\n", "2000001 cells, and at most 1024 columns"),
        ("ID,Name\n" + "x" * 5_000 + ",y\n", "a cell of more than 4096 characters"),
        ("ID,Name\n" + "x" * 1_000_000 + ",y\n", "field larger than field limit"),
        ('ID,Name\n"' + "\n" * 2_000_000, "not CSV"),
        ("ID,Name\na\0b,y\n", "leave out what does not print"),
        ("ID,Name\nW-1,\x1b[2J\n", "leave out what does not print"),
        ("PK\x03\x04" + "\ufffd" * 100_000, "unknown column|a cell of more than"),
    ],
    ids=["rows", "columns", "cell", "huge cell", "open quote", "zero", "escape", "zip"],
)
def test_bombs_are_one_line(text: str, why: str):
    system = make_system()
    tracemalloc.start()
    found = plan(system, text)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert re.search(why, found.conflicts[0].text), found.conflicts[0]
    assert not [each for each in found.conflicts if "\n" in each.text]
    assert not found.added
    assert peak_bytes < 60_000_000


@pytest.mark.req("CTRL-04")
def test_zeros_that_a_spreadsheet_has_taken_make_no_second_person():
    system = make_system()
    with system.change("x", NOW_MS) as edit:
        edit.put(Wearer(id="00123", name="Zoë"))
    found = plan(system, "ID,Name\n123,Zoë\n7,Max\n").conflicts
    assert [(each.line, each.code, each.values) for each in found] == [(2, "id_zeros", {"id": "123", "known": "00123"})]
    both = plan(system, "ID,Name\n123,Another\n00123,Zoë\n")
    assert (both.conflicts, [each.id for each in both.added]) == ([], ["123"]), "whoever has both says both"


# A space of no width, a turn of the direction, a letter of full width, one of two letters: nobody sees a difference.
@pytest.mark.req("CTRL-04")
@pytest.mark.parametrize("alike", ["W-001\u200b", "\u202eW-001", "\uff37-001", "w-00\u20601"])
def test_an_id_that_nobody_tells_from_another_is_taken(alike: str):
    assert [each.code for each in plan(make_system(), f"ID,Name\n{alike},Eve\n").conflicts] == ["id_taken"]
    twice = plan(System(abilities=ABILITIES), f"ID,Name\nW-001,Eve\n{alike},Max\n")
    assert [(each.line, each.code) for each in twice.conflicts] == [(3, "id_twice")]


CELLS = st.sampled_from(
    ["W-001", "W-002", "W-7", "w-7", "Ada", "", "-", "=x", "04A1B2C3", "0405", "night", "default", '"', "yes", "a@b.c"]
)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=8), max_size=6)


@pytest.mark.req("CTRL-04")
@settings(max_examples=150, deadline=None)
@given(st.permutations(HEADER).flatmap(lambda names: st.integers(1, 7).map(lambda n: names[:n])), TABLES)
def test_any_table_is_applied_whole_or_not_at_all(header: list[str], rows: list[list[str]]):
    system = make_system()
    text = csv_text.write(header, rows)
    before, revision = dict(system.wearers), system.revision
    made = apply(system, text)
    for each in made.conflicts:
        check_code(each)
    if made.conflicts:
        assert (dict(system.wearers), system.revision) == (before, revision)
    else:
        written = {each.id: each for each in (*made.added, *(after for _, after in made.changed))}
        assert dict(system.wearers) == before | written
        assert apply(system, text).conflicts == []
        assert not plan(system, text).added, "a second time it changes nothing"
        assert not plan(system, text).changed


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80) | st.text(alphabet="ID,Name\n\r\"';\t=x0", max_size=60))
def test_any_text_makes_a_plan(text: str):
    made = plan(make_system(), text)
    assert made.conflicts or all(each.id for each in made.added) or made.same or made.changed or not made.added
    for each in made.conflicts:
        check_code(each)
