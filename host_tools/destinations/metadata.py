"""The metadata that travel with containers and objects, from a manifest; names and forms are the API's.

Law: pure; plain texts (the HTTP client encodes them). What is not known is left out, never made up; what is longer than
a store takes is cut.
"""

from firmware.formats.manifest import Manifest, Moment
from host_tools.custody.heads import SignedHead
from host_tools.custody.ledger import Head
from host_tools.destinations.checks import fitted
from host_tools.destinations.interface import COMPLETE, STATUS, TRANSFERRING, Metadata
from host_tools.destinations.names import iso_time

USERS = "Users"
DEVICES = "Devices"


def recording_metadata(
    manifest: Manifest, container: str, controller_serial: str, time_zone: str, is_by_uuid: bool = False
) -> dict[str, str]:
    """Of a recording's container while it is sent. ``time_zone``: IANA name of the system's; ``is_by_uuid``: the
    wearer's ID is whole, since a UUID is sent in its place (``people.Announcing``)."""
    return {
        "ContainerName": container,
        "BWCSerialNumber": fitted(manifest.camera_serial),
        "BWCModel": fitted(manifest.camera_model),
        "FirmwareVersion": fitted(manifest.firmware),
        "SCUSerialNumber": fitted(controller_serial),
        "UserID": manifest.wearer_id if is_by_uuid else fitted(manifest.wearer_id),
        "TriggerOn": cause_word(manifest.cause_start),
        "TriggerOff": cause_word(manifest.cause_stop),
        **_time("TriggerOnTime", manifest.started),
        **_time("TriggerOffTime", manifest.stopped),
        **_time("StartTime", manifest.started),
        **_time("StopTime", manifest.stopped),
        "TimeZone": fitted(time_zone),
        STATUS: TRANSFERRING,
    }


def completion_metadata(head: SignedHead | None = None) -> dict[str, str]:
    """What says that everything has been sent; with it goes the ledger's signed head."""
    return {**(head_metadata(head) if head is not None else {}), STATUS: COMPLETE}


def head_metadata(signed: SignedHead) -> dict[str, str]:
    """A signed head of the custody ledger, one name a field: ``bwc ledger verify`` checks them."""
    return {
        "LedgerController": fitted(signed.controller),
        "LedgerSequence": str(signed.head.sequence),
        "LedgerHash": signed.head.hash.hex(),
        "LedgerRecording": signed.recording.hex(),
        "LedgerTime": str(signed.at_unix_ms),
        "LedgerSuite": signed.suite,
        "LedgerCertificate": signed.certificate,
        "LedgerSignature": signed.signature.hex(),
        **({"LedgerEntries": signed.entries} if signed.entries else {}),
    }


def read_head(metadata: Metadata) -> SignedHead | None:
    """The signed head among a container's metadata; None if there is none. ValueError if it cannot be read."""
    known = {key.lower(): value for key, value in metadata.items()}
    if "ledgerhash" not in known:
        return None
    try:
        return SignedHead(
            Head(int(known["ledgersequence"]), bytes.fromhex(known["ledgerhash"])),
            bytes.fromhex(known["ledgerrecording"]),
            known["ledgercontroller"],
            int(known["ledgertime"]),
            known["ledgersuite"],
            known.get("ledgercertificate", ""),  # a store drops names whose value is empty
            bytes.fromhex(known.get("ledgersignature", "")),
            known.get("ledgerentries", ""),
        )
    except KeyError as missing:
        raise ValueError(f"the ledger's head lacks {missing.args[0]}") from missing


def clip_metadata(manifest: Manifest, container_type: str = "mp4") -> dict[str, str]:
    """Of a clip."""
    return {
        **_time("StartTime", manifest.started),
        **_time("StopTime", manifest.stopped),
        "ContainerType": container_type,
    }


def user_metadata(name: str, active: bool = True, user_key: str = "") -> dict[str, str]:
    """Of a wearer's object in the container Users (its body is empty). ``user_key``: the ID that people see, only for
    destinations with the capability StoreUserIDKey."""
    metadata = {"Active": str(active), "Name": fitted(name)}
    return {**metadata, "UserID": fitted(user_key)} if user_key else metadata


def device_metadata(name: str, model: str, active: bool = True) -> dict[str, str]:
    """Of a camera's object in the container Devices (its body is empty)."""
    return {"Active": str(active), "Name": fitted(name), "Model": fitted(model)}


def cause_word(cause: str) -> str:
    """``button`` as the API writes it: ``Button``."""
    return "".join(part.capitalize() for part in cause.replace("-", "_").split("_"))


def _time(key: str, moment: Moment) -> dict[str, str]:
    """Seconds since 1970 and the same in ISO form; nothing where the camera did not know the time."""
    if moment.source == "none":
        return {}
    return {key: str(moment.unix_ms // 1000), key + "ISO": iso_time(moment.unix_ms)}
