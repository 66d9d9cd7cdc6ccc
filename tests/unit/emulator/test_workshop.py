"""Emulated cameras have keys as real ones: the same at every boot, and not on a copied card."""

from __future__ import annotations

import pytest

from firmware.ports.errors import PortFault
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.certificates import IDEVID, verify_chain
from firmware.secure.certificates_store import CameraIdentity
from host_tools.emulator.workshop import Workshop
from host_tools.hardware import find_board

ZERO, CM4 = find_board("pi_zero_2w_camera"), find_board("pi_cm4_camera")


def workshop_over(folders: dict[str, MemoryFiles], seed: int = 1) -> Workshop:
    """A workshop whose folders last."""
    return Workshop(lambda name: folders.setdefault(name, MemoryFiles()), SeededEntropy(seed))


@pytest.mark.req("EMU-01", "LINK-04")
def test_a_camera_is_provisioned_once_and_keeps_its_identity():
    folders, card = dict[str, MemoryFiles](), MemoryFiles()
    first = workshop_over(folders)
    keys = first.keys_of("camera-1", ZERO, card)
    first.provision("CAM-0001", card, keys)
    again = workshop_over(folders, seed=2)
    same = again.keys_of("camera-1", ZERO, card)
    again.provision("CAM-0001", card, same)
    assert same.board_secret == keys.board_secret
    assert again.maker.root == first.maker.root
    identity = CameraIdentity(card, same.keystore, "CAM-0001").identity(IDEVID)
    assert identity is not None
    assert verify_chain(identity.chain, first.maker.root).serial == "CAM-0001"


@pytest.mark.req("LINK-04", "CAM-19")
def test_a_copied_card_has_no_key_that_works():
    folders, card = dict[str, MemoryFiles](), MemoryFiles()
    workshop = workshop_over(folders)
    keys = workshop.keys_of("camera-1", ZERO, card)
    workshop.provision("CAM-0001", card, keys)
    assert keys.keystore.protection == "device_key"
    other_board = workshop.keys_of("camera-2", ZERO, card)
    with pytest.raises(PortFault, match="not wrapped on this board"):
        CameraIdentity(card, other_board.keystore, "CAM-0001").channel_trust()


def test_a_board_with_a_chip_for_keys_keeps_them_there():
    folders, card = dict[str, MemoryFiles](), MemoryFiles()
    workshop = workshop_over(folders)
    keys = workshop.keys_of("camera-1", CM4, card)
    workshop.provision("CAM-0001", card, keys)
    assert keys.keystore.protection == "secure_element"
    assert not card.exists("keys")
    assert folders["camera-1"].exists("keys/idevid")
