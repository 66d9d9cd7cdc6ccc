"""An export to somebody who trusts nobody: what ``verify.py`` finds, and what it does not claim to have found."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from firmware.ports.memory_files import MemoryFiles
from firmware.secure.signing import P256Signer
from host_tools.controller.delivery_extras import custody_chain, enclosed
from host_tools.custody.heads import HeadSigner, SignedHead
from host_tools.custody.index import open_index
from host_tools.custody.journey import Journey
from host_tools.custody.spool import Spool
from host_tools.destinations.extras import Extra
from host_tools.destinations.metadata import completion_metadata, recording_metadata
from host_tools.destinations.names import clip_name
from host_tools.evidence import verification
from host_tools.evidence.export import README
from tests.unit.custody.recordings import sample
from tests.unit.custody.test_heads import signer_of
from tests.unit.trust.parts import World

pytestmark = pytest.mark.req("DEST-11", "CTRL-24")
GIVEN, OTHER = sample(1), sample(2)
CLIP, CUSTODY = "objects/a.mp4", "objects/custody_1.json"
Document = dict[str, Any]


class Taken:
    """An export in a folder, with a controller that signs."""

    def __init__(
        self,
        folder: Path,
        sign: Callable[[HeadSigner, SignedHead], SignedHead] = lambda _, head: head,
        seed: int = 1,
        beside: Sequence[Sequence[Extra]] = (),
    ) -> None:
        """``beside``: what the controller put beside the clip, at each attempt to send it."""
        self.folder, self.world = folder, world_of(seed)
        (folder / "objects").mkdir(parents=True)
        index = open_index(str(folder.with_name("index.sqlite")))
        spool, journey = Spool(MemoryFiles(), index, lambda: 5_000, spare_bytes=4_096), Journey(index, lambda: 5_000)
        for each in (OTHER, GIVEN):  # entries of others lie between this one's
            spool.accept(each.manifest_bytes, "CAM-0001", each.digest)
        for each in (GIVEN, OTHER):
            spool.write(each.recording, 0, each.chunks)
            spool.commit()
        journey.start_delivery(GIVEN.recording, "box")
        metadata = recording_metadata(GIVEN.manifest, "box", "controller-1", "UTC")
        for extras in beside:
            journey.enclose(GIVEN.recording, enclosed(GIVEN.manifest_bytes, GIVEN.manifest, metadata, "W-7", extras))
        signer = signer_of(self.world.trust)
        head = sign(signer, journey.sign_head(GIVEN.recording, signer))
        custody = custody_chain(index, spool, head, signer)
        spool.close()
        index.close()
        metadata |= completion_metadata(head)
        clip = f"objects/{clip_name(GIVEN.manifest)}" if beside else CLIP
        sent = {f"objects/{each.name}": each for extras in beside for each in extras}
        self.objects = {clip: GIVEN.content, CUSTODY: custody, **{name: each.body for name, each in sent.items()}}
        self.told = {name: dict(each.metadata) for name, each in sent.items()}
        self.about: Document = {
            "metadata": {key: value for key, value in metadata.items() if value},
            "received_unix_ms": 5_000, "completed_unix_ms": 6_000, "quarantine": "",
        }  # fmt: skip
        self.write()

    def write(self) -> None:
        """All files, with sums that fit: whoever forges makes them fit."""
        named = [
            {"name": name.partition("/")[2], "sha256": sha256(data), "metadata": self.told.get(name, {})}
            for name, data in self.objects.items()
        ]
        files = {
            **self.objects,
            "README.txt": README.encode(),
            "container.meta.json": json.dumps({**self.about, "objects": named}).encode(),
            "verify.py": Path(verification.__file__).read_bytes(),
        }
        for name, data in files.items():
            (self.folder / name).write_bytes(data)
        sums = "".join(f"{sha256(data)}  {name}\n" for name, data in files.items())
        (self.folder / "SHA256SUMS").write_text(sums)

    def custody(self) -> Document:
        return json.loads(self.objects[CUSTODY])

    def forge(self, custody: Document) -> None:
        self.objects[CUSTODY] = json.dumps(custody).encode()
        self.write()

    def verify(self, *words: str, path: str | None = None) -> tuple[int, str]:
        """With a Python that has nothing of ours."""
        told = subprocess.run(
            [sys.executable, "-I", str(self.folder / "verify.py"), *words], capture_output=True, text=True, check=False,
            env=None if path is None else {"PATH": path},
        )  # fmt: skip
        return told.returncode, told.stdout + told.stderr

    def root(self) -> str:
        path = self.folder.with_name("root.pem")
        path.write_bytes(x509.load_der_x509_certificate(self.world.trust.record.root).public_bytes(Encoding.PEM))
        return str(path)


@functools.cache
def world_of(seed: int) -> World:
    """A system: its passphrase costs time."""
    return World(seed)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def lines(told: str, word: str) -> list[str]:
    return [line for line in told.splitlines() if line.startswith(word)]


@pytest.fixture
def taken(tmp_path: Path) -> Taken:
    return Taken(tmp_path / "out")


def test_what_holds_is_said_line_by_line_with_times(taken: Taken) -> None:
    assert shutil.which("openssl")
    code, told = taken.verify("--root", taken.root())
    assert code == 0, told
    assert "good  the signature over the ledger's head is controller controller-1's" in told
    assert "good  the ledger's head covers these entries, and no other of this recording" in told
    assert "good  the controller's certificate leads to the system's root" in told
    assert "good  container.meta.json tells it as the camera does" in told
    assert "good  a.mp4 is what the camera recorded" in told
    assert "the camera says: started 2026-01-01 00:00:00 UTC, by button" in told
    assert "1970-01-01 00:00:05 UTC docked" in told
    assert lines(told, "----  NOT CHECKED") == ["----  NOT CHECKED: who wrote the manifest: its camera did not sign it"]


def test_what_could_not_be_checked_is_never_said_as_if_it_held(taken: Taken, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, told = taken.verify(path=str(tmp_path / "empty"))
    assert code == 0, told
    skipped = lines(told, "----  NOT CHECKED")
    assert len(skipped) == 4, told
    assert any("signature" in line and "openssl is not installed" in line for line in skipped)
    assert any("--root" in line for line in skipped)
    assert any("own" in line for line in skipped)
    assert told.endswith("everything that was checked holds; 4 things could not be checked\n")


def test_another_systems_root_is_bad(taken: Taken, tmp_path: Path) -> None:
    code, told = Taken(tmp_path / "other" / "out", seed=2).verify("--root", taken.root())
    assert code == 1
    assert lines(told, "BAD") == ["BAD   the controller's certificate leads to the system's root"]


def test_an_entry_that_was_rewritten_with_all_its_hashes_shows(taken: Taken) -> None:
    custody = taken.custody()
    for entry in custody["entries"]:
        entry["line"] = entry["line"].replace('"at_unix_ms":5000,"details":{"camera":"CAM-0001"', '"at_unix_ms":4000,"details":{"camera":"CAM-0001"')  # fmt: skip  # noqa: E501
        entry["hash"] = sha256(bytes.fromhex(entry["previous"]) + entry["line"].encode())
    assert custody != taken.custody()
    taken.forge(custody)
    code, told = taken.verify()
    assert code == 1
    assert lines(told, "BAD") == ["BAD   the ledger's head covers these entries, and no other of this recording"]


def test_an_entry_whose_words_were_changed_and_its_hash_left_shows(taken: Taken) -> None:
    """What the head covers are hashes: that each is over its own words is looked at for itself."""
    whole = verification.Verdict()
    verification.check_entries(taken.custody(), whole)
    assert whole.bad == 0
    for change in (
        lambda custody: custody["entries"][1].update(line=custody["entries"][1]["line"].replace("5000", "4000")),
        lambda custody: custody["entries"].reverse(),
        lambda custody: custody["entries"].clear(),
        lambda custody: custody.update(recording="00" * 16),
    ):
        custody = taken.custody()
        change(custody)
        assert custody != taken.custody()
        verdict = verification.Verdict()
        verification.check_entries(custody, verdict)
        assert verdict.bad == 1


def test_an_entry_that_was_left_out_shows(taken: Taken) -> None:
    custody = taken.custody()
    del custody["entries"][2]
    taken.forge(custody)
    code, told = taken.verify()
    assert code == 1
    assert "BAD   the ledger's head covers these entries" in told


def test_entries_that_were_put_behind_the_head_show(taken: Taken) -> None:
    """Whatever they tell, and also where the head is told of once more behind them."""
    whole = taken.custody()
    last = whole["entries"][-1]
    for more in (
        [entry_after(last, "handed_over")],
        [entry_after(last, "handed_over"), entry_after(last, "head_signed")],
    ):
        custody = taken.custody()
        custody["entries"] += more
        taken.forge(custody)
        code, told = taken.verify()
        assert code == 1
        assert "BAD   the ledger's head covers these entries" in told
    custody = taken.custody()
    other = json.dumps(json.loads(last["line"]) | {"at_unix_ms": 4_999})
    joined = sha256(bytes.fromhex(last["previous"]) + other.encode())
    custody["entries"] = [*whole["entries"][:-1], last | {"line": other, "hash": joined}]
    taken.forge(custody)
    assert "BAD   the head stands where the ledger says" in taken.verify()[1], "at another time"


def entry_after(before: Document, event: str) -> Document:
    """One more link, as whoever knows how links are made makes it."""
    line = json.loads(before["line"]) | {"event": event, "sequence": before["sequence"] + 1}
    text = json.dumps(line)
    joined = sha256(bytes.fromhex(before["hash"]) + text.encode())
    return {"sequence": line["sequence"], "previous": before["hash"], "hash": joined, "line": text}


def test_a_digest_of_entries_that_nobody_signed_shows(taken: Taken) -> None:
    custody = taken.custody()
    del custody["entries"][2]
    hashes = b"".join(bytes.fromhex(each["hash"]) for each in custody["entries"][:-1])
    custody["head"]["LedgerEntries"] = taken.about["metadata"]["LedgerEntries"] = sha256(hashes)
    taken.forge(custody)
    code, told = taken.verify()
    assert code == 1
    assert "BAD   the signature over the ledger's head" in told


def test_a_head_of_former_times_is_believed_as_far_as_it_goes(tmp_path: Path) -> None:
    def bare(signer: HeadSigner, head: SignedHead) -> SignedHead:
        return signer.sign(head.head, head.recording, head.at_unix_ms)

    code, told = Taken(tmp_path / "out", bare).verify()
    assert code == 0, told
    assert "NOT CHECKED: whether these entries are the controller's" in told
    assert "good  the signature over the ledger's head" in told


def test_other_words_about_the_recording_than_its_cameras_show(taken: Taken) -> None:
    for key, value in (("UserID", "W-8"), ("StartTime", "1767225601"), ("BWCSerialNumber", "CAM-2")):
        kept = taken.about["metadata"][key]
        taken.about["metadata"][key] = value
        taken.write()
        code, told = taken.verify()
        assert (code, lines(told, "BAD")) == (
            1,
            [f"BAD   container.meta.json tells it as the camera does, not so {key}"],
        )
        taken.about["metadata"][key] = kept


@pytest.mark.parametrize(
    ("worn", "told", "private", "bad", "skipped"),
    [
        ("", "", "", 0, 0),
        ("", "unassigned", "", 0, 0),
        ("", "00000000-0000-0000-0000-000000000000", "", 0, 0),
        ("", "W-8", "", 1, 0),
        ("W-7", "W-7", "", 0, 0),
        ("W-7", "", "", 0, 0),
        ("Zoë 7", "Zoë 7", "", 0, 0),
        ("Zoë 7", "W-8", "", 0, 1),
        ("", "W-8", "00ff", 0, 1),
        ("", "", "00ff", 0, 1),
    ],
)
def test_who_wore_it_is_checked_or_said_not_to_be(
    worn: str, told: str, private: str, bad: int, skipped: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A camera of a system seals whose it was, and of what nobody wore anything can be told."""
    never = {"source": "none", "unix_ms": 0}
    manifest = {"camera_serial": "CAM-0001", "wearer_id": worn, "started": never, "stopped": never}
    verdict = verification.Verdict()
    metadata = {"BWCSerialNumber": "CAM-0001", **({"UserID": told} if told else {})}
    verification.check_told(manifest | ({"private": private} if private else {}), metadata, "", False, verdict)
    assert (verdict.bad, verdict.unchecked) == (bad, skipped), capsys.readouterr().out
    if not worn:  # that a system knows its wearers by UUID gives nobody one
        verdict = verification.Verdict()
        system = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
        verification.check_told(manifest | ({"private": private} if private else {}), metadata, system, False, verdict)
        assert (verdict.bad, verdict.unchecked) == (bad, skipped), capsys.readouterr().out


