"""The one table of the wire: frame kinds, records, messages, limits and error codes, as plain literals.

Law: data only. The portable codec (``firmware.link.codec``) is driven by it, the host's construct declarations, the
tables of docs/protocol.md and the Wireshark dissector are made from it. Nothing else states a number of the wire.

A field is ``(name, type, unit, limit)``. Types, all little-endian:

* ``u8 u16 u32 u64 i32``: integers; ``limit`` is the highest value allowed (None: the type's own).
* ``bool``: one byte, 0 or 1.
* ``fixed``: ``limit`` bytes, always exactly that many.
* ``text``: u16 length in bytes, then UTF-8; ``limit`` is the most bytes.
* ``bytes``: u16 length, then bytes; ``limit`` is the most.
* ``list:RECORD``: u8 count, then that many records of RECORDS; ``limit`` is the highest count.
* ``rest``: all remaining bytes of a frame payload (frames only, last field only); ``limit`` None.
"""

from firmware.link import words

# The words for small numbers are part of this table.
BAY_STATES = words.BAY_STATES
BOARD_KINDS = words.BOARD_KINDS
CAMERA_STATES = words.CAMERA_STATES
CHARGING_STATES = words.CHARGING_STATES
LAMP_PATTERNS = words.LAMP_PATTERNS
QUANTITIES = words.QUANTITIES
USAGE_EVENTS = words.USAGE_EVENTS
VERDICTS = words.VERDICTS
number_of = words.number_of
word_of = words.word_of

PROTOCOL_VERSION = 1  # the version spoken
PROTOCOL_VERSION_OLDEST = 1  # the oldest version still spoken

SYNC = 0xB7C5  # first two bytes of every frame on the wire: C5 B7
HEADER_BYTES = 16
TRAILER_BYTES = 4  # CRC-32 of the payload; absent where the payload is empty
PAYLOAD_BYTES_MAX = 1 << 20  # 1 MiB: no peer may ask for more, whatever it negotiates; bounds a reader's buffer
PAYLOAD_BYTES_MIN = 256  # what every board must accept; OPEN/ACCEPT/REFUSE always fit

# Frame header: sync u16, version u8, kind u8, sequence u32, length u24, channel u8, check u32 = 16 bytes.
HEADER = (
    ("sync", "u16", "", SYNC),
    ("version", "u8", "", None),
    ("kind", "u8", "", None),
    ("sequence", "u32", "", None),
    ("length", "u24", "bytes", PAYLOAD_BYTES_MAX),
    ("channel", "u8", "", None),
    ("check", "u32", "", None),
)

