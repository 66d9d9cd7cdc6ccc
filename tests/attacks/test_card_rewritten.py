"""A camera that was in other hands for a night: its card is taken out, rewritten on a bench, and put back.

Whoever makes the card name a root of his own would be believed by the camera as its controller: he could name himself
among those to whom it seals, and put the old document back before anybody notices.
"""

from __future__ import annotations

import pytest

from firmware.camera import access
from firmware.formats import canonical
from firmware.formats.errors import FormatError
from firmware.link import events
from firmware.ports.errors import PortFault
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.secure import certificates_store
from firmware.secure.certificates import CONTROLLER, LDEVID, public_key_of
from firmware.secure.certificates_keys import P256, new_key, pem_of, sign
from firmware.secure.certificates_store import PATH, CameraIdentity
from firmware.secure.channel_context import HOST, Anchor, ChannelTrust, TlsKey
from host_tools.trust.authority import make_issuing, make_root
from tests.unit.camera.rig import CameraRig
from tests.unit.trust.parts import NOW_MS, Camera, World


def document(camera: Camera | CameraRig) -> dict[str, object]:
    """What the card says of the camera."""
    file = camera.files.open(PATH)
    data = bytearray(file.size_bytes())
    file.read_at(0, data)
    file.close()
    return canonical.decode_line(bytes(data), "identity", certificates_store.DOCUMENT_BYTES_MAX)


def put(camera: Camera | CameraRig, fields: dict[str, object]) -> None:
    """Write it anew, with a checksum that fits."""
    camera.files.remove(PATH)
    file = camera.files.create(PATH)
    file.write_at(0, canonical.encode_line(fields))
    file.close()


def look_alike(world: World) -> bytes:
    """A root of the same name: the id of a system is on every certificate of it."""
    return make_root(world.trust.system, new_key(world.entropy), NOW_MS, world.entropy).chain[0]


def whole_look_alike(world: World, camera: Camera) -> list[object]:
    """Root, and a chain to it for the very key that the camera has: all of that is public."""
    root = make_root(world.trust.system, new_key(world.entropy), NOW_MS, world.entropy)
    issuing = make_issuing(root, new_key(world.entropy), NOW_MS, world.entropy)
    own = camera.identity.identity(LDEVID)
    assert own is not None
    chain = issuing.issue(LDEVID, camera.serial, public_key_of(own.chain[0]), NOW_MS, world.entropy)
    return [root.chain[0].hex(), [LDEVID, camera.identity.slot(LDEVID), [each.hex() for each in chain]]]


@pytest.mark.req("LINK-04", "CAM-19", "CAM-22")
@pytest.mark.parametrize("attack", ["root", "root and chain", "floor", "factory", "signed by himself", "unsigned"])
def test_a_card_that_names_another_root_is_not_believed(attack: str):
    world = World()
    camera = world.camera()
    fields = document(camera)
    own = fields["own"]
    assert isinstance(own, list)
    if attack == "root":
        fields["root"] = look_alike(world).hex()
    elif attack == "root and chain":
        fields["root"], chain = whole_look_alike(world, camera)
        fields["own"] = [chain if row[0] == LDEVID else row for row in own]
    elif attack == "floor":
        fields["issuing_floor_ms"] = 0
    elif attack == "factory":
        fields["own"], fields["root"], fields["issuing_floor_ms"] = own[:1], "", 0
    elif attack == "signed by himself":
        fields["root"] = look_alike(world).hex()
        stated = canonical.encode({key: value for key, value in fields.items() if key != "signature"})
        fields["signature"] = sign(new_key(world.entropy), certificates_store.SIGNED_PREFIX + stated).hex()
    else:
        fields["root"], fields["signature"] = look_alike(world).hex(), ""
    put(camera, fields)
    with pytest.raises(FormatError, match="identity: was not written by this camera"):
        camera.again()
    assert camera.keystore.has_key(camera.identity.slot(LDEVID)), "no key is destroyed on an attacker's word"


def test_the_same_document_written_again_is_believed():
    """So the refusals above are of what was changed."""
    world = World()
    camera = world.camera()
    put(camera, document(camera))
    assert camera.again().is_adopted()
    assert camera.again().channel_trust().identity.serial == "CAM-0001"


def test_a_card_of_another_camera_or_of_none_is_not_believed():
    world = World()
    camera, other = world.camera("CAM-0001"), world.camera("CAM-0002")
    with pytest.raises((FormatError, PortFault)):
        CameraIdentity(camera.files, other.keystore, "CAM-0001")
    with pytest.raises((FormatError, PortFault)):
        CameraIdentity(camera.files, MemoryKeystore(P256(world.entropy)), "CAM-0001")
    put(camera, {**document(camera), "own": []})
    with pytest.raises(FormatError):
        camera.again()


def his_controller(world: World) -> tuple[ChannelTrust, bytes]:
    """A controller of a system of the same id, with everything but the right root key; and its root."""
    root = make_root(world.trust.system, new_key(world.entropy), NOW_MS, world.entropy)
    issuing, key = make_issuing(root, new_key(world.entropy), NOW_MS, world.entropy), new_key(world.entropy)
    chain = issuing.issue(CONTROLLER, "controller-1", key.public_key(), NOW_MS, world.entropy)
    anchors = [Anchor(world.trust.record.root, frozenset({LDEVID}))]
    return ChannelTrust(HOST, TlsKey(chain, pem_of(key)), anchors), root.chain[0]


def rewritten() -> tuple[CameraRig, ChannelTrust]:
    """A camera whose card has been on that bench, at its dock again."""
    rig = CameraRig(docked=True)
    his, root = his_controller(rig.world)
    put(rig, {**document(rig), "root": root.hex()})
    rig.boot(docked=True)
    return rig, his


@pytest.mark.req("LINK-04", "CAM-19")
def test_a_camera_with_such_a_card_answers_nobody_and_says_that_it_is_broken():
    rig, his = rewritten()
    assert rig.app.state == "malfunctioning"
    for trust in (his, rig.world.trust.channel_trust()):
        rig.open_session(trust)
        assert not any(isinstance(event, events.Secured) for event in rig.heard)
        assert rig.app.membership.level == access.SHUT


def test_it_is_the_signature_that_keeps_him_out(monkeypatch: pytest.MonkeyPatch):
    """Without it he is the camera's controller, and names himself among the recipients."""
    monkeypatch.setattr(certificates_store, "holds", lambda *_: True)
    rig, his = rewritten()
    assert rig.open_session(his).fault is None
    assert rig.ask("set_time", {"unix_ms": NOW_MS, "uncertainty_ms": 40}).name == "done"
    assert rig.app.membership.level == access.FULL
    key = World(2).trust.recipient().raw
    assert rig.ask("seal_to", {"place": 0, "count": 1, "key": key}).name == "done"