def test_a_file_that_was_put_beside_shows(taken: Taken) -> None:
    (taken.folder / "notes.txt").write_text("mine")
    code, told = taken.verify()
    assert (code, "notes.txt: is no part of the export" in told) == (0, True), told
    (taken.folder / "objects" / "b.mp4").write_bytes(b"another film")
    code, told = taken.verify()
    assert (code, lines(told, "BAD")) == (1, ["BAD   objects/b.mp4: was put beside what was exported"])


def test_an_encrypted_clip_is_compared_once_it_is_open(taken: Taken, tmp_path: Path) -> None:
    taken.objects = {CLIP: b"sealed", "objects/a.key": b"{}", CUSTODY: taken.objects[CUSTODY]}
    taken.write()
    code, told = taken.verify()
    assert code == 0
    assert "NOT CHECKED: a.mp4 is what the camera recorded: it is encrypted" in told
    opened = tmp_path / "opened.mp4"
    for content, wanted in ((GIVEN.content, 0), (OTHER.content, 1)):
        opened.write_bytes(content)
        assert taken.verify("--clip", str(opened))[0] == wanted


def test_a_manifest_that_was_exchanged_shows(taken: Taken) -> None:
    custody = taken.custody()
    custody["manifest"] = base64.b64encode(OTHER.manifest_bytes).decode()
    taken.forge(custody)
    code, told = taken.verify()
    assert code == 1
    assert "BAD   the ledger names the manifest" in told