# number, name, meaning, fields of the payload. Kinds up to 15 are checked with salt 0, all others with the session's.
KIND_UNSALTED_MAX = 15
FRAME_KINDS = (
    (
        1,
        "open",
        "host opens (or reopens) a session",
        (
            ("version_min", "u8", "", None),
            ("version_max", "u8", "", None),
            ("payload_max", "u32", "bytes", None),
            ("capabilities", "u32", "bits", None),
            ("nonce", "u64", "", None),
        ),
    ),
    (
        2,
        "accept",
        "board accepts; both salts follow from the two nonces",
        (
            ("version", "u8", "", None),
            ("payload_max", "u32", "bytes", None),
            ("capabilities", "u32", "bits", None),
            ("nonce", "u64", "", None),
            ("nonce_seen", "u64", "", None),
        ),
    ),
    (
        3,
        "refuse",
        "board speaks none of the offered versions",
        (
            ("version_min", "u8", "", None),
            ("version_max", "u8", "", None),
            ("nonce_seen", "u64", "", None),
        ),
    ),
    (4, "announce", "board has (re)started or sees a cable; the host should open", ()),
    (
        16,
        "segment",
        "one segment of the control stream; sequence is the segment's number",
        (("ack", "u32", "segments", None), ("data", "rest", "bytes", None)),
    ),
    (
        17,
        "ack",
        "all segments before `ack` have arrived; bit n of `later`: segment ack+1+n is here too",
        (("ack", "u32", "segments", None), ("later", "u32", "bits", None)),
    ),
    (18, "ping", "keep-alive and latency probe", (("stamp", "u32", "ms", None),)),
    (19, "pong", "answer to ping, same stamp", (("stamp", "u32", "ms", None),)),
    (20, "close", "orderly end of the session", (("reason", "u8", "", None),)),
    (
        32,
        "pull",
        "ask for bytes of an object; sequence counts pulls",
        (
            ("request", "u32", "", None),
            ("recording", "fixed", "", 16),
            ("part", "u8", "", None),
            ("offset", "u64", "bytes", None),
            ("length", "u32", "bytes", None),
            ("piece_max", "u32", "bytes", None),
            ("mac", "fixed", "", 16),
        ),
    ),
    (
        33,
        "data",
        "bytes of an object; sequence rises by one for every data and fail frame",
        (("request", "u32", "", None), ("offset", "u64", "bytes", None), ("data", "rest", "bytes", None)),
    ),
    (
        34,
        "fail",
        "a pull that cannot be answered; code from ERROR_CODES",
        (("request", "u32", "", None), ("code", "u16", "", None)),
    ),
    (
        48,
        "probe",
        "PRBS bytes for the contact check; phase is the byte position in the pattern",
        (("run", "u16", "", None), ("phase", "u32", "bytes", None), ("data", "rest", "bytes", None)),
    ),
    (
        49,
        "probe_echo",
        "what a probe carried, as it arrived",
        (("run", "u16", "", None), ("phase", "u32", "bytes", None), ("data", "rest", "bytes", None)),
    ),
)

# Parts of a recording that can be pulled.
PART_CHUNKS = 0
PART_MANIFEST = 1
PARTS = (PART_CHUNKS, PART_MANIFEST)

# Reasons in a close frame.
CLOSE_DONE = 0  # orderly
CLOSE_RESTART = 1  # the board has started anew
CLOSE_PROTOCOL = 2  # the peer broke the protocol
CLOSE_LOST = 3  # nothing comes any more, or nothing is acknowledged
CLOSE_SECURITY = 4  # the secure channel could not be laid, or has ended

# Capabilities, a bit each.
CAPABILITY_BULK = 1
CAPABILITY_PROBE = 2
CAPABILITY_SECURE = 4  # control messages go through a secure channel; pulls carry a MAC

# Caps on what a peer may make us keep. Each is checked before anything is allocated.
TEXT_BYTES_MAX = 240  # names, versions: 60 characters of four bytes
MESSAGE_BYTES_MAX = 4096  # a whole message; eight of them fit a Pico's heap many times over
PULLS_MAX = 64  # pulls a board keeps waiting; more are failed as busy
PULL_BYTES_MAX = 1 << 22  # 4 MiB, the largest chunk
SETTINGS_BYTES_MAX = 3072  # a profile's settings as canonical JSON: forty of them take 1200
USAGE_PAGE_MAX = 16  # entries of a camera's usage log in one message, likewise
WEARER_BYTES_MAX = 120  # an id of 30 characters
RECORDINGS_PAGE_MAX = 16  # entries in one page of recordings, so that a page fits MESSAGE_BYTES_MAX
BAYS_MAX = 8  # the largest dock
MEASUREMENTS_MAX = 12  # quantities in one contact check
POWER_WINDOW_MS_MAX = 1_000  # of one averaged reading of voltage and current
POWER_SAMPLES_MAX = 1_000  # in it
INPUT_LIMIT_UA_MAX = 3_250_000  # the most a camera's charger can be told to take
PERCENT_UNKNOWN = 255  # a charge that was never measured
INPUT_LIMIT_MS_MAX = 10_000  # after so long it takes again what it may: whoever limited it may be gone
SERIAL_BYTES_MAX = 32  # as a certificate takes it
WORD_BYTES_MAX = 16  # a kind of certificate, a kind of protection
DIGEST_BYTES = 32  # SHA-256
CERTIFICATE_BYTES_MAX = 1024  # of one certificate or request in a message: ours take 250 to 700
GRANT_BYTES_MAX = 1536  # a grant that names one camera takes 550
RECIPIENTS_MAX = 8  # whom a camera seals to: the system and some paired phones
RECIPIENT_BYTES_MAX = 1216  # a public key of ML-KEM-768 and X25519
REVOCATIONS_BYTES_MAX = 1 << 21  # 2 MiB: 16 384 devices; a camera reads it into memory once
REVOCATIONS_PIECE_BYTES = 3072  # of it in one message
TOKEN_BYTES = 32  # the key of the MACs on pulls
BROADCAST_KEY_BYTES = 32  # that of the tags on what cameras broadcast

