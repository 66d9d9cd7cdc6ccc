"""What goes beside a clip is under its controller's signature: whoever has the destination cannot say otherwise."""

from __future__ import annotations

import functools
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from host_tools.destinations.extras import Bookmark, Extra, Fix, bookmark, location_track, opening_bookmark
from host_tools.destinations.names import clip_name
from host_tools.evidence import verification
from tests.unit.custody.recordings import STARTED_UNIX_MS
from tests.unit.evidence.test_export_proof import GIVEN, Taken, lines

pytestmark = pytest.mark.req("DEST-11", "CTRL-24")
CLIP = f"objects/{clip_name(GIVEN.manifest)}"
TRACK = location_track(GIVEN.manifest, [Fix(STARTED_UNIX_MS + second, 59.33, 18.06) for second in (0, 1_000)])
OPENING = opening_bookmark(
    "m0", STARTED_UNIX_MS, "Night shift", "Button", "59.33;18.06;5;1", ("4", "Homicide"), "Blue."
)
TURN = bookmark(Bookmark("m1", STARTED_UNIX_MS + 1_000, text="the turn"))
BESIDE = (TRACK, OPENING, TURN)
SIGNED = "beside the clip,"


class Sent(Taken):
    """An export with all that goes beside a clip. ``check`` in this process: the same program, without its start."""

    capture: pytest.CaptureFixture[str]

    def check(self, *words: str) -> tuple[int, str]:
        self.capture.readouterr()
        code = verification.main([str(self.folder), "--root", self.root(), *words])
        return code, self.capture.readouterr().out

    def is_bad(self) -> bool:
        return self.check()[0] == 1


def place(extra: Extra) -> str:
    return f"objects/{extra.name}"


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """What openssl has said of the very same bytes: a process each time is what would take all the time here."""
    is_signed, leads_to, run = verification.is_signed, functools.cache(verification.leads_to), verification.run
    subjects: dict[bytes, str | None] = {}

    def said(*words: str) -> str | None:
        if "-subject" not in words:
            return run(*words)
        certificate = Path(words[words.index("-in") + 1]).read_bytes()
        if certificate not in subjects:
            subjects[certificate] = run(*words)
        return subjects[certificate]

    monkeypatch.setattr(verification, "is_signed", functools.cache(is_signed))
    monkeypatch.setattr(verification, "leads_to", lambda chain, root: leads_to(tuple(chain), root))
    monkeypatch.setattr(verification, "run", said)


@pytest.fixture
def make(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Sent]:
    def made(*attempts: tuple[Extra, ...]) -> Sent:
        sent = Sent(tmp_path / "out", beside=attempts)
        sent.capture = capsys
        return sent

    return made


@pytest.fixture
def sent(make: Callable[..., Sent]) -> Sent:
    return make(BESIDE)


def test_bookmarks_and_track_are_as_their_controller_sent_them(sent: Sent) -> None:
    code, told = sent.check()
    assert code == 0, told
    assert f"3 {SIGNED} {TRACK.name}, {OPENING.name}, {TURN.name}, as their controller sent them" in told
    assert "good  container.meta.json tells what the controller told: BWCModel, BWCSerialNumber" in told
    assert lines(told, "----  NOT") == ["----  NOT CHECKED: who wrote the manifest: its camera did not sign it"]


@pytest.mark.parametrize("extra", BESIDE, ids=["track", "opening", "bookmark"])
def test_another_text_of_any_of_them_shows(sent: Sent, extra: Extra) -> None:
    """Whoever has the destination makes every sum and every list fit."""
    for data in (extra.body + b" ", extra.body.replace(b"5", b"6").replace(b"t", b"d"), b""):
        sent.objects[place(extra)] = data
        sent.write()
        code, told = sent.check()
        assert (code, lines(told, "BAD ")) == (1, [f"BAD   {extra.name}: is not what its controller sent"])


def test_another_category_time_or_place_of_a_bookmark_shows(sent: Sent) -> None:
    for key in [*OPENING.metadata, "EndTime"]:
        sent.told[place(OPENING)] = {**OPENING.metadata, key: "2027-01-01T00:00:00.000Z"}
        sent.write()
        code, told = sent.check()
        assert (code, lines(told, "BAD ")) == (1, [f"BAD   {OPENING.name}: is not what its controller sent"]), key


