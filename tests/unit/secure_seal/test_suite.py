"""Who can open a recording: recipients, rings, rotation; and what is refused."""

from dataclasses import replace

import pytest

from firmware.formats.chunk import SUITE_CLEAR, ClearSuite
from firmware.formats.errors import FormatError
from firmware.formats.manifest import WRAPPED_KEY_BYTES_MAX, WRAPPED_KEYS_MAX
from firmware.ports.memory_entropy import SeededEntropy
from firmware.secure import hpke_wrapping
from firmware.secure.hpke_keys import KeyRing, RecipientKey, SealingKey, new_seed
from firmware.secure.suite import SUITE_SEALED, NoKey, SealedSuite, opener_for
from tests.unit.secure_seal.parts import (
    OLD_KEY,
    OTHER,
    PHONE_KEY,
    RECORDING,
    STRANGER,
    SYSTEM_KEY,
    clear,
    open_all,
    seal,
    sealing_suite,
)

BOTH_SUITES = frozenset({SUITE_CLEAR, SUITE_SEALED})


@pytest.mark.req("CAM-19")
def test_each_recipient_opens_it_and_nobody_else():
    sealed = seal(sealing_suite(SYSTEM_KEY, PHONE_KEY))
    content = b"".join(sealed.plaintexts)
    for ring in (KeyRing([SYSTEM_KEY]), KeyRing([PHONE_KEY]), KeyRing([STRANGER, PHONE_KEY])):
        assert open_all(sealed, ring) == content
    names = "no key of this system opens it, it is sealed to " + ", ".join(
        key.key_id.hex()[:16] for key in (SYSTEM_KEY, PHONE_KEY)
    )
    for ring in (KeyRing(), KeyRing([STRANGER])):
        with pytest.raises(NoKey, match=names):
            opener_for(sealed.manifest, ring)


def test_recipients_stand_in_their_order():
    sealed = seal(sealing_suite(SYSTEM_KEY, PHONE_KEY))
    named = [hpke_wrapping.decode(wrapped).key_id for wrapped in sealed.manifest.wrapped_keys]
    assert named == [SYSTEM_KEY.key_id, PHONE_KEY.key_id]
    assert all(len(wrapped) == 1212 <= WRAPPED_KEY_BYTES_MAX for wrapped in sealed.manifest.wrapped_keys)


def test_a_header_opens_like_its_manifest():
    """After a power cut there may be no manifest yet, but the header is there."""
    sealed = seal()
    opener = opener_for(sealed.header, KeyRing([SYSTEM_KEY]))
    assert opener.open(1, sealed.chunk(1)) == sealed.plaintexts[1]


@pytest.mark.req("CAM-19")
def test_after_a_rotation_old_recordings_stay_readable():
    suite = sealing_suite(OLD_KEY)
    before = seal(suite)
    suite.seal_to([SYSTEM_KEY.recipient])
    after = seal(suite, OTHER)
    ring = KeyRing([SYSTEM_KEY, OLD_KEY])
    assert open_all(before, ring) == b"".join(before.plaintexts)
    assert open_all(after, ring) == b"".join(after.plaintexts)
    with pytest.raises(NoKey):
        opener_for(after.manifest, KeyRing([OLD_KEY]))
    with pytest.raises(NoKey):
        opener_for(before.manifest, KeyRing([SYSTEM_KEY]))
    assert ring.key_ids() == {SYSTEM_KEY.key_id, OLD_KEY.key_id}


def test_a_change_of_recipients_leaves_an_open_recording_alone():
    suite = sealing_suite(OLD_KEY)
    begun = suite.begin(RECORDING, SeededEntropy(1))
    suite.seal_to([SYSTEM_KEY.recipient])
    (wrapped,) = begun.wrapped_keys
    assert hpke_wrapping.decode(wrapped).key_id == OLD_KEY.key_id


def test_every_recording_has_a_fresh_key_from_the_entropy_port():
    entropy = SeededEntropy(3)
    suite = sealing_suite()
    keys: list[bytes] = []
    for recording in (RECORDING, OTHER):
        begun = suite.begin(recording, entropy)
        entry = hpke_wrapping.decode(begun.wrapped_keys[0])
        keys.append(hpke_wrapping.unwrap(entry, SYSTEM_KEY, SUITE_SEALED, recording))
    assert b"".join(keys) == SeededEntropy(3).random_bytes(64)


def test_no_recording_without_a_recipient():
    with pytest.raises(FormatError, match="no key to seal to; add the camera to a system first"):
        SealedSuite().begin(RECORDING, SeededEntropy(1))


def test_recipients_have_limits():
    with pytest.raises(FormatError, match="named twice"):
        sealing_suite(SYSTEM_KEY, SYSTEM_KEY)
    with pytest.raises(FormatError, match="17 recipients, at most 16"):
        SealedSuite([SYSTEM_KEY.recipient] * (WRAPPED_KEYS_MAX + 1))


def test_any_change_of_a_wrapped_key_shows():
    sealed = seal()
    wrapped = sealed.manifest.wrapped_keys[0]
    for position in [*range(60), *range(60, len(wrapped), 37), *range(len(wrapped) - 50, len(wrapped))]:
        changed = bytearray(wrapped)
        changed[position] ^= 0x04
        with pytest.raises(FormatError):
            opener_for(replace(sealed.manifest, wrapped_keys=(bytes(changed),)), KeyRing([SYSTEM_KEY]))
    for length in (0, 43, len(wrapped) - 1):
        with pytest.raises(FormatError, match=f"wrapped key: {length} bytes instead of 1212"):
            opener_for(replace(sealed.manifest, wrapped_keys=(wrapped[:length],)), KeyRing([SYSTEM_KEY]))


