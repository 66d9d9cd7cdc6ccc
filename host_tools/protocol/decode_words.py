"""Words for the numbers on the wire: which table of words belongs to which field.

Law: names tables of ``firmware.link.schema``, states no number itself. Decoder, documentation and dissector use it.
"""

from __future__ import annotations

from typing import Any, Final

from firmware.link import schema

Words = tuple[tuple[int, str], ...]
Rows = tuple[tuple[str, str, str, int | None], ...]


def _constants(prefix: str) -> Words:
    """Words made of the names of constants, as PART_MANIFEST = 1 makes (1, "manifest")."""
    found = [
        (value, name.removeprefix(prefix).lower()) for name, value in vars(schema).items() if name.startswith(prefix)
    ]
    return tuple(sorted(found))


ERROR_WORDS: Final[Words] = tuple((row[0], row[1]) for row in schema.ERROR_CODES)
MESSAGE_WORDS: Final[Words] = tuple((row[0], row[1]) for row in schema.MESSAGES)
QUANTITY_WORDS: Final[Words] = tuple((row[0], row[1]) for row in schema.QUANTITIES)
CLOSE_REASONS: Final[Words] = _constants("CLOSE_")
PARTS: Final[Words] = _constants("PART_")
CAPABILITIES: Final[Words] = _constants("CAPABILITY_")  # bits, not numbers
RECORD_KINDS: Final[Words] = ((20, "change_cipher_spec"), (21, "alert"), (22, "handshake"), (23, "application_data"))

WORD_LISTS: Final[dict[str, Words]] = {
    "error codes": ERROR_WORDS,
    "messages": MESSAGE_WORDS,
    "quantities": QUANTITY_WORDS,
    "board kinds": schema.BOARD_KINDS,
    "bay states": schema.BAY_STATES,
    "camera states": schema.CAMERA_STATES,
    "charging states": schema.CHARGING_STATES,
    "lamp patterns": schema.LAMP_PATTERNS,
    "verdicts": schema.VERDICTS,
    "parts": PARTS,
    "close reasons": CLOSE_REASONS,
    "sealed records": RECORD_KINDS,  # of TLS (RFC 8446, 5.1), in place of messages where both ends speak securely
}

# (frame kind, message or record; field) -> its words.
FIELD_WORDS: Final[dict[tuple[str, str], Words]] = {
    ("close", "reason"): CLOSE_REASONS,
    ("pull", "part"): PARTS,
    ("fail", "code"): ERROR_WORDS,
    ("error", "code"): ERROR_WORDS,
    ("error", "about"): MESSAGE_WORDS,
    ("done", "about"): MESSAGE_WORDS,
    ("identity", "kind"): schema.BOARD_KINDS,
    ("camera", "state"): schema.CAMERA_STATES,
    ("camera_changed", "state"): schema.CAMERA_STATES,
    ("power", "charging"): schema.CHARGING_STATES,
    ("indicate", "pattern"): schema.LAMP_PATTERNS,
    ("set_lamp", "pattern"): schema.LAMP_PATTERNS,
    ("bay", "state"): schema.BAY_STATES,
    ("bay", "lamp"): schema.LAMP_PATTERNS,
    ("measurement", "quantity"): QUANTITY_WORDS,
    ("measurement", "verdict"): schema.VERDICTS,
}
FIELD_BITS: Final[dict[tuple[str, str], Words]] = {
    ("open", "capabilities"): CAPABILITIES,
    ("accept", "capabilities"): CAPABILITIES,
}
# Fields whose unit another field of the same record names.
UNIT_BY: Final = "by quantity"
QUANTITY_UNITS: Final[dict[int, str]] = {row[0]: row[2] for row in schema.QUANTITIES}
HEX_BYTES_MAX: Final = 32  # of a field that is shown in full


def describe(owner: str, rows: Rows, fields: dict[str, Any]) -> str:
    """All fields on one line, with words and units."""
    return ", ".join(f"{name} {_shown(owner, name, kind, unit, fields)}" for name, kind, unit, _limit in rows)


def _shown(owner: str, name: str, kind: str, unit: str, fields: dict[str, Any]) -> str:
    value = fields[name]
    if kind.startswith("list:"):
        record = kind[5:]
        each = "; ".join(f"{{{describe(record, schema.RECORDS[record], entry)}}}" for entry in value)
        return f"[{each}]"
    if isinstance(value, bytes):
        return value.hex() or "empty" if len(value) <= HEX_BYTES_MAX else f"{len(value)} bytes"
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _number(owner, name, unit, value, fields)


def _number(owner: str, name: str, unit: str, value: int, fields: dict[str, Any]) -> str:
    words = FIELD_WORDS.get((owner, name))
    if words is not None:
        return schema.word_of(words, value)
    bits = FIELD_BITS.get((owner, name))
    if bits is not None:
        return "+".join(word for bit, word in bits if value & bit) or "none"
    if unit == "bits":
        return f"{value:#x}"
    if unit == UNIT_BY:
        unit = QUANTITY_UNITS.get(fields["quantity"], "")
    if name in ("nonce", "nonce_seen"):
        return f"{value:016x}"
    told = unit in ("", "message number", "segments") or name.endswith(f"_{unit.lower()}")
    return str(value) if told else f"{value} {unit}"