# number, name, remedy for the reader of a log
ERROR_CODES = (
    (1, "unknown_message", "the peer is newer: update this side"),
    (2, "malformed", "the peer sent a message that does not fit the table"),
    (3, "not_now", "the board is in a state that does not allow this; ask again later"),
    (4, "not_found", "no such recording or bay"),
    (5, "out_of_range", "beyond the end of the object"),
    (6, "busy", "too many requests are waiting"),
    (7, "storage", "the card failed to read or write"),
    (8, "refused", "the authorisation does not hold"),
    (9, "unsupported", "this board cannot do that"),
)

RECORDS = {
    "recording": (
        ("recording", "fixed", "", 16),
        ("chunks_bytes", "u64", "bytes", None),
        ("manifest_bytes", "u32", "bytes", 1 << 26),
        ("manifest_sha256", "fixed", "", 32),
        ("started_unix_ms", "u64", "ms", None),
        ("duration_ms", "u32", "ms", None),
        ("interrupted", "bool", "", None),
        ("priority", "u8", "", None),
    ),
    "usage": (
        ("sequence", "u32", "", None),
        ("unix_ms", "u64", "ms", None),
        ("event", "u8", "", 31),
        ("value", "i32", "by event", None),
        ("cause", "text", "", 32),
        ("wearer", "text", "", WEARER_BYTES_MAX),
    ),
    "bay": (
        ("bay", "u8", "", BAYS_MAX),
        ("state", "u8", "", 7),
        ("powered", "bool", "", None),
        ("lamp", "u8", "", 15),
        ("supply_uv", "i32", "uV", None),
        ("current_ua", "i32", "uA", None),
        ("settle_ms", "u16", "ms", None),
        ("bounces", "u16", "", None),
    ),
    "measurement": (
        ("quantity", "u8", "", 31),
        ("value", "i32", "by quantity", None),
        ("low", "i32", "by quantity", None),
        ("high", "i32", "by quantity", None),
        ("verdict", "u8", "", 3),
    ),
}