def test_where_a_root_is_named_a_chain_that_was_taken_away_is_bad(taken: Taken) -> None:
    """Else whoever cannot forge a signature leaves it out."""
    custody = taken.custody()
    custody["signer"] = []
    taken.forge(custody)
    assert taken.verify()[0] == 0
    code, told = taken.verify("--root", taken.root())
    assert (code, len(lines(told, "BAD"))) == (1, 1), told
    del taken.objects[CUSTODY]
    (taken.folder / CUSTODY).unlink()
    taken.objects[CLIP] = b"another film"
    taken.write()
    assert taken.verify()[0] == 0, "nothing could be checked, and it says so"
    code, told = taken.verify("--root", taken.root())
    assert code == 1
    assert "no custody chain came with it" in lines(told, "BAD")[0]


def test_a_clip_that_was_taken_away_shows_and_so_does_what_was_added_to_every_list(taken: Taken) -> None:
    film = taken.objects.pop(CLIP)
    (taken.folder / CLIP).unlink()
    taken.write()
    code, told = taken.verify()
    assert (code, lines(told, "BAD")) == (1, ["BAD   there is no clip: it was taken away"])
    taken.objects[CLIP] = film
    taken.objects["objects/more.mov"] = b"mine"
    taken.write()
    code, told = taken.verify("--root", taken.root())
    text = (
        "NOT CHECKED: 1 beside the clip, more.mov, as their controller sent them: ledgers had no digests of them then"
    )
    assert text in told
    about = json.loads((taken.folder / "container.meta.json").read_text())
    about["objects"] = [each for each in about["objects"] if each["name"] != "more.mov"]
    text = json.dumps(about)
    sums = (taken.folder / "SHA256SUMS").read_text()
    old = sha256((taken.folder / "container.meta.json").read_bytes())
    (taken.folder / "container.meta.json").write_text(text)
    (taken.folder / "SHA256SUMS").write_text(sums.replace(old, sha256(text.encode())))
    code, told = taken.verify()
    assert (code, lines(told, "BAD")) == (1, ["BAD   objects/more.mov: is nothing that the destination received"])


