"""A recording's way after it is held: delivery, acknowledgement, leave to erase, erased; and why it does not go on.

Law: every step is one transaction of state and ledger; what the controller may repeat after a crash is harmless here.
Nothing here touches the recording's bytes. All methods block.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from firmware.formats.authorisation import EraseAuthorisation
from host_tools.custody import details, heads
from host_tools.custody.heads import HeadSigner, SignedHead
from host_tools.custody.index import Index, Recording
from host_tools.custody.ledger import read_entry
from host_tools.custody.states import WORDS

# Why a camera may erase: ``acknowledged`` = the destination has confirmed every object and the whole.
ErasePolicy = Literal["acknowledged"]


class Journey:
    """``wall_ms``: wall time for the ledger, milliseconds since 1970."""

    def __init__(self, index: Index, wall_ms: Callable[[], int]) -> None:
        self._index = index
        self._wall_ms = wall_ms

    def start_delivery(self, recording: bytes, container: str, wearer: tuple[str, str] = ("", "")) -> Recording:
        """The recording is about to be sent under this name. CustodyRefused if another recording uses the name, or if
        this one is not held. ``wearer``: id and name, which a sealed recording tells only when it is opened."""
        with self._index.transaction():
            row = self._index.advance(recording, "delivery_started", self._wall_ms())
            if row.container != container:
                self._index.note_container(recording, container)
            if any(wearer) and (row.wearer_id, row.wearer_name) != wearer:
                self._index.note_wearer(recording, *wearer)
            return self._index.get(recording)

    def delivered(self, recording: bytes, destination: str, objects: Iterable[Mapping[str, Any]]) -> Recording:
        """The destination has confirmed every object (name, length, digests) and the completion."""
        row = self._index.get(recording)
        told = details.of_delivery(destination, row.container, objects)
        return self._index.advance(recording, "delivered", self._wall_ms(), told)

    def enclose(self, recording: bytes, told: Mapping[str, Any]) -> None:
        """What is put beside the recording's clip, and what is told of it: before it is sent, and before the head that
        covers this entry is signed. The same again adds nothing."""
        with self._index.transaction():
            last = self._index.last_link(recording, ("enclosed",))
            if last is None or read_entry(last).details != told:
                self._index.append("enclosed", recording, self._wall_ms(), told)

    def sign_head(self, recording: bytes, signer: HeadSigner) -> SignedHead:
        """Where the chain stands now, signed, as an entry of its own: what goes with the recording to its destination.
        Asking again gives the same one for as long as nothing else has been told of the recording."""
        now = self._wall_ms()
        with self._index.transaction():
            last = self._index.last_link(recording, WORDS)
            if last is not None:
                entry = read_entry(last)
                if entry.word == "head_signed" and entry.details["certificate"] == signer.certificate:
                    return heads.read_details(entry.details, recording, entry.at_unix_ms)
            if signer.chain and not self._is_named(signer):
                self._index.append("signer", None, now, signer.details())
            entries = heads.digest_of(link.hash for link in self._index.ledger_links(recording))
            signed = signer.sign(self._index.ledger_head(), recording, now, entries)
            self._index.append("head_signed", recording, now, signed.details())
            return signed

    def authorise_erase(
        self, recording: bytes, policy: ErasePolicy = "acknowledged", counter_floor: int = 0
    ) -> EraseAuthorisation:
        """Leave for the recording's camera to erase it, with a counter above all before it and above what the camera
        itself has seen (``counter_floor``). Durable before it is answered. Asking again gives the same one for as long
        as the camera can take it: one whose card takes nothing is asked on and on, and a ledger never shrinks."""
        with self._index.transaction():
            standing = self._index.standing_authorisation(recording, counter_floor)
            if standing is not None and standing.policy == policy:
                return standing
            authorisation = self._index.authorise(recording, policy, self._wall_ms(), counter_floor)
            told = details.of_authorisation(authorisation)
            self._index.advance(recording, "erase_authorised", authorisation.issued_unix_ms, told)
            return authorisation

    def erased(self, recording: bytes, counter: int) -> Recording:
        """The camera has erased it under that counter. CustodyRefused if the counter was never given for it."""
        now = self._wall_ms()
        with self._index.transaction():
            row = self._index.get(recording)
            self._index.note_erased(recording, counter, now)
            return self._index.advance(recording, "erased", now, details.of_erase(row.camera_serial, counter))

    def poison(self, recording: bytes, reason: str) -> None:
        """It cannot go on, and why; others do. Nothing of it is removed."""
        with self._index.transaction():
            self._index.note_poison(recording, reason)

    def retry(self, recording: bytes) -> None:
        """A person wants it tried again."""
        with self._index.transaction():
            self._index.note_poison(recording, "")
            self._index.note_trouble(recording, "")

    def trouble(self, recording: bytes, reason: str) -> None:
        """The last attempt failed, and why; it will be tried again. Empty when one has succeeded."""
        with self._index.transaction():
            self._index.note_trouble(recording, reason)

    def _is_named(self, signer: HeadSigner) -> bool:
        link = self._index.last_link(None, ("signer",))
        return link is not None and read_entry(link).details["certificate"] == signer.certificate
