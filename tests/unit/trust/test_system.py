"""A system at work: adoption, renewal, admission, revocation, rotation, and openssl's own opinion of its chains."""

from __future__ import annotations

import ssl
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from firmware.formats.errors import FormatError
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.secure import certificates, certificates_revocations
from firmware.secure.certificates import CONTROLLER, EVIDENCE, IDEVID, LDEVID, CertificateFault
from firmware.secure.hpke_keys import RecipientKey
from firmware.secure.signing import P256Signer, P256Verifier
from firmware.secure.time_floor import TimeFloor, TimeRefused
from host_tools.trust import admission, passphrase
from host_tools.trust.authority import CONTROLLER_LIFETIME_MS, DAY_MS
from host_tools.trust.errors import TrustError, TrustFileError
from host_tools.trust.provisioning import make_manufacturer, open_manufacturer
from host_tools.trust.system import SystemTrust, create_system, open_system
from tests.patience import LIMIT_S
from tests.unit.trust.parts import CHEAP, NOW_MS, PHRASE, WEEK_MS, World, connect, peer


def pem_file(path: Path, *certificates_der: bytes) -> str:
    """Certificates as openssl reads them."""
    text = "".join(map(ssl.DER_cert_to_PEM_cert, certificates_der))
    path.write_text(text, encoding="ascii")
    return str(path)


def openssl(*arguments: str) -> str:
    """What the program says; fails with it."""
    answer = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return answer.stdout