def test_whoever_signs_as_another_of_the_same_system_shows(tmp_path: Path) -> None:
    """Cameras have certificates of the same root; none of them is a controller, and none is another camera."""

    def as_another(_: HeadSigner, head: SignedHead) -> SignedHead:
        trust = world_of(1).trust
        another = HeadSigner("controller-2", P256Signer(trust.controller_key()), trust.record.controller.chain)
        return another.sign(head.head, head.recording, head.at_unix_ms, head.entries)

    other = Taken(tmp_path / "out", as_another)
    code, told = other.verify("--root", other.root())
    assert code == 1
    assert "BAD   the certificate that signed is controller-2's own" in told
    assert "good  the signature over the ledger's head is controller controller-2's" in told


def test_nothing_beside_it_is_run_and_nothing_that_leads_elsewhere_is_read(taken: Taken, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another folder")
    for name in ("json.py", "__future__.py", "hashlib.py", "uuid.py", "argparse.py"):
        (taken.folder / name).write_text("print('taken over')\nraise SystemExit(0)\n")
    program = [sys.executable, str(taken.folder / "verify.py")]  # without -I, as many will
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=taken.folder)
    assert "taken over" not in done.stdout
    assert "is what the camera recorded" in done.stdout
    (taken.folder / "objects" / "elsewhere").symlink_to(tmp_path)
    assert taken.verify()[0] == 1
    (taken.folder / "objects" / "elsewhere").unlink()
    sums = (taken.folder / "SHA256SUMS").read_text()
    for name in ("../secret", str(secret), "objects/../../secret", "objects/link", "nothing", "objects", "README.txt"):
        (taken.folder / "objects" / "link").unlink(missing_ok=True)
        (taken.folder / "objects" / "link").symlink_to(secret)
        (taken.folder / "SHA256SUMS").write_text(f"{sums}{sha256(secret.read_bytes())}  {name}\n")
        code, told = taken.verify()
        assert code == 1
        assert f"BAD   {name}: is named twice, is not there, or leads elsewhere" in told
    (taken.folder / "container.meta.json").unlink()
    (taken.folder / "container.meta.json").symlink_to("/dev/zero")
    assert taken.verify()[0] == 1


def test_nobody_writes_lines_of_his_own(taken: Taken) -> None:
    """In whatever they were told by a controller, a terminal finds no commands and a reader no verdicts."""
    taken.about["quarantine"] = "x\ngood  everything\x1b[2J\r\u2028good  all"
    taken.about["received_unix_ms"] = 1 << 80
    taken.write()
    code, told = taken.verify()
    assert (code, "Traceback" in told) == (1, False)
    taken.about["received_unix_ms"] = 5
    taken.write()
    told = taken.verify()[1]
    assert "it was in quarantine there: x?good  everything?[2J??good  all" in told
    assert "\x1b" not in told
    assert not [line for line in told.splitlines() if line.startswith("good  all")]
