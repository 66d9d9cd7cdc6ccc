"""Objects in a Swift store: what is kept, what is refused, and what is never given out."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from firmware.platform.linux.files import LinuxFiles
from firmware.ports.errors import NoSpace
from host_tools.evidence import folder
from host_tools.evidence.catalogue import StoredObject
from host_tools.evidence.errors import EvidenceError, StoreAway, StoreDamaged
from host_tools.evidence.folder import Destination
from host_tools.evidence.health import health
from host_tools.evidence.objects import DiskObjects, Objects
from host_tools.evidence.reconciling import reconcile
from host_tools.evidence.store import DAY_MS
from host_tools.evidence.swift_keys import MB, SwiftKeys, read_keys, session
from host_tools.evidence.swift_objects import READ_BYTES, SEND_BYTES, SwiftObjects
from tests.unit.evidence.running import OPEN_HOUSE, SECRET
from tests.unit.evidence.swift_like import NOW, PROJECT, REGION, SwiftLike, swift_like

pytestmark = pytest.mark.req("DEST-02")
BOX = "W-7_CAM-1_20260101T000000Z"
SEED = 11
FILM = random.Random(SEED).randbytes(2 * MB + 345_678)  # three segments of a million bytes, and long enough for ranges
LONG = FILM * 4  # more than two pieces of reading
NOW_MS = int(datetime.fromisoformat(NOW + "+00:00").timestamp() * 1000)
PIECE = 250_000
NAMES = (f"{number:032x}"[::-1] for number in itertools.count(1))


@pytest.fixture(scope="module")
def shared() -> Iterator[SwiftLike]:
    with swift_like() as store:
        yield store


@pytest.fixture
def store(shared: SwiftLike) -> SwiftLike:
    """Empty, and well."""
    fresh = SwiftLike(shared.url)
    for name in ("boxes", "about", "joined", "answers", "asked", "tokens"):
        getattr(shared, name).clear()
    for name in ("etag", "has_slo", "listing_rows", "listing", "takes_identity"):
        setattr(shared, name, getattr(fresh, name))
    return shared


@contextmanager
def objects_in(
    store: SwiftLike, identity: str = "one", may_claim: Callable[[], bool] = lambda: True, **more: Any
) -> Generator[SwiftObjects]:
    holder = more.pop("holder", "")
    keys = store.keys(**{"segment_mb": 1, **more})
    made = SwiftObjects(session(keys), keys.container, keys.segment_bytes, identity, may_claim, holder)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(params=["disk", "swift"])
def objects(request: pytest.FixtureRequest, store: SwiftLike, tmp_path: Path) -> Iterator[Objects]:
    """Each store that there is."""
    if request.param == "disk":
        yield DiskObjects(LinuxFiles(tmp_path))
    else:
        with objects_in(store) as made:
            yield made


def put(objects: Objects, content: bytes, piece_bytes: int = PIECE) -> StoredObject:
    """As a request does it; the row that the catalogue would have."""
    incoming = objects.begin(next(NAMES), 0)
    buffer = bytearray(piece_bytes)
    for start in range(0, len(content), piece_bytes):
        piece = content[start : start + piece_bytes]
        buffer[: len(piece)] = piece
        incoming.write(memoryview(buffer)[: len(piece)])
    incoming.settle()
    sha256 = hashlib.sha256(content).hexdigest()
    return StoredObject("box", "name", incoming.place, incoming.etag, sha256, len(content), "x", {}, 0)


def read(objects: Objects, row: StoredObject) -> bytes:
    return b"".join(objects.read(row, 0, row.length_bytes))


@pytest.mark.parametrize("content", [b"", b"a", FILM[: MB - 1], FILM, LONG], ids=len)
def test_what_was_given_in_comes_out_by_any_range(objects: Objects, content: bytes) -> None:
    row = put(objects, content)
    assert row.etag == hashlib.md5(content).hexdigest()
    assert read(objects, row) == content
    size = len(content)
    for start, end in ((0, 1), (size // 2, size), (size - 1, size), (MB - 1, MB + 1), (1, READ_BYTES + 2)):
        if 0 <= start < end <= size:
            assert b"".join(objects.read(row, start, end - start)) == content[start:end]
    pieces = objects.read(row, 0, size)
    next(pieces, None)
    pieces.close()  # a browser that goes away
    objects.remove(row.file)
    objects.remove(row.file)


@pytest.mark.parametrize("given", [0, 1, 2, 9])
@pytest.mark.parametrize("is_settled", [False, True])
def test_what_is_not_wanted_leaves_nothing(store: SwiftLike, given: int, is_settled: bool) -> None:
    with objects_in(store) as objects:
        incoming = objects.begin(next(NAMES), 0)
        for _ in range(given):
            incoming.write(FILM[:PIECE])
        if is_settled:
            incoming.settle()
        incoming.discard()
        assert store.boxes == {"openbwc-evidence": {}}


def test_each_length_is_one_object_of_swift_or_several(store: SwiftLike) -> None:
    with objects_in(store) as objects:
        whole, large, empty = put(objects, FILM[:MB]), put(objects, FILM), put(objects, b"")
        assert [row.file.partition("/")[0] for row in (whole, large, empty)] == ["swift", "swift-large", "empty"]
        sizes = sorted(
            len(data) for name, data in store.boxes["openbwc-evidence"].items() if not name.endswith("large")
        )
        assert sizes == [345_678, MB, MB, MB]
        objects.remove(large.file)
        assert list(store.boxes["openbwc-evidence"]) == [whole.file.partition("/")[2]]


@pytest.mark.parametrize("content", [b"short", FILM[: MB - 1], FILM], ids=len)
def test_what_is_acknowledged_otherwise_is_not_kept(store: SwiftLike, content: bytes) -> None:
    with objects_in(store) as objects:
        store.etag = hashlib.md5(b"other").hexdigest()
        with pytest.raises(StoreAway, match="acknowledges other bytes"):
            put(objects, content)
        store.etag = ""
        assert read(objects, put(objects, content)) == content


def test_a_store_that_joins_no_segments_says_so(store: SwiftLike) -> None:
    with objects_in(store) as objects:
        store.has_slo = False
        with pytest.raises(StoreAway, match="joins no segments"):
            put(objects, FILM)


@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (403, StoreAway, "does not let this account write"),
        (413, NoSpace, "takes no more"),
        (422, StoreAway, "answers 422"),
        (500, StoreAway, "answers 500"),
        (503, StoreAway, "answers 503"),
        (507, NoSpace, "takes no more"),
    ],
)
@pytest.mark.parametrize("content", [b"short", FILM], ids=len)
def test_each_refusal_is_one_line_and_the_next_attempt_is_taken(
    store: SwiftLike, content: bytes, status: int, kind: type[Exception], word: str
) -> None:
    with objects_in(store) as objects:
        assert objects.look() == ""
        store.answers["PUT"] = [status, status]
        with pytest.raises(kind, match=word) as caught:
            put(objects, content)
        assert "\n" not in str(caught.value)
        assert word in objects.trouble()
        store.answers.clear()
        assert (objects.look() == "") == (kind is StoreAway)  # room is known by what it takes
        assert read(objects, put(objects, content)) == content
        assert objects.trouble() == ""


def test_credentials_that_are_no_longer_good_are_said(store: SwiftLike) -> None:
    with objects_in(store) as objects:
        assert objects.look() == ""
        store.answers["PUT"] = [401, 401]
        with pytest.raises(StoreAway, match="refuses the credentials"):
            put(objects, b"short")


def test_a_store_that_is_away_is_not_asked_at_each_request(store: SwiftLike) -> None:
    with objects_in(store) as objects:
        store.answers["HEAD"] = [503]
        assert "answers 503" in objects.look()
        asked = len(store.asked)
        for _ in range(3):
            with pytest.raises(StoreAway, match="answers 503"):
                objects.begin(next(NAMES), 0)
        assert len(store.asked) == asked
        assert objects.look() == ""
        put(objects, b"again")


def test_a_token_is_renewed_between_requests_and_on_the_way_the_attempt_is_lost(store: SwiftLike) -> None:
    with objects_in(store) as objects:
        for content in (b"short", FILM):
            store.tokens.clear()
            row = put(objects, content)
            store.tokens.clear()
            assert read(objects, row) == content
    with objects_in(store, segment_mb=10) as objects:
        objects.look()
        store.tokens.clear()
        assert read(objects, put(objects, FILM)) == FILM  # cannot be sent twice: the token is tried before
        incoming = objects.begin(next(NAMES), 0)
        incoming.write(FILM[:SEND_BYTES])  # the request is under way, with a token that was good a moment ago
        store.tokens.clear()
        with pytest.raises(StoreAway, match="token ran out"):
            incoming.settle()
        incoming.discard()
        assert read(objects, put(objects, FILM)) == FILM
        assert len(store.boxes["openbwc-evidence"]) == 2 + 1 + 4  # those, and what was put before


def test_what_is_another_object_is_never_given_out(store: SwiftLike) -> None:
    with objects_in(store) as objects:
        row = put(objects, b"a note")
        box, name = store.boxes["openbwc-evidence"], row.file.partition("/")[2]
        assert objects.holds(row)
        for forged in (b"a vote", b"a longer note"):
            box[name] = forged
            assert not objects.holds(row)
            with pytest.raises(StoreDamaged, match="as it was received"):
                read(objects, row)
        del box[name]
        with pytest.raises(StoreDamaged, match="not in the store any more"):
            read(objects, row)


def test_a_container_is_claimed_once_and_only_where_it_is_nobodys(store: SwiftLike) -> None:
    with objects_in(store, "one") as one, objects_in(store, "two") as two:
        assert one.look() == ""
        assert "another's" in two.look()
        with pytest.raises(StoreAway, match="another's"):
            two.begin(next(NAMES), 0)
    store.boxes["used"], store.about["used"] = {"somebody's": b"thing"}, {}
    with objects_in(store, container="used") as objects:
        assert "another's" in objects.look()
    with objects_in(store, may_claim=lambda: False, container="lost") as objects:
        assert "has not what this destination keeps" in objects.look()
    assert "lost" not in store.boxes


def test_keystone_gives_the_token_and_the_place(store: SwiftLike) -> None:
    about: dict[str, Any] = {"auth": f"{store.url}/v3", "project": PROJECT}
    with objects_in(store, **about, region=REGION) as objects:
        assert read(objects, put(objects, FILM)) == FILM
        store.tokens.clear()
        assert read(objects, put(objects, b"again")) == b"again"
    for wrong, word in (
        ({"region": "south"}, "no object-store for project bwc in region south"),
        ({"project": "other"}, "refuses the credentials"),
        ({"key": "wrong"}, "refuses the credentials"),
    ):
        more: dict[str, Any] = {**about, **wrong}
        with objects_in(store, **more) as objects:
            assert word in objects.look()


def test_keys_are_read_strictly_and_never_quoted(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    good = 'auth = "https://here/v3"\nuser = "u"\nkey = "hidden"\nproject = "p"\n'
    path.write_text(good)
    keys = read_keys(path)
    assert keys.is_keystone
    assert "hidden" not in repr(keys) + str(keys)
    for text, word in (
        (good.replace('project = "p"\n', ""), "Keystone wants one"),
        (good.replace("https://here", "ftp://here"), "no http or https address"),
        (good + 'certificate = "hidden"\n', "PEM form"),
        (good + "segment_mb = 0\n", "segment_mb"),
        (good.replace("https://here", "https://me:hidden@here"), "names a user"),
        (good + 'password = "hidden"\n', "password"),
        (good.replace('key = "hidden"', "key = hidden"), "keys.toml:3: not TOML"),
        (good.replace('key = "hidden"', 'key = ["hidden"]'), "key"),
        ("x" * 70_000, "larger than"),
        (f"{good}segment_mb = {'9' * 5_000}\n", "too long"),
        (good + "usr = 1\n", "keys.toml:5: unknown key usr; did you mean user?"),
    ):
        path.write_text(text)
        with pytest.raises(EvidenceError, match=word) as caught:
            read_keys(path)
        assert "hidden" not in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(EvidenceError, match="cannot be read"):
        read_keys(tmp_path / "none")


# -- a destination over it


@contextmanager
def kept(store: SwiftLike, place: Path) -> Generator[Destination]:
    """One whose objects go there."""
    if not place.exists():
        folder.create(place, OPEN_HOUSE, SECRET, NOW_MS)
    if not (place / "swift.toml").exists():
        file = place.parent / "keys.toml"
        file.write_text(_toml(store.keys(segment_mb=1)))
        with opened(place) as made:
            folder.keep_in(made, file, lambda: next(NAMES))
    with opened(place) as made:
        yield made


def opened(place: Path) -> AbstractContextManager[Destination]:
    return folder.opened(place, LinuxFiles(place), lambda: NOW_MS, lambda: next(NAMES), print)


def _toml(keys: SwiftKeys) -> str:
    return (
        f'auth = "{keys.auth}"\nuser = "{keys.user}"\nkey = "{keys.key.get_secret_value()}"\n'
        f"segment_mb = {keys.segment_mb}\n"
    )


def receive(made: Destination, name: str, content: bytes) -> StoredObject:
    made.intake.put_container(BOX, {})
    upload = made.store.begin(0)
    for start in range(0, len(content), PIECE):
        upload.feed(content[start : start + PIECE])
    return made.intake.finish_object(upload, BOX, name, {}, "video/mp4")


def test_a_crash_between_object_and_row_costs_a_week_of_room_and_nothing_else(store: SwiftLike, tmp_path: Path) -> None:
    with kept(store, tmp_path / "d") as made:
        rows = [receive(made, "a.mp4", FILM), receive(made, "b.mp4", b"short")]
        for content in (FILM, b"short"):
            upload = made.store.begin(0)
            for start in range(0, len(content), PIECE):
                upload.feed(content[start : start + PIECE])
            made.store.settle(upload)
    box = store.boxes["openbwc-evidence"]
    box["somebody/elses"] = b"not ours"
    store.listing_rows = 3  # pages end in the middle of an object's segments
    with kept(store, tmp_path / "d") as made:
        for day in (30, 31, 34, 36):  # a month old already; a clock that goes wrong once does not count as a week
            assert reconcile(made.store, NOW_MS + day * DAY_MS) == (0, 5, ())
        assert reconcile(made.store, NOW_MS + 37 * DAY_MS) == (5, 0, ())
        assert [b"".join(made.store.read(row, 0, row.length_bytes)) for row in rows] == [FILM, b"short"]
        assert "somebody/elses" in box
        assert len(box) == 6


def test_what_the_store_has_lost_is_red_and_named(store: SwiftLike, tmp_path: Path) -> None:
    with kept(store, tmp_path / "d") as made:
        receive(made, "a.mp4", FILM)
        row = receive(made, "b.mp4", b"short")
        receive(made, "c.mp4", b"")
        assert reconcile(made.store, NOW_MS).missing == ()
        assert health(made.intake, None, NOW_MS).light == "green"
        del store.boxes["openbwc-evidence"][row.file.partition("/")[2]]
        (line,) = reconcile(made.store, NOW_MS).missing
        assert f"object b.mp4 of {BOX} is not in the store" in line
        found = health(made.intake, None, NOW_MS)
        assert (found.light, found.problems) == ("red", (line,))
        receive(made, "b.mp4", b"short")
        assert reconcile(made.store, NOW_MS).missing == ()


def test_objects_on_the_disk_stay_there_when_new_ones_go_elsewhere(store: SwiftLike, tmp_path: Path) -> None:
    place = tmp_path / "d"
    folder.create(place, OPEN_HOUSE, SECRET, NOW_MS)
    with opened(place) as made:
        old = receive(made, "a.mp4", FILM)
    with kept(store, place) as made:
        new = receive(made, "b.mp4", FILM)
        made.store.sweep(NOW_MS)
        for row, kind in ((old, "objects/"), (new, "swift-large/")):
            assert row.file.startswith(kind)
            assert b"".join(made.store.read(row, 0, row.length_bytes)) == FILM
    (place / "swift.toml").unlink()
    with opened(place) as made:
        with pytest.raises(StoreAway, match=r"swift\.toml is not there"):
            made.store.read(new, 0, 1)
        assert b"".join(made.store.read(old, 0, 5)) == FILM[:5]


def test_other_keys_must_lead_to_what_it_keeps(store: SwiftLike, tmp_path: Path) -> None:
    with kept(store, tmp_path / "d") as made:
        receive(made, "a.mp4", b"short")
        before = (made.folder / "swift.toml").read_bytes()
        other = tmp_path / "other.toml"
        other.write_text(_toml(store.keys()) + 'container = "elsewhere"\n')
        with pytest.raises(EvidenceError, match="has not what this destination keeps"):
            folder.keep_in(made, other, lambda: next(NAMES))
        assert (made.folder / "swift.toml").read_bytes() == before
        other.write_text(_toml(store.keys()) + "# other words\n")
        folder.keep_in(made, other, lambda: next(NAMES))
        assert (made.folder / "swift.toml").read_bytes() == other.read_bytes()
        assert (made.folder / "swift.toml").stat().st_mode & 0o777 == 0o600


def test_what_was_kept_is_not_taken_away_by_whoever_gives_up_late(store: SwiftLike, tmp_path: Path) -> None:
    """A server that ends, or a client that goes, between the row and the answer."""
    with kept(store, tmp_path / "d") as made:
        made.intake.put_container(BOX, {})
        upload = made.store.begin(0)
        upload.feed(b"short")
        row = made.intake.finish_object(upload, BOX, "a.mp4", {}, "video/mp4")
        made.store.discard(upload)
        assert b"".join(made.store.read(row, 0, row.length_bytes)) == b"short"


def test_bytes_stay_where_nobody_knows_whether_their_row_counts(
    store: SwiftLike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that goes away at the commit."""
    with kept(store, tmp_path / "d") as made:
        made.intake.put_container(BOX, {})
        upload = made.store.begin(0)
        upload.feed(b"short")
        whole = made.store.catalogue.change

        @contextmanager
        def cut_off() -> Generator[None]:
            with whole():
                yield
            raise StoreAway("the server went away at the commit")

        with monkeypatch.context() as patched:
            patched.setattr(made.store.catalogue, "change", cut_off)
            with pytest.raises(StoreAway):
                made.intake.finish_object(upload, BOX, "a.mp4", {}, "video/mp4")
        made.store.discard(upload)
        row = made.store.catalogue.object(BOX, "a.mp4")
        assert row is not None
        assert b"".join(made.store.read(row, 0, row.length_bytes)) == b"short"