@pytest.mark.parametrize("point", [bytes(32), b"\x01" + bytes(31)])
def test_a_zero_shared_secret_opens_nothing(point: bytes):
    sealed = seal()
    wrapped = bytearray(sealed.manifest.wrapped_keys[0])
    wrapped[44 + 1088 : 44 + 1120] = point
    with pytest.raises(FormatError, match="damaged"):
        opener_for(replace(sealed.manifest, wrapped_keys=(bytes(wrapped),)), KeyRing([SYSTEM_KEY]))


def test_one_damaged_wrapped_key_does_not_hide_a_good_one():
    sealed = seal(sealing_suite(SYSTEM_KEY, PHONE_KEY))
    first, second = sealed.manifest.wrapped_keys
    damaged = replace(sealed, manifest=replace(sealed.manifest, wrapped_keys=(first[:-1] + b"\x00", second)))
    assert open_all(damaged, KeyRing([SYSTEM_KEY, PHONE_KEY])) == b"".join(sealed.plaintexts)
    with pytest.raises(FormatError, match=r"wrapped key 0: .* is damaged or of another recording"):
        opener_for(damaged.manifest, KeyRing([SYSTEM_KEY]))


def test_a_wrapped_key_opens_its_own_recording_and_suite_only():
    (wrapped,) = seal().manifest.wrapped_keys
    other = seal(recording=OTHER)
    with pytest.raises(FormatError, match="damaged or of another recording"):
        opener_for(replace(other.manifest, wrapped_keys=(wrapped,)), KeyRing([SYSTEM_KEY]))
    entry = hpke_wrapping.decode(wrapped)
    with pytest.raises(FormatError, match="damaged or of another recording"):
        hpke_wrapping.unwrap(entry, SYSTEM_KEY, "aes-256-gcm-2", RECORDING)
    with pytest.raises(FormatError, match="damaged or of another recording"):
        hpke_wrapping.unwrap(entry._replace(key_id=OLD_KEY.key_id), OLD_KEY, SUITE_SEALED, RECORDING)


@pytest.mark.req("CAM-19")
def test_a_suite_is_never_negotiated():
    ring = KeyRing([SYSTEM_KEY])
    sealed, plain = seal(), clear()
    with pytest.raises(FormatError, match="suite clear is not what its board uses"):
        opener_for(plain.manifest, ring)
    with pytest.raises(FormatError, match="suite aes-256-gcm is not what its board uses"):
        opener_for(sealed.manifest, ring, {SUITE_CLEAR})
    with pytest.raises(FormatError, match="suite aes-512-gcm cannot be opened here"):
        opener_for(replace(sealed.manifest, suite="aes-512-gcm"), ring, {"aes-512-gcm"})
    assert open_all(replace(plain, manifest=sealed.manifest, chunks=sealed.chunks), ring)
    said_clear = replace(sealed.manifest, suite=SUITE_CLEAR)
    with pytest.raises(FormatError, match="in the clear, yet with wrapped keys"):
        opener_for(said_clear, ring, BOTH_SUITES)
    opener = opener_for(replace(said_clear, wrapped_keys=()), ring, BOTH_SUITES)
    with pytest.raises(FormatError, match="sealed with aes-256-gcm, not clear"):
        opener.open(0, sealed.chunk(0))
    said_sealed = replace(plain.manifest, suite=SUITE_SEALED, wrapped_keys=sealed.manifest.wrapped_keys)
    with pytest.raises(FormatError, match="sealed with clear, not aes-256-gcm"):
        opener_for(said_sealed, ring).open(0, plain.chunk(0))


def test_the_clear_suite_stays_where_it_is_accepted():
    plain = clear()
    opener = opener_for(plain.manifest, KeyRing(), BOTH_SUITES)
    assert opener.open(0, plain.chunk(0)) == plain.plaintexts[0]
    assert ClearSuite().begin(RECORDING, SeededEntropy(1)).wrapped_keys == ()


def test_a_sealed_recording_for_nobody_says_so():
    with pytest.raises(NoKey, match="sealed to nobody"):
        opener_for(replace(seal().manifest, wrapped_keys=()), KeyRing([SYSTEM_KEY]))


# -- keys


def test_a_key_is_made_of_its_seed_and_shows_none_of_it():
    seed = new_seed(SeededEntropy(9))
    key = SealingKey(seed)
    assert SealingKey(seed).recipient.raw == key.recipient.raw == RecipientKey(key.recipient.raw).raw
    assert key.key_id == key.recipient.key_id
    for shown in (repr(key), repr(KeyRing([key])), repr(key.recipient)):
        assert key.key_id.hex()[:16] in shown
        assert seed.hex() not in shown


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed: bytes):
    with pytest.raises(FormatError, match="instead of 32"):
        SealingKey(seed)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        SYSTEM_KEY.recipient.raw[:-1],
        b"\xff" * 1184 + SYSTEM_KEY.recipient.raw[1184:],
        SYSTEM_KEY.recipient.raw[:1184] + bytes(32),
        SYSTEM_KEY.recipient.raw[:1184] + b"\x01" + bytes(31),
    ],
)
def test_what_is_no_public_key_is_refused(raw: bytes):
    with pytest.raises(FormatError, match="sealing key: "):
        RecipientKey(raw)


def test_wrapping_takes_keys_of_the_right_length():
    with pytest.raises(FormatError, match="recording key: 31 bytes instead of 32"):
        hpke_wrapping.wrap(bytes(31), SYSTEM_KEY.recipient, SUITE_SEALED, RECORDING)
    with pytest.raises(FormatError, match="a key id of 3 bytes"):
        hpke_wrapping.info_of(SUITE_SEALED, RECORDING, b"abc")