def test_other_words_about_the_recording_show(sent: Sent) -> None:
    """Also those that its camera does not sign in these words, or has sealed."""
    kept = dict(sent.about["metadata"])
    named = [key for key in kept if not key.startswith("Ledger") and key not in ("Status", "TimeZone")]
    assert {"UserID", "TriggerOn", "TriggerOnTimeISO", "FirmwareVersion", "ContainerName"} <= set(named)
    for key in named:
        for value in ("another", ""):
            sent.about["metadata"] = {**kept, key: value}
            sent.write()
            assert sent.is_bad(), (key, value)
    sent.about["metadata"] = {**kept, "TimeZone": "Europe/Stockholm"}
    sent.write()
    assert not sent.is_bad(), "by which people read times, and which may be another at each attempt"


def test_what_is_taken_away_added_or_exchanged_shows(sent: Sent) -> None:
    kept, told = dict(sent.objects), dict(sent.told)
    stem = CLIP.rpartition(".")[0]
    forged: list[dict[str, bytes]] = [{name: data for name, data in kept.items() if name != gone} for gone in kept]
    added = ("objects/bookmark_20260101T000005Z_m9", f"{stem}.mkv", "objects/b.mp4", "objects/.key", "objects/b.key")
    forged += [{**kept, name: TURN.body} for name in (*added, "objects/custody_2.json", "objects/more.json")]
    names = [CLIP, *map(place, BESIDE)]
    forged += [{**kept, a: kept[b], b: kept[a]} for a in names for b in names if a < b]
    for objects in forged:
        sent.objects, sent.told = objects, told
        for path in (sent.folder / "objects").iterdir():
            path.unlink()
        sent.write()
        assert sent.is_bad(), sorted(objects.keys() ^ kept.keys())


def test_nothing_is_listed_twice_under_another_name(sent: Sent) -> None:
    """Of two of one name a reader sees the first, and a program might judge the second."""
    path = sent.folder / "container.meta.json"
    sums, before = (sent.folder / "SHA256SUMS").read_text(), path.read_bytes()
    about: dict[str, Any] = json.loads(before)
    evil = dict(next(each for each in about["objects"] if each["name"] == TURN.name), file="z")
    (sent.folder / "objects" / "z").write_bytes(TURN.body)
    for listed in ([evil, *about["objects"]], [*about["objects"], evil]):
        path.write_text(json.dumps({**about, "objects": listed}))
        line = f"{evil['sha256']}  objects/z\n"
        (sent.folder / "SHA256SUMS").write_text(sums.replace(digest(before), digest(path.read_bytes())) + line)
        code, told = sent.check()
        assert (code, lines(told, "BAD ")) == (1, ["BAD   container.meta.json lists an object twice"])


def digest(data: bytes) -> str:
    return verification.hashlib.sha256(data).hexdigest()


def test_one_byte_of_any_file_shows(sent: Sent) -> None:
    """Of the list of sums as well; whatever the byte becomes."""
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    files = sorted(path for path in sent.folder.rglob("*") if path.is_file())
    assert len(files) == 9
    for path in files * 3:
        kept = path.read_bytes()
        at, change = chance.randrange(len(kept)), chance.randrange(1, 256)
        path.write_bytes(kept[:at] + bytes([kept[at] ^ change]) + kept[at + 1 :])
        assert sent.is_bad(), (path.name, at, change)
        path.write_bytes(kept[:at] + kept[at + 1 :])
        assert sent.is_bad(), (path.name, at, "left out")
        path.write_bytes(kept)
    assert not sent.is_bad()


def test_every_word_of_the_chain_counts(sent: Sent) -> None:
    """Entries, head, signer and manifest: each text in them is covered by one of the two signatures."""
    kept = sent.custody()
    for key in ("entries", "head", "signer", "manifest"):
        for where in places(kept[key]):
            custody = sent.custody()
            change(custody, (key, *where))
            sent.forge(custody)
            assert sent.is_bad(), (key, where)


