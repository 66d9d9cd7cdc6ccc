"""What every keystore must pass. ``CASES`` take ``new_keystore()``, which returns an empty keystore and a function
``verifies(public_key, data, signature)`` that is not part of it."""

try:
    from typing import TYPE_CHECKING
except ImportError:
    TYPE_CHECKING = False

from firmware.ports.errors import NotFound, PortFault
from firmware.ports.expect import expect_fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.ports.keystore import Keystore

    NewKeystore = Callable[[], tuple[Keystore, Callable[[bytes, bytes, bytes], bool]]]


def an_empty_slot_is_not_found(new_keystore: "NewKeystore") -> None:
    """The fault names the slot; destroying nothing is no fault."""
    keystore, _ = new_keystore()
    assert not keystore.has_key("idevid")
    assert "idevid" in expect_fault(NotFound, keystore.public_key, "idevid")
    assert "idevid" in expect_fault(NotFound, keystore.sign, "idevid", b"data")
    assert "idevid" in expect_fault(NotFound, keystore.tls_key, "idevid")
    keystore.destroy("idevid")


def signatures_hold(new_keystore: "NewKeystore") -> None:
    """For what was signed, under the slot's public key, and for nothing else."""
    keystore, verifies = new_keystore()
    keystore.make_key("one")
    keystore.make_key("two")
    signature = keystore.sign("one", b"data")
    assert verifies(keystore.public_key("one"), b"data", signature)
    assert verifies(keystore.public_key("one"), b"data", keystore.sign("one", bytearray(b"data")))
    assert verifies(keystore.public_key("one"), b"data", keystore.sign("one", memoryview(b"data")))
    assert not verifies(keystore.public_key("one"), b"Data", signature)
    assert not verifies(keystore.public_key("two"), b"data", signature)


def slots_do_not_touch_each_other(new_keystore: "NewKeystore") -> None:
    """A key stays the same until its own slot is changed."""
    keystore, _ = new_keystore()
    keystore.make_key("one")
    public = keystore.public_key("one")
    keystore.make_key("two")
    assert keystore.public_key("two") != public
    keystore.destroy("two")
    assert keystore.public_key("one") == public
    assert keystore.has_key("one")
    assert not keystore.has_key("two")


def a_new_key_replaces_the_old(new_keystore: "NewKeystore") -> None:
    """And a destroyed one is gone."""
    keystore, verifies = new_keystore()
    keystore.make_key("one")
    public = keystore.public_key("one")
    keystore.make_key("one")
    assert keystore.public_key("one") != public
    assert not verifies(public, b"data", keystore.sign("one", b"data"))
    keystore.destroy("one")
    assert not keystore.has_key("one")
    expect_fault(NotFound, keystore.sign, "one", b"data")


def only_words_name_slots(new_keystore: "NewKeystore") -> None:
    """No path, nothing empty, nothing endless."""
    keystore, _ = new_keystore()
    for name in ("", "../one", "a/b", "One", "a b", "\x00", "a" * 33):
        for operation in (keystore.make_key, keystore.has_key, keystore.public_key, keystore.destroy):
            expect_fault(PortFault, operation, name)


def it_says_how_keys_are_protected(new_keystore: "NewKeystore") -> None:
    """In one of the words of the port."""
    keystore, _ = new_keystore()
    assert keystore.protection in ("memory", "file", "device_key", "secure_element")


CASES = (
    an_empty_slot_is_not_found,
    signatures_hold,
    slots_do_not_touch_each_other,
    a_new_key_replaces_the_old,
    only_words_name_slots,
    it_says_how_keys_are_protected,
)
