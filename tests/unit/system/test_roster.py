"""A roster is used whole or not at all, and says in one line what is wrong with it."""

from pathlib import Path

import pytest

from host_tools.system.roster import Roster, RosterFileError, load_roster

GOOD = """
[[wearer]]
id = "W-7"
name = "Zoë Example"
profile = "patrol"

[[wearer]]
id = "W-8"
name = "Ada"

[[assignment]]
camera = "CAM-0001"
wearer = "W-7"
"""


def load(tmp_path: Path, text: str) -> Roster:
    path = tmp_path / "roster.toml"
    path.write_text(text, encoding="utf-8")
    return load_roster(path)


def test_a_camera_finds_its_wearer(tmp_path: Path) -> None:
    roster = load(tmp_path, GOOD)
    wearer = roster.wearer_for("CAM-0001")
    assert wearer is not None
    assert (wearer.id, wearer.name, wearer.profile) == ("W-7", "Zoë Example", "patrol")
    assert roster.wearers["W-8"].profile == "default"
    assert roster.wearer_for("CAM-0002") is None


def test_an_empty_roster_assigns_nobody(tmp_path: Path) -> None:
    assert load(tmp_path, "").wearer_for("CAM-0001") is None
    assert Roster().wearer_for("CAM-0001") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[[wearer]]\nid = "1"\nnmae = "A"\nname = "A"\n',
            "roster.toml:3: wearer 1: unknown key nmae; did you mean name?",
        ),
        ('[[waerer]]\nid = "1"\n', "roster.toml:1: unknown key waerer; did you mean wearer?"),
        (
            '[[wearer]]\nid = "1"\nname = "A"\nzzzzzz = 1\n',
            "wearer 1: unknown key zzzzzz; known keys: email, id, linked_username, name, prioritised, profile, tags",
        ),
        ('[[wearer]]\nid = "1"\n', "roster.toml:1: wearer 1: name is missing; add it"),
        ('[[wearer]]\nid = 1\nname = "A"\n', "roster.toml:2: wearer 1: id: is no text: write it in quotes"),
        (
            f'[[wearer]]\nid = "{"x" * 31}"\nname = "A"\n',
            "wearer 1: id: is longer than 30 characters",
        ),
        (f'[[wearer]]\nid = "1"\nname = "{"x" * 61}"\n', "wearer 1: name: is longer than 60 characters"),
        ('[[wearer]]\nid = " "\nname = "A"\n', "wearer 1: id: is empty: write it"),
        ('[[wearer]]\nid = "1"\nname = "A\\u0007"\n', "wearer 1: name: holds something that is not allowed"),
        (GOOD + '[[wearer]]\nid = "w-7"\nname = "B"\n', "wearer 3: id 'w-7' is already used by wearer 1: change one"),
        (GOOD + '[[assignment]]\ncamera = "CAM-0001"\nwearer = "W-8"\n', "assignment 2: camera 'CAM-0001' is already"),
        (
            GOOD + '[[assignment]]\ncamera = "CAM-2"\nwearer = "W-77"\n',
            "no wearer has the id 'W-77'; did you mean 'W-7'?",
        ),
        ('[[assignment]]\ncamera = "CAM-2"\nwearer = "W-77"\n', "camera 'CAM-2': no wearer has the id 'W-77'"),
        ("wearer = 3\n", "roster.toml:1: wearer: is no list"),
        ("[[wearer\n", "roster.toml:1: not TOML: "),
        ("wearer = " + "[" * 5_000 + "\n", "not TOML: a number is too long, or brackets are too deep"),
        (f"wearer = {'9' * 5_000}\n", "not TOML: a number is too long, or brackets are too deep"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(RosterFileError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert expected in message
    assert str(tmp_path / "roster.toml") in message
    assert "\n" not in message


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        RosterFileError, match=r"nowhere\.toml: cannot be read \(No such file or directory\); check its name"
    ):
        load_roster(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RosterFileError, match="is not UTF-8 text; save it as UTF-8"):
        load_roster(tmp_path / "binary.toml")