def places(value: Any) -> list[tuple[str | int, ...]]:
    """Of all that is neither list nor table."""
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        return [(key, *rest) for key, each in inner for rest in places(each)]
    return [()]


def change(document: Any, where: tuple[str | int, ...]) -> None:
    *way, last = where
    for key in way:
        document = document[key]
    value = document[last]
    if isinstance(value, int):
        document[last] = value + 1
    else:
        document[last] = f"{value[:20]}{'1' if value[20:21] == '0' else '0'}{value[21:]}"


def test_what_an_earlier_attempt_had_sent_is_known_as_such(make: Callable[..., Sent]) -> None:
    """A bookmark whose time was mended before the recording went out again has another name then."""
    later = bookmark(Bookmark("m1", STARTED_UNIX_MS + 2_000, text="the turn"))
    sent = make((TRACK, TURN), (TRACK, later))
    code, told = sent.check()
    assert code == 0, told
    assert f"----  {TURN.name}: its controller left this out when it sent the recording anew" in told
    assert f"good  2 {SIGNED}" in told
    sent.objects[place(TURN)] = b"another"
    sent.write()
    assert sent.is_bad()
    sent.objects = {name: data for name, data in sent.objects.items() if name != place(TURN)}
    (sent.folder / place(TURN)).unlink()
    sent.write()
    assert not sent.is_bad()


def test_an_encrypted_track_is_compared_once_it_is_open(sent: Sent, tmp_path: Path) -> None:
    stem = place(TRACK).removesuffix(".json")
    sent.objects |= {place(TRACK): b"sealed", f"{stem}.key": b"{}"}
    sent.write()
    code, told = sent.check()
    assert code == 0
    assert f"NOT CHECKED: {TRACK.name} as its controller sent it: it is encrypted" in told
    opened = tmp_path / "opened.json"
    for content, wanted in ((TRACK.body, 0), (TRACK.body + b" ", 1)):
        opened.write_bytes(content)
        assert sent.check("--track", str(opened))[0] == wanted


def test_an_export_of_former_times_holds_and_says_what_it_does_not_cover(make: Callable[..., Sent]) -> None:
    sent = make()
    sent.objects[place(TURN)] = TURN.body
    sent.write()
    code, told = sent.check()
    assert code == 0, told
    assert f"NOT CHECKED: 1 {SIGNED} {TURN.name}, as their controller sent them" in told


def test_an_entry_that_no_head_covers_proves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever has a recording of former times could write one himself: its key is in the manifest."""
    sent = Sent(tmp_path / "out", lambda by, head: by.sign(head.head, head.recording, head.at_unix_ms), beside=[BESIDE])
    sent.capture = capsys
    code, told = sent.check()
    assert code == 0, told
    assert "NOT CHECKED: 3 beside the clip, " in told
    assert "what the controller told" not in told


def test_who_wore_a_camera_that_seals_it_is_the_controllers_word(capsys: pytest.CaptureFixture[str]) -> None:
    never = {"source": "none", "unix_ms": 0}
    manifest = {"camera_serial": "CAM-1", "wearer_id": "", "started": never, "stopped": never, "private": "00ff"}
    for is_enclosed, unchecked in ((True, 0), (False, 1)):
        verdict = verification.Verdict()
        about = {"BWCSerialNumber": "CAM-1", "UserID": "W-8"}
        verification.check_told(manifest, about, "", is_enclosed, verdict)
        assert (verdict.bad, verdict.unchecked) == (0, unchecked), capsys.readouterr().out


def test_the_ledger_alone_tells_nobody_where_it_was(sent: Sent) -> None:
    """Its digests are keyed: whoever guesses a place or a wearer cannot try it without the manifest."""
    (line,) = [each["line"] for each in sent.custody()["entries"] if '"enclosed"' in each["line"]]
    digests = json.loads(line)["details"]
    bare = {"name": TURN.name, "metadata": TURN.metadata, "sha256": digest(TURN.body)}
    assert digests["objects"][TURN.name] != digest(verification.canonical(bare))
    assert TURN.name in digests["objects"]
