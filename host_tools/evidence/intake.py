"""What the destination does with each request of a controller: judge, keep, answer.

Law: knows the API's meaning and none of HTTP; every call blocks. Rejected content is never refused: it is what nobody
else would take. A wearer who is not in use any more still gets what was recorded before. A recording that is complete
is what it was when it became so: who made it, when, and that nothing was wrong with it; whoever says otherwise later is
answered as one who repeats himself, and people are told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

from firmware.ports.errors import PortFault
from host_tools.destinations import capabilities
from host_tools.destinations.capabilities import CAPABILITIES_OBJECT, CATEGORIES_OBJECT, Category, md5_hex
from host_tools.destinations.checks import is_complete, merged
from host_tools.destinations.names import NOBODIES
from host_tools.evidence import places, quarantine, retention, rules
from host_tools.evidence.catalogue import Container, StoredObject
from host_tools.evidence.errors import EvidenceError, Refusal
from host_tools.evidence.settings import ServerSettings
from host_tools.evidence.store import Store, Upload

DECLARED = "capabilities"  # facts of the catalogue: what a controller was told once must stay so
MODE = "mode"
CLIP_ENDS = (".mp4", ".mkv")
TURNED_AWAY_MAX = 1_000  # of a list that people look through; a controller asks again, and is kept then

TurnedAway = Literal["licence", "missing"]
SINGULAR = {rules.USERS: "user", rules.DEVICES: "device"}


class Document(NamedTuple):
    """An object of ``System`` that the destination writes itself."""

    body: bytes
    etag: str


class Intake:
    """``told``: hears what a person should know, as one line."""

    def __init__(
        self, store: Store, settings: ServerSettings, wall_ms: Callable[[], int], told: Callable[[str], None]
    ) -> None:
        self.store = store
        self.settings = settings
        self._catalogue = store.catalogue
        self._wall_ms = wall_ms
        self._told = told
        self.turned_away: dict[tuple[str, str], TurnedAway] = {}  # by Users or Devices and the ID, since the start

    def declare(self) -> None:
        """Check that nothing which was said once is taken back, and keep it. EvidenceError."""
        said = frozenset(self._catalogue.fact(DECLARED).split())
        gone = sorted(said - self.settings.declared)
        if gone:
            raise EvidenceError(f"capabilities: {', '.join(gone)} was declared once and must stay: put it back")
        mode = self._catalogue.fact(MODE) or self.settings.mode
        if mode != self.settings.mode:
            raise EvidenceError(f"mode: was chosen as {mode} and stays so: put it back, or make a new destination")
        with self._catalogue.change():
            self._catalogue.keep_fact(DECLARED, " ".join(sorted(self.settings.declared)))
            self._catalogue.keep_fact(MODE, mode)
            self.store.find_again()

    def document(self, name: str) -> Document | None:
        """What the destination itself says in ``System``; None if it says nothing of that name."""
        if name in (CAPABILITIES_OBJECT, "Capability.json"):  # the name in the description's older texts
            body = capabilities.write_capabilities(self.settings.declared)
        elif name == CATEGORIES_OBJECT and capabilities.READ_CATEGORIES in self.settings.declared:
            body = capabilities.write_categories(tuple(Category(row.name, row.id) for row in self.settings.category))
        else:
            return None
        return Document(body, md5_hex(body))

    def put_container(self, name: str, metadata: dict[str, str]) -> bool:
        """Whether it is new. Refusal."""
        rules.check_name(name, rules.CONTAINER_BYTES_MAX)
        rules.check_metadata(metadata)
        kind = rules.kind_of(name)
        fault, known = "", self._catalogue.container(name)
        if known is not None and known.is_complete:
            self._tell_what_is_not_taken(known, metadata)
            return False
        if kind == "rejected" and capabilities.STORE_REJECTED_CONTENT not in self.settings.declared:
            raise Refusal(403, "rejected content is not taken here: StoreRejectedContent was not declared")
        if kind == "recording":
            self._check_people(name, metadata)
            fault = self._judge_times(name, metadata)
        return self.store.put_container(name, metadata, fault)

    def update_container(self, name: str, metadata: dict[str, str]) -> Container:
        """Add metadata; completion among them. Refusal."""
        rules.check_name(name, rules.CONTAINER_BYTES_MAX)
        rules.check_metadata(metadata)
        before, fault = self.store.required(name), ""
        if before.is_complete:
            self._tell_what_is_not_taken(before, metadata)
        elif rules.kind_of(name) == "recording":
            fault = self._judge_times(name, metadata)
            if is_complete(metadata):
                fault = fault or self._judge_digests(before)
                # Before it is complete: where the store cannot be read now, completion is asked for again.
                places.learn(self.store, replace(before, metadata=merged(before.metadata, metadata)))
        row = self.store.update_container(name, metadata, fault)
        if row.is_complete and row.quarantine:
            self._set_apart(row)
        if row.is_complete and not before.is_complete:
            warning = retention.arrival_warning(self.store, row, self.settings, self._wall_ms())
            if warning:
                self._told(warning)
        return row

    def check_object(self, container: str, name: str, metadata: dict[str, str], length_bytes: int | None) -> None:
        """Refusal unless an object may begin to come. ``length_bytes``: None if it was not said."""
        rules.check_name(name, rules.OBJECT_BYTES_MAX)
        rules.check_metadata(metadata)
        self.store.required(container)
        if length_bytes is not None and length_bytes > rules.OBJECT_LENGTH_MAX:
            raise Refusal(413, f"object {name}: {length_bytes} bytes, at most {rules.OBJECT_LENGTH_MAX}")
        kind = rules.kind_of(container)
        if kind == "system" and self.document(name) is not None:
            raise Refusal(403, f"{name} is this destination's own")
        if kind == "recording" and name.endswith(CLIP_ENDS):  # bookmarks write their times otherwise
            self._check_clip(container, name, metadata, length_bytes)

    def finish_object(
        self, upload: Upload, container: str, name: str, metadata: dict[str, str], content_type: str
    ) -> StoredObject:
        """Keep what came, durable when it returns. Refusal."""
        self.store.settle(upload)
        try:
            with self._catalogue.change():
                self._check_licence(container, name, metadata)
                row, obsolete = self.store.keep(upload, container, name, metadata, content_type)
        except PortFault:
            upload.is_kept = True  # the catalogue may have it: its bytes stay, and go as nobody's if it has not
            raise
        self.store.let_go(upload, obsolete)
        self.turned_away.pop((container, name), None)
        return row

    def update_object(self, container: str, name: str, metadata: dict[str, str]) -> StoredObject:
        """These metadata in place of all it had. Refusal."""
        rules.check_metadata(metadata)
        with self._catalogue.change():
            self._check_licence(container, name, metadata)
            return self.store.update_object(container, name, metadata)

    def tell(self, text: str) -> None:
        """What a person should know, and what is to be found in the log."""
        self._told(text)

    def licences_used(self) -> int:
        """How many wearers, or devices, are in use: what licences are counted by."""
        return len(self._in_use())

    # -- helpers

    def _in_use(self, but: str = "") -> set[str]:
        """Who, or which devices. ``but``: without what that object says."""
        rows = self._catalogue.all_objects(self._licensed())
        return {self._who(row.name, row.metadata) for row in rows if rules.is_active(row.metadata) and row.name != but}

    def _who(self, name: str, metadata: dict[str, str]) -> str:
        return rules.person(name, metadata) if self._licensed() == rules.USERS else name

    def _licensed(self) -> str:
        return rules.USERS if self.settings.mode == "wearer" else rules.DEVICES

    def _check_licence(self, container: str, name: str, metadata: dict[str, str]) -> None:
        if container not in SINGULAR:
            return
        if container == rules.USERS:
            self._check_user_key(name, metadata)
        if container != self._licensed() or self.settings.licences is None or not rules.is_active(metadata):
            return
        known = self._catalogue.object(container, name)
        who = self._who(name, metadata)
        if known is not None and rules.is_active(known.metadata) and self._who(name, known.metadata) == who:
            return
        in_use = self._in_use(but=name)
        if who not in in_use and len(in_use) >= self.settings.licences:
            text = f"{SINGULAR[container]} {who}: all {self.settings.licences} licences are in use"
            self._told(text)
            self._turn_away(container, name, "licence")
            raise Refusal(402, text)

    def _turn_away(self, container: str, name: str, why: TurnedAway) -> None:
        if len(self.turned_away) < TURNED_AWAY_MAX:
            self.turned_away[container, name] = why

    def _check_user_key(self, name: str, metadata: dict[str, str]) -> None:
        """An ID that people see is empty or unique. Who has the same one and the same name is the same person, whom a
        controller that was connected anew calls by another UUID; and he stays so when his name changes."""
        key, called = metadata.get("UserID", ""), metadata.get("Name", "")
        known = self._catalogue.object(rules.USERS, name)
        if not key or (known is not None and known.metadata.get("UserID") == key):
            return
        for row in self._catalogue.all_objects(rules.USERS):
            is_same = bool(called) and row.metadata.get("Name", "") == called
            if row.name != name and row.metadata.get("UserID") == key and not is_same:
                raise Refusal(400, f"user {name}: the ID {key} is another user's")

    def _check_people(self, container: str, metadata: dict[str, str]) -> None:
        if not self.settings.requires_known or self._catalogue.container(container) is not None:
            return
        keys = rules.search_keys(container, metadata)
        if keys.wearer and keys.wearer not in NOBODIES and self._catalogue.object(rules.USERS, keys.wearer) is None:
            self._turn_away(rules.USERS, keys.wearer, "missing")
            raise Refusal(400, f"user {keys.wearer} is unknown here")
        if self._catalogue.object(rules.DEVICES, keys.camera) is None:
            self._turn_away(rules.DEVICES, keys.camera, "missing")
            raise Refusal(400, f"device {keys.camera} is unknown here")

    def _judge_times(self, container: str, metadata: dict[str, str]) -> str:
        """Why a recording goes to quarantine; empty if it does not. Refusal 400 where there is no quarantine."""
        fault = self._times_fault(metadata)
        if not fault:
            return ""
        if self.settings.quarantine_days is None:
            raise Refusal(400, fault)
        self._told(f"recording {container} is in quarantine: {fault}")
        return fault

    def _times_fault(self, metadata: dict[str, str]) -> str:
        """Refusal 503 while nobody has set the clock of this machine: by it everything would be of the future."""
        now_s = self._wall_ms() // 1000
        if now_s < rules.EARLIEST_UNIX_S:
            raise Refusal(503, "this destination's clock is not set: set it")
        return rules.times_fault(metadata, now_s)

    def _tell_what_is_not_taken(self, row: Container, metadata: dict[str, str]) -> None:
        found = merged(row.metadata, metadata)
        others = sorted(key for key in {*found, *row.metadata} if found.get(key) != row.metadata.get(key))
        if others:
            self._told(f"recording {row.name} is complete: other words about it are not taken ({', '.join(others)})")

    def _judge_digests(self, box: Container) -> str:
        """The same, of a clip that is not what its camera recorded."""
        fault = quarantine.digest_fault(
            self._catalogue, box, lambda row: b"".join(self.store.read(row, 0, row.length_bytes))
        )
        if fault and self.settings.quarantine_days is None:
            self._told(f"recording {box.name} is refused: {fault}")
            raise Refusal(400, fault)
        if fault:
            self._told(f"recording {box.name} is in quarantine: {fault}")
        return fault

    def _set_apart(self, row: Container) -> None:
        try:
            self.store.set_apart(row)
        except PortFault as error:
            self._told(f"recording {row.name} stays where it is, the quarantine cannot be written ({error}): mend it")

    def _check_clip(self, container: str, name: str, metadata: dict[str, str], length_bytes: int | None) -> None:
        box = self.store.required(container)
        if box.is_complete:
            return  # judged when it was completed; what is no repetition is refused when it has come
        fault = self._times_fault(metadata)
        if length_bytes == 0:
            fault = f"clip {name} has no duration"
        if fault and self.settings.quarantine_days is None:
            raise Refusal(400, fault)
        if fault and not box.quarantine:
            self._told(f"recording {container} is in quarantine: {fault}")
            self.store.put_container(container, {}, fault)