def openssl_verify(folder: Path, chain: tuple[bytes, ...], purpose: str, unix_ms: int) -> str:
    """``openssl verify`` at a given time, strict."""
    root, middle = pem_file(folder / "root.pem", chain[-1]), pem_file(folder / "middle.pem", chain[1])
    leaf = pem_file(folder / "leaf.pem", chain[0])
    time = ("-attime", str(unix_ms // 1000))
    return openssl("verify", "-x509_strict", "-purpose", purpose, *time, "-CAfile", root, "-untrusted", middle, leaf)


@pytest.mark.req("LINK-04")
@pytest.mark.parametrize(
    ("kind", "purpose"),
    [(LDEVID, "sslclient"), (IDEVID, "sslclient"), (CONTROLLER, "sslserver"), (EVIDENCE, "any")],
)
def test_openssl_accepts_our_chains(tmp_path: Path, kind: str, purpose: str):
    world = World()
    camera = world.camera()
    if kind == EVIDENCE:
        issued = world.trust.renew(peer(camera), camera.identity.request(EVIDENCE), NOW_MS)
        camera.identity.renew(world.controller(), issued.chain, NOW_MS)
    chain = world.controller().chain if kind == CONTROLLER else peer(camera, kind).chain
    assert openssl_verify(tmp_path, chain, purpose, NOW_MS).strip().endswith("OK")


def test_openssl_refuses_them_for_what_they_are_not(tmp_path: Path):
    world = World()
    chain = peer(world.camera()).chain
    with pytest.raises(AssertionError, match="purpose"):
        openssl_verify(tmp_path, chain, "sslserver", NOW_MS)
    with pytest.raises(AssertionError, match="expired"):
        openssl_verify(tmp_path, chain, "sslclient", NOW_MS + 9 * WEEK_MS)
    with pytest.raises(AssertionError, match="verif"):
        openssl_verify(tmp_path, (*chain[:-1], World(2).trust.record.root), "sslclient", NOW_MS)


def test_openssl_reads_the_constraints_that_we_write(tmp_path: Path):
    world = World()
    root = openssl("x509", "-noout", "-text", "-in", pem_file(tmp_path / "root.pem", world.trust.record.root))
    assert "CA:TRUE, pathlen:1" in root
    assert "Certificate Sign, CRL Sign" in root
    assert "secp384r1" in root
    issuing = world.trust.record.issuing.chain[0]
    assert "CA:TRUE, pathlen:0" in openssl("x509", "-noout", "-text", "-in", pem_file(tmp_path / "i.pem", issuing))
    camera = openssl("x509", "-noout", "-text", "-in", pem_file(tmp_path / "c.pem", peer(world.camera()).chain[0]))
    assert "CA:FALSE" in camera
    assert "TLS Web Client Authentication" in camera
    assert "TLS Web Server Authentication" not in camera


@pytest.mark.req("CAM-22")
def test_what_is_made_is_there_after_a_restart():
    world = World()
    again = open_system(world.files.crash(), world.entropy)
    assert again.record == world.trust.record
    assert again.system == world.trust.system
    pair = connect(again.channel_trust(), world.camera().identity.channel_trust(), "CAM-0001")
    assert again.admit(pair.host.peer, NOW_MS).state == admission.MEMBER


@pytest.mark.req("CTRL-13", "CAM-22")
def test_a_camera_through_its_weeks():
    """Docked every day for a fortnight, then away: a warning in the last week, then safe mode."""
    world = World()
    camera = world.camera()
    for day in range(1, 15):
        now_ms = NOW_MS + day * DAY_MS
        world.trust.refresh_controller(now_ms)
        issued = world.trust.renew(peer(camera), camera.identity.request(LDEVID), now_ms)
        camera.identity.renew(world.controller(), issued.chain, now_ms)
    last_ms = NOW_MS + 14 * DAY_MS
    seen = [world.trust.admit(peer(camera), last_ms + week * WEEK_MS + DAY_MS) for week in range(10)]
    assert [each.standing for each in seen] == ["valid"] * 7 + ["about_to_expire"] + ["expired"] * 2
    assert [each.state for each in seen] == ["member"] * 8 + ["safe_mode"] * 2
    assert seen[7].text == "CAM-0001: a camera of this system (its certificate expires in 6 d 0 h: dock it before)"
    assert seen[8].text == "CAM-0001: in safe mode until it is allowed back (its certificate has expired)"


@pytest.mark.parametrize("weeks", [7, 13, 0, -1])
def test_other_lifetimes_are_refused(weeks: int):
    world = World()
    with pytest.raises(TrustError, match="8 to 12 weeks"):
        open_system(world.files, world.entropy, weeks)


@pytest.mark.req("CAM-22")
def test_the_lifetime_is_a_setting():
    world = World()
    camera = world.camera()
    trust = open_system(world.files, world.entropy, 12)
    chain = trust.renew(peer(camera), camera.identity.request(LDEVID), NOW_MS).chain
    assert certificates.identify(chain, True).expires_ms == NOW_MS + 12 * WEEK_MS + 999


def test_a_request_is_for_oneself():
    world = World()
    one, two = world.camera("CAM-0001"), world.camera("CAM-0002")
    with pytest.raises(TrustError, match="not its own"):
        world.trust.renew(peer(one), two.identity.request(LDEVID), NOW_MS)
    factory = world.factory_camera("CAM-0003")
    with pytest.raises(TrustError, match="not its own"):
        world.trust.adopt(peer(factory, IDEVID), factory.identity.request(EVIDENCE), NOW_MS)
    with pytest.raises(TrustError, match="does not hold"):
        world.trust.renew(peer(one), b"not a request", NOW_MS)
    request = bytearray(one.identity.request(LDEVID))
    request[-1] ^= 1
    with pytest.raises(TrustError, match="does not hold"):
        world.trust.renew(peer(one), bytes(request), NOW_MS)


def test_only_a_factory_camera_is_adopted_and_only_a_member_renewed():
    world = World()
    camera, factory = world.camera(), world.factory_camera("CAM-0002")
    with pytest.raises(TrustError, match="no certificate for CAM-0001"):
        world.trust.adopt(peer(camera), camera.identity.request(LDEVID), NOW_MS)
    with pytest.raises(TrustError, match="no certificate for CAM-0002"):
        world.trust.renew(peer(factory, IDEVID), factory.identity.request(LDEVID), NOW_MS)


def test_cameras_of_makers_that_nobody_trusts_do_not_get_in():
    world = World()
    other = make_manufacturer(MemoryFiles(), "maker-2", NOW_MS, world.entropy)
    camera = world.factory_camera("CAM-0005", other)
    pair = connect(world.trust.channel_trust(), camera.identity.channel_trust(), "CAM-0005")
    assert pair.host.fault is not None
    turned_away = admission.turn_away("CAM-0005", pair.host.fault)
    assert turned_away.state == admission.UNKNOWN
    assert turned_away.text.startswith("CAM-0005: unknown camera")
    world.trust.trust_manufacturer(other.root)
    assert connect(world.trust.channel_trust(), camera.identity.channel_trust(), "CAM-0005").host.state == "open"
    world.trust.distrust_manufacturer(other.root)
    assert connect(world.trust.channel_trust(), camera.identity.channel_trust(), "CAM-0005").host.state == "failed"


def test_a_maker_is_a_root_and_never_ourselves():
    world = World()
    for wrong in (world.trust.record.issuing.chain[0], peer(world.camera()).chain[0], b"", b"root"):
        with pytest.raises(TrustError, match="not a manufacturer's root"):
            world.trust.trust_manufacturer(wrong)
    with pytest.raises(TrustError, match="never this system itself"):
        world.trust.trust_manufacturer(world.trust.record.root)
    for _ in range(3):
        world.trust.trust_manufacturer(world.maker.root)
    assert world.trust.record.manufacturers == (world.maker.root,)


@pytest.mark.req("LINK-04")
def test_a_revoked_camera_gets_nothing_and_a_new_one_of_its_serial_does():
    world = World()
    camera = world.camera()
    world.trust.revoke("CAM-0001", NOW_MS + DAY_MS)
    assert world.trust.admit(peer(camera), NOW_MS + DAY_MS).state == admission.REVOKED
    with pytest.raises(TrustError, match="was taken off this system"):
        world.trust.renew(peer(camera), camera.identity.request(LDEVID), NOW_MS + DAY_MS)
    assert open_system(world.files, world.entropy).admit(peer(camera), NOW_MS).state == admission.REVOKED
    camera.identity.forget_system()
    world.now_ms = NOW_MS + 2 * DAY_MS
    world.adopt(camera)
    assert world.trust.admit(peer(camera), world.now_ms).state == admission.MEMBER


def test_a_stolen_camera_can_be_revoked_for_good():
    world = World()
    camera = world.camera()
    world.trust.revoke("CAM-0001", NOW_MS, (LDEVID, IDEVID))
    with pytest.raises(TrustError, match="was taken off this system"):
        world.trust.adopt(peer(camera, IDEVID), camera.identity.request(LDEVID), NOW_MS + DAY_MS)
    with pytest.raises(TrustError, match="cannot be revoked"):
        world.trust.revoke("no such serial", NOW_MS)


@pytest.mark.parametrize(
    "row",
    [[LDEVID, "two words", 1], [LDEVID, "", 1], [LDEVID, 7, 1], ["wheel", "CAM-0001", 1], [LDEVID, "CAM-0001", -1]],
)
def test_a_list_of_revocations_names_devices_only(row: list[object]):
    fields = certificates_revocations.to_fields(World().trust.record.revocations)
    with pytest.raises(FormatError, match="revocations"):
        certificates_revocations.from_fields({**fields, "devices": [row]})


def test_revocations_travel_signed():
    world = World()
    world.trust.revoke("CAM-0001", NOW_MS)
    document = world.trust.revocation_document()
    found = certificates_revocations.decode(document, world.trust.record.root)
    assert found == world.trust.record.revocations
    assert found.number == 1
    with pytest.raises(FormatError, match="somebody else's authority"):
        certificates_revocations.decode(document, World(2).trust.record.root)
    with pytest.raises(FormatError, match="the signature does not hold"):
        certificates_revocations.decode(document.replace(b"CAM-0001", b"CAM-0002"), world.trust.record.root)


def test_the_controller_renews_itself_in_time():
    world = World()
    camera = world.camera()
    half_ms = CONTROLLER_LIFETIME_MS // 2
    assert not world.trust.refresh_controller(NOW_MS + half_ms - DAY_MS)
    before = world.controller()
    assert world.trust.refresh_controller(NOW_MS + half_ms + DAY_MS)
    after = world.controller()
    assert after.serial == before.serial
    assert after.chain[0] != before.chain[0]
    assert connect(world.trust.channel_trust(), camera.identity.channel_trust()).board.peer == after


@pytest.mark.req("CTRL-13")
@pytest.mark.parametrize("years", [1, 20])
def test_a_clock_that_is_far_ahead_locks_nobody_up(years: int):
    world = World()
    camera = world.camera()
    wrong_ms = NOW_MS + years * 365 * DAY_MS
    assert not world.trust.refresh_controller(wrong_ms)
    assert "set the clock if that is wrong" in world.trust.clock_doubt(wrong_ms)
    floor = TimeFloor(camera.files)
    with pytest.raises(TimeRefused, match="its own certificate is not valid"):
        floor.accept(world.controller(), world.trust.system, wrong_ms)
    assert floor.unix_ms == 0
    assert world.trust.clock_doubt(NOW_MS) == ""
    floor.accept(world.controller(), world.trust.system, NOW_MS)


@pytest.mark.req("CTRL-13")
def test_a_controller_that_was_off_for_long_goes_on_when_its_clock_is_confirmed():
    world = World()
    camera = world.camera()
    later_ms = NOW_MS + CONTROLLER_LIFETIME_MS + DAY_MS
    assert world.trust.clock_doubt(later_ms)
    world.trust.confirm_clock(later_ms)
    assert world.trust.clock_doubt(later_ms) == ""
    TimeFloor(camera.files).accept(world.controller(), world.trust.system, later_ms)


@pytest.mark.req("CTRL-13")
@pytest.mark.parametrize("disown", [False, True])
def test_a_new_issuing_key(disown: bool):
    world = World()
    camera = world.camera()
    passphrase.rotate_issuing(world.trust, PHRASE, NOW_MS + DAY_MS, disown)
    pair = connect(world.trust.channel_trust(), camera.identity.channel_trust(), "CAM-0001")
    assert (pair.host.state, pair.board.state) == ("open", "open")
    admitted = world.trust.admit(pair.host.peer, NOW_MS + DAY_MS)
    assert admitted.state == (admission.SAFE_MODE if disown else admission.MEMBER)
    grant = b""
    if disown:
        assert admitted.text.endswith("(its issuing key was disowned)")
        with pytest.raises(TrustError, match="allow it back"):
            world.trust.renew(pair.host.peer, camera.identity.request(LDEVID), NOW_MS + DAY_MS)
        grant = passphrase.allow_back(world.trust, PHRASE, [pair.host.peer], NOW_MS + DAY_MS)
    issued = world.trust.renew(pair.host.peer, camera.identity.request(LDEVID), NOW_MS + DAY_MS, grant)
    camera.identity.renew(world.controller(), issued.chain, NOW_MS + DAY_MS)
    assert world.trust.admit(peer(camera), NOW_MS + DAY_MS).state == admission.MEMBER
    assert open_system(world.files, world.entropy).record == world.trust.record


def test_a_new_sealing_key_and_the_old_ones_stay():
    world = World()
    first: RecipientKey = world.trust.recipient()
    for _ in range(3):
        passphrase.rotate_sealing(world.trust, PHRASE, NOW_MS + DAY_MS)
    assert world.trust.recipient().key_id != first.key_id
    ring = open_system(world.files, world.entropy).key_ring()
    assert len(ring.key_ids()) == 4
    assert first.key_id in ring.key_ids()
    assert world.trust.recipient().key_id in ring.key_ids()


def test_the_controller_signs_with_its_own_key():
    world = World()
    key = world.trust.controller_key()
    signed = P256Signer(key).sign(b"data")
    assert P256Verifier([key.public_der]).verify(b"data", signed)
    assert not P256Verifier([key.public_der]).verify(b"Data", signed)


def test_a_system_is_never_made_over_another():
    world = World()
    with pytest.raises(TrustError, match="already"):
        create_system(world.files, PHRASE, "controller-2", NOW_MS, world.entropy, CHEAP)
    with pytest.raises(TrustFileError, match="restore one from its key"):
        open_system(MemoryFiles(), world.entropy)


def test_power_may_fail_at_any_moment_of_a_change():
    """The record is then the old one or the new one."""
    counted = PowerCutFiles(MemoryFiles())
    changes(World(files=MemoryFiles()), counted)
    for cut in range(counted.changes):
        medium = MemoryFiles()
        done: list[SystemTrust] = []
        with suppress(PowerCut):
            changes(World(files=MemoryFiles()), PowerCutFiles(medium, cut), done)
        for seed in range(3):
            after = medium.crash_mixed(seed)
            if done:
                assert open_system(after, World().entropy).system


def changes(world: World, files: PowerCutFiles, done: list[SystemTrust] | None = None) -> None:
    trust = create_system(files, PHRASE, "controller-1", NOW_MS, world.entropy, CHEAP)
    (done if done is not None else []).append(trust)
    trust.trust_manufacturer(world.maker.root)
    trust.revoke("CAM-0001", NOW_MS)


def test_a_maker_is_there_after_a_restart():
    world, files = World(), MemoryFiles()
    made = make_manufacturer(files, "maker-2", NOW_MS, world.entropy)
    again = open_manufacturer(files.crash(), world.entropy)
    assert again.root == made.root
    camera = world.factory_camera("CAM-0002", again)
    assert peer(camera, IDEVID).owner == "maker-2"
    with pytest.raises(TrustError, match="already"):
        make_manufacturer(files, "maker-3", NOW_MS, world.entropy)
    with pytest.raises(TrustFileError, match="no manufacturer"):
        open_manufacturer(MemoryFiles(), world.entropy)
    with pytest.raises(TrustError, match="IDevIDs"):
        again.certify(camera.identity.request(LDEVID), NOW_MS)
    with pytest.raises(TrustError, match="does not hold"):
        again.certify(b"", NOW_MS)


def test_a_serial_that_cannot_be_is_refused_before_anything_is_made():
    world = World()
    with pytest.raises(CertificateFault, match="use 1 to 32"):
        create_system(MemoryFiles(), PHRASE, "controller one", NOW_MS, world.entropy, CHEAP)
