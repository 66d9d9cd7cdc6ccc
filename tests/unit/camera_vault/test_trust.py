"""What a camera keeps of its system's trust: recipients, signer, controller."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.camera import card
from firmware.camera import trust as module
from firmware.camera.trust import CameraTrust, evidence_signer
from firmware.camera.vault import VaultError
from firmware.formats import canonical
from firmware.formats.chunk import SUITE_CLEAR
from firmware.formats.errors import FormatError
from firmware.link.schema import PART_MANIFEST
from firmware.ports.memory_entropy import SeededEntropy
from firmware.ports.memory_files import MemoryFiles
from firmware.ports.memory_keystore import MemoryKeystore
from firmware.ports.power_cut_files import PowerCut, PowerCutFiles
from firmware.secure import document, hpke_keys
from firmware.secure.certificates_keys import P256
from firmware.secure.document import EvidenceSigner
from firmware.secure.sealing_file import FileSealer
from tests.unit.camera_vault.parts import STOPPED, fragments, info, joined, read_part, record
from tests.unit.secure_seal.parts import EVIDENCE, OLD_KEY, PHONE_KEY, ROOT, SIGNER, SYSTEM_KEY

MADE = fragments(1, [700, 4_000])
RAW = [SYSTEM_KEY.recipient.raw, PHONE_KEY.recipient.raw]


def trust_on(files: MemoryFiles | PowerCutFiles, secret: bytes | None = bytes(32), suite: str = "aes-256-gcm"):
    sealer = FileSealer(secret, SeededEntropy(3)) if secret is not None else None
    made = CameraTrust(files, sealer, suite)
    made.load()
    return made


@pytest.mark.req("CAM-19")
@pytest.mark.parametrize("secret", [bytes(32), None], ids=["sealed", "no board secret"])
def test_recipients_outlast_a_restart(secret: bytes | None) -> None:
    files = MemoryFiles()
    first = trust_on(files, secret)
    assert first.recipients == ()
    first.seal_to(RAW)
    again = trust_on(files, secret)
    assert [each.raw for each in again.recipients] == RAW
    assert again.recipients_sha256 == first.recipients_sha256
    assert again.recipients_sha256 == hpke_keys.digest_of([SYSTEM_KEY.recipient, PHONE_KEY.recipient])
    assert again.recipients_sha256 != hpke_keys.digest_of([PHONE_KEY.recipient, SYSTEM_KEY.recipient])
    again.seal_to(RAW[:1])
    assert [each.raw for each in trust_on(files, secret).recipients] == RAW[:1]
    again.forget()
    assert trust_on(files, secret).recipients == ()
    assert files.list_folder("") == []


@pytest.mark.req("CAM-19")
def test_recipients_are_the_old_ones_or_the_new_ones_after_a_power_cut() -> None:
    counting = PowerCutFiles(MemoryFiles())
    trust_on(counting).seal_to(RAW)
    for keep in (False, True):
        for cut_before in range(counting.changes):
            medium = MemoryFiles()
            trust_on(medium).seal_to([OLD_KEY.recipient.raw])
            with pytest.raises(PowerCut):
                trust_on(PowerCutFiles(medium, cut_before)).seal_to(RAW)
            after = [each.raw for each in trust_on(medium.crash(keep_unsynced=keep)).recipients]
            assert after in ([OLD_KEY.recipient.raw], RAW)


def test_what_is_no_list_of_recipients_changes_nothing() -> None:
    files = MemoryFiles()
    trust = trust_on(files)
    trust.seal_to(RAW)
    for wrong, why in (
        ([], "nobody is named"),
        ([RAW[0], RAW[0]], "named twice"),
        ([RAW[0][:-1]], "1215 bytes instead of 1216"),
        ([bytes(1216)], "not a public key"),
        ([hpke_keys.SealingKey(bytes([n]) * 32).recipient.raw for n in range(17)], "at most 16"),
    ):
        with pytest.raises(FormatError, match=why):
            trust.seal_to(wrong)
        assert [each.raw for each in trust.recipients] == RAW
        assert [each.raw for each in trust_on(files).recipients] == RAW


@pytest.mark.req("CAM-19")
def test_a_camera_records_when_it_has_both_recipient_and_certificate() -> None:
    files = MemoryFiles()
    trust = trust_on(files)
    vault = trust.vault(SeededEntropy(1))
    vault.open()
    trust.sign_with(SIGNER)
    for prepare, lack in (
        (lambda: None, module.NOT_ADOPTED),
        (lambda: (trust.seal_to(RAW), trust.sign_with(None)), module.NO_CERTIFICATE),
    ):
        prepare()
        assert trust.lack() == lack
        with pytest.raises(VaultError, match=lack.split(":")[0]):
            vault.begin(info())
        assert files.list_folder("recordings") == []
    trust.sign_with(SIGNER)
    assert trust.lack() == ""
    record(vault, MADE).close(STOPPED, "button")
    assert len(vault.recordings()) == 1


@pytest.mark.req("CAM-19")
def test_a_recording_waits_for_a_key_that_does_not_sign() -> None:
    """The certificate was taken away while it was recording: it is closed, as it was stopped, when there is one."""
    files = MemoryFiles()
    trust = trust_on(files)
    trust.seal_to(RAW)
    trust.sign_with(SIGNER)
    vault = trust.vault(SeededEntropy(1))
    vault.open()
    recording = record(vault, MADE)
    trust.sign_with(None)
    with pytest.raises(VaultError, match="no evidence certificate"):
        recording.close(STOPPED, "button")
    assert [note.action for note in vault.open()] == ["left"]
    trust.sign_with(SIGNER)
    assert [note.reason for note in vault.open()] == ["only the manifest was missing"]
    (stored,) = vault.recordings()
    signed = document.decode(read_part(vault, recording.recording, PART_MANIFEST, stored.manifest_bytes))
    document.require_signature(signed)
    assert (signed.manifest.cause_stop, signed.manifest.interrupted) == ("button", False)


@pytest.mark.req("CAM-19")
def test_a_board_that_does_not_seal_signs_all_the_same() -> None:
    trust = trust_on(MemoryFiles(), suite=SUITE_CLEAR)
    vault = trust.vault(SeededEntropy(1))
    vault.open()
    with pytest.raises(VaultError, match="belongs to no system"):
        vault.begin(info())
    trust.seal_to(RAW)
    trust.sign_with(SIGNER)
    recording = record(vault, MADE)
    recording.close(STOPPED, "button")
    (stored,) = vault.recordings()
    data = read_part(vault, recording.recording, PART_MANIFEST, stored.manifest_bytes)
    document.require_signature(document.decode(data))
    found = document.manifest_in(data)
    assert (found.suite, found.wrapped_keys, found.wearer_id) == (SUITE_CLEAR, (), "w-7")
    assert found.content_bytes == len(joined(MADE))
    with pytest.raises(FormatError, match="this firmware knows aes-256-gcm and clear"):
        trust_on(MemoryFiles(), suite="rot13")


def test_a_signer_has_its_certificates_without_the_root() -> None:
    keystore = MemoryKeystore(P256(SeededEntropy(1)))
    keystore.make_key("evidence_a")
    signer = evidence_signer(keystore, "evidence_a", (EVIDENCE, b"issuing", ROOT))
    assert isinstance(signer, EvidenceSigner)
    assert signer.certificates == (EVIDENCE, b"issuing")
    assert signer.key.public_der == keystore.public_key("evidence_a")


@given(
    st.binary(max_size=400)
    | st.dictionaries(
        st.sampled_from(["format", "schema", "keys", "x"]), st.integers() | st.lists(st.text() | st.just("00"))
    ).map(canonical.encode_line)
)
def test_any_bytes_are_recipients_or_none(data: bytes) -> None:
    """What somebody put on the card never keeps the camera from starting."""
    files = MemoryFiles()
    card.write_new(files, module.RECIPIENTS_FILE, data)
    for secret in (None, bytes(32)):
        assert trust_on(files, secret).recipients == ()