# A message on the control stream: u16 length of what follows, u16 number, u16 request, fields.
# ``request`` is chosen by the asker and repeated in the answer; 0 where nothing was asked.
# direction: "host" = host to board, "board" = board to host, "both".
# number, name, direction, since version, fields
MESSAGES = (
    (
        1,
        "error",
        "both",
        1,
        (
            ("about", "u16", "message number", None),
            ("code", "u16", "", None),
            ("text", "text", "", TEXT_BYTES_MAX),
        ),
    ),
    (2, "done", "board", 1, (("about", "u16", "message number", None),)),
    (3, "identify", "host", 1, ()),
    (
        4,
        "identity",
        "board",
        1,
        (
            ("kind", "u8", "", 3),
            ("model", "text", "", TEXT_BYTES_MAX),
            ("serial", "text", "", TEXT_BYTES_MAX),
            ("firmware", "text", "", TEXT_BYTES_MAX),
            ("boot", "fixed", "", 8),
            ("uptime_ms", "u64", "ms", None),
            ("system", "text", "", TEXT_BYTES_MAX),
        ),
    ),
    (
        5,
        "set_time",
        "host",
        1,
        (("unix_ms", "u64", "ms", None), ("uncertainty_ms", "u32", "ms", None)),
    ),
    # -- camera
    (
        16,
        "assign_wearer",
        "host",
        1,
        (
            ("wearer", "text", "", TEXT_BYTES_MAX),
            ("name", "text", "", TEXT_BYTES_MAX),
            ("profile", "text", "", TEXT_BYTES_MAX),
        ),
    ),
    (17, "get_camera", "host", 1, ()),
    (
        18,
        "camera",
        "board",
        1,
        (
            ("state", "u8", "", 31),
            ("wearer", "text", "", TEXT_BYTES_MAX),
            ("docked", "bool", "", None),
            ("battery_percent", "u8", "%", 100),
            ("supply_uv", "i32", "uV", None),
            ("storage_total_bytes", "u64", "bytes", None),
            ("storage_free_bytes", "u64", "bytes", None),
            ("recordings", "u32", "", None),
            ("erase_counter", "u64", "", None),
        ),
    ),
    (19, "list_recordings", "host", 1, (("after", "fixed", "", 16),)),
    (
        20,
        "recordings",
        "board",
        1,
        (("more", "bool", "", None), ("entries", "list:recording", "", RECORDINGS_PAGE_MAX)),
    ),
    (21, "erase", "host", 1, (("authorisation", "bytes", "", 2048),)),
    (
        22,
        "erased",
        "board",
        1,
        (("recording", "fixed", "", 16), ("counter", "u64", "", None)),
    ),
    (23, "camera_changed", "board", 1, (("state", "u8", "", 31), ("recordings", "u32", "", None))),
    (24, "indicate", "host", 1, (("pattern", "u8", "", 15), ("duration_ms", "u32", "ms", 600_000))),
    (
        25,
        "configure",
        "host",
        1,
        (("profile", "text", "", TEXT_BYTES_MAX), ("settings", "bytes", "", SETTINGS_BYTES_MAX)),
    ),
    (26, "get_usage", "host", 1, (("log", "fixed", "", 8), ("after", "u32", "", None))),
    (
        27,
        "usage",
        "board",
        1,
        (("log", "fixed", "", 8), ("more", "bool", "", None), ("entries", "list:usage", "", USAGE_PAGE_MAX)),
    ),
    (
        28,
        "offer_wearer",
        "host",
        1,
        (
            ("wearer", "text", "", TEXT_BYTES_MAX),
            ("name", "text", "", TEXT_BYTES_MAX),
            ("profile", "text", "", TEXT_BYTES_MAX),
            ("hold_ms", "u32", "ms", 600_000),
        ),
    ),
    # -- dock
    (32, "get_bays", "host", 1, ()),
    (33, "bays", "board", 1, (("entries", "list:bay", "", BAYS_MAX),)),
    (34, "bay_changed", "board", 1, (("entries", "list:bay", "", BAYS_MAX), ("at_ms", "u64", "ms", None))),
    (35, "set_lamp", "host", 1, (("bay", "u8", "", BAYS_MAX), ("pattern", "u8", "", 15))),
    (36, "set_bay_power", "host", 1, (("bay", "u8", "", BAYS_MAX), ("powered", "bool", "", None))),
    (37, "check_contacts", "host", 1, (("bay", "u8", "", BAYS_MAX),)),
    (
        38,
        "contacts",
        "board",
        1,
        (("bay", "u8", "", BAYS_MAX), ("measurements", "list:measurement", "", MEASUREMENTS_MAX)),
    ),
    # -- power: docks and cameras alike measure theirs; ``bay`` is 0 for a camera
    (
        40,
        "measure_power",
        "host",
        1,
        (
            ("bay", "u8", "", BAYS_MAX),
            ("run", "u16", "", None),
            ("window_ms", "u16", "ms", POWER_WINDOW_MS_MAX),
        ),
    ),
    (
        41,
        "power_measured",
        "board",
        1,
        (
            ("bay", "u8", "", BAYS_MAX),
            ("run", "u16", "", None),
            ("began_ms", "u64", "ms", None),
            ("samples", "u16", "", POWER_SAMPLES_MAX),
            ("supply_uv", "i32", "uV", None),
            ("supply_deviation_uv", "i32", "uV", None),
            ("current_ua", "i32", "uA", None),
            ("current_deviation_ua", "i32", "uA", None),
        ),
    ),
    (
        42,
        "limit_input",
        "host",
        1,
        (("limit_ua", "u32", "uA", INPUT_LIMIT_UA_MAX), ("duration_ms", "u16", "ms", INPUT_LIMIT_MS_MAX)),
    ),
    (43, "get_power", "host", 1, ()),
    (
        44,
        "power",
        "board",
        1,
        (
            ("charging", "u8", "", 15),
            ("reason", "text", "", TEXT_BYTES_MAX),
            ("cell_uv", "i32", "uV", None),
            ("charge_permille", "u16", "permille", 1000),
            ("charge_ua", "i32", "uA", None),
            ("input_uv", "i32", "uV", None),
            ("allowed_ua", "u32", "uA", INPUT_LIMIT_UA_MAX),
            ("smart", "bool", "", None),
            ("docked_percent", "u8", "%", PERCENT_UNKNOWN),
            ("undocked_percent", "u8", "%", PERCENT_UNKNOWN),
            ("cycles_percent", "u32", "%", None),
            ("empty_shutdowns", "u16", "", None),
        ),
    ),
    (
        45,
        "set_charging",
        "host",
        1,
        (("allowed_ua", "u32", "uA", INPUT_LIMIT_UA_MAX), ("smart", "bool", "", None)),
    ),
    # -- identity and trust: the first one goes bare, before TLS begins; all others inside
    (48, "greeting", "board", 1, (("serial", "text", "", SERIAL_BYTES_MAX),)),
    (49, "get_credentials", "host", 1, ()),
    (
        50,
        "credentials",
        "board",
        1,
        (
            ("expires_unix_ms", "u64", "ms", None),
            ("evidence_expires_unix_ms", "u64", "ms", None),
            ("protection", "text", "", WORD_BYTES_MAX),
            ("revocations", "u64", "", None),
            ("recipients", "fixed", "", DIGEST_BYTES),
        ),
    ),
    (51, "request_certificate", "host", 1, (("kind", "text", "", WORD_BYTES_MAX),)),
    (52, "certificate_request", "board", 1, (("request", "bytes", "", CERTIFICATE_BYTES_MAX),)),
    (
        53,
        "install_certificate",
        "host",
        1,
        (
            ("certificate", "bytes", "", CERTIFICATE_BYTES_MAX),
            ("issuing", "bytes", "", CERTIFICATE_BYTES_MAX),
            ("grant", "bytes", "", GRANT_BYTES_MAX),
        ),
    ),
    (
        54,
        "seal_to",
        "host",
        1,
        (
            ("place", "u8", "", RECIPIENTS_MAX - 1),
            ("count", "u8", "", RECIPIENTS_MAX),
            ("key", "bytes", "", RECIPIENT_BYTES_MAX),
        ),
    ),
    (
        55,
        "revocations",
        "host",
        1,
        (
            ("offset", "u32", "bytes", REVOCATIONS_BYTES_MAX),
            ("total", "u32", "bytes", REVOCATIONS_BYTES_MAX),
            ("data", "bytes", "", REVOCATIONS_PIECE_BYTES),
        ),
    ),
    (56, "bulk_token", "host", 1, (("token", "fixed", "", TOKEN_BYTES),)),
    (57, "factory_reset", "host", 1, ()),
    (58, "set_broadcast_key", "host", 1, (("number", "u8", "", None), ("key", "fixed", "", BROADCAST_KEY_BYTES))),
)

# question -> the message that answers it; every other question is answered with ``done``, and any with ``error``
ANSWERS = {
    "identify": "identity",
    "get_camera": "camera",
    "list_recordings": "recordings",
    "erase": "erased",
    "get_usage": "usage",
    "get_bays": "bays",
    "check_contacts": "contacts",
    "get_power": "power",
    "get_credentials": "credentials",
    "request_certificate": "certificate_request",
}