def test_what_a_catalogue_from_a_backup_does_not_know_stays(store: SwiftLike, tmp_path: Path) -> None:
    """However old it is; and what is on its way in is nobody's at no time."""
    with kept(store, tmp_path / "d") as made:
        row = receive(made, "a.mp4", FILM)
        made.store.catalogue.drop_container(BOX)
        made.intake.put_container(BOX, {})
        coming = made.store.begin(0)
        coming.feed(FILM)
        coming.feed(FILM)
        for day in (400, 403, 406):
            assert reconcile(made.store, NOW_MS + day * DAY_MS).removed == 0
        made.store.catalogue.keep_object(row)  # people have found the newer backup
        assert reconcile(made.store, NOW_MS + 409 * DAY_MS) == (0, 0, ())
        made.intake.finish_object(coming, BOX, "b.mp4", {}, "video/mp4")
        assert b"".join(made.store.read(row, 0, row.length_bytes)) == FILM


def test_names_of_others_and_a_listing_that_is_none(store: SwiftLike, tmp_path: Path) -> None:
    with kept(store, tmp_path / "d") as made:
        receive(made, "a.mp4", b"short")
        for name in ("zz&x", "zz x", "zz#x%41", "zzü"):
            store.boxes["openbwc-evidence"][name] = b"not ours"
        store.listing_rows = 1
        assert reconcile(made.store, NOW_MS) == (0, 0, ())
        store.listing = "<html>"
        with pytest.raises(StoreAway, match="lists nothing that can be read"):
            reconcile(made.store, NOW_MS)


def test_a_container_that_another_takes_is_left_alone(store: SwiftLike) -> None:
    with objects_in(store, "one") as one:
        put(one, b"short")
        assert not one.is_away
        store.about["openbwc-evidence"]["x-container-meta-openbwc-destination"] = "two"
        assert "another's" in one.look()
        one._asked_again_s = 0.0
        with pytest.raises(StoreAway, match="another's"):
            one.begin(next(NAMES), 0)
        assert one.is_away


def test_two_that_claim_at_once_do_not_both_have_it(store: SwiftLike) -> None:
    store.takes_identity = False
    with objects_in(store, "one") as one:
        assert "did not become this destination's" in one.look()
        with pytest.raises(StoreAway):
            one.begin(next(NAMES), 0)


def test_a_success_beside_a_failure_leaves_no_trouble_without_words(store: SwiftLike) -> None:
    with objects_in(store, segment_mb=10) as objects:
        incoming = objects.begin(next(NAMES), 0)
        incoming.write(FILM[:SEND_BYTES])  # under way
        store.answers["HEAD"] = [503]
        with pytest.raises(StoreAway, match="answers 503"):
            objects.knock()
        incoming.settle()
        assert objects.trouble() == ""
        put(objects, b"short")
