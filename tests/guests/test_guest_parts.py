"""The parts of the guest lanes that need no guest: archives, device trees, modules, packages, and what is told."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import signal
import struct
import sys
from pathlib import Path

import pytest

from tests.guests import machine, pi, pi_files, usb
from tests.guests.device_tree import DeviceTree
from tests.guests.initramfs import Initramfs
from tests.guests.modules import Modules
from tests.guests.packages import Package, Packages, is_intact, read_graph, wanted_files
from tests.guests.stages import FAILED_EXIT, LACKING_EXIT, Lacking, LaneFailed, Stages, run_lane
from tests.house.tree import ROOT


def entries(archive: bytes) -> dict[str, tuple[int, bytes]]:
    """Name -> mode and content of a ``newc`` archive."""
    data, found, place = gzip.decompress(archive), {}, 0
    while True:
        fields = [int(data[place + 6 + 8 * index :][:8], 16) for index in range(13)]
        assert data[place : place + 6] == b"070701"
        mode, size, name_size = fields[1], fields[6], fields[11]
        name = data[place + 110 : place + 110 + name_size - 1].decode()
        start = (place + 110 + name_size + 3) & ~3
        if name == "TRAILER!!!":
            return found
        found[name] = (mode, data[start : start + size])
        place = (start + size + 3) & ~3


def test_an_archive_holds_files_folders_on_their_way_and_links(tmp_path: Path):
    (tmp_path / "below" / "deep").mkdir(parents=True)
    (tmp_path / "below" / "deep" / "file").write_bytes(b"abc")
    (tmp_path / "below" / "link").symlink_to("deep/file")
    made = Initramfs()
    made.file("init", b"#!/bin/sh\n", 0o755)
    made.tree(tmp_path, "app")
    made.tree(tmp_path / "below" / "deep")
    found = entries(made.written())
    assert found["init"] == (0o100755, b"#!/bin/sh\n")
    assert [name for name, (mode, _) in found.items() if mode == 0o040755] == ["app", "app/below", "app/below/deep"]
    assert found["app/below/deep/file"][1] == found["file"][1] == b"abc"
    assert found["app/below/link"] == (0o120777, b"deep/file")


def module(*needed: str) -> bytes:
    return b"\x7fELF\0license=GPL\0depends=" + ",".join(needed).encode() + b"\0name=x\0"


def test_modules_come_after_what_they_depend_on_however_they_are_packed(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "usb-f-acm.ko").write_bytes(module("u_serial", "libcomposite"))
    (tmp_path / "a" / "u_serial.ko.xz").write_bytes(lzma.compress(module()))
    (tmp_path / "libcomposite.ko.gz").write_bytes(gzip.compress(module("udc-core")))
    (tmp_path / "udc_core.ko").write_bytes(module())
    modules = Modules(tmp_path)
    found = modules.with_dependencies("usb_f_acm", "udc-core")
    assert list(found) == ["u_serial", "udc_core", "libcomposite", "usb_f_acm"]
    assert found["libcomposite"] == module("udc-core")
    assert (modules.has("usb-f_acm"), modules.has("vhci_hcd")) == (True, False)
    with pytest.raises(Lacking, match="no module vhci_hcd"):
        modules.with_dependencies("vhci_hcd")


def small_tree() -> bytes:
    """``/ { model = "x"; soc { serial@1 { bluetooth { }; }; }; };``"""
    strings = b"model\0"
    structure = struct.pack(">I4xIII", 1, 3, 2, 0) + b"x\0\0\0"
    structure += struct.pack(">I", 1) + b"soc\0" + struct.pack(">I", 1) + b"serial@1\0\0\0\0"
    structure += struct.pack(">I", 1) + b"bluetooth\0\0\0" + struct.pack(">IIIII", 2, 2, 2, 2, 9)
    head = struct.pack(">10I", 0xD00DFEED, 0, 56, 56 + len(structure), 40, 17, 16, 0, len(strings), len(structure))
    return head + bytes(16) + structure + strings


def test_a_device_tree_loses_a_node_and_gets_a_property():
    tree = DeviceTree(small_tree())
    tree.remove("/soc/serial@1/bluetooth")
    tree.set_text("/", "serial-number", "00000000CA3E0001")
    data = tree.written()
    assert b"bluetooth" not in data
    assert b"serial@1" in data
    assert struct.unpack_from(">I", data, 4)[0] == len(data)
    again = DeviceTree(data)
    again.remove("/soc")
    assert b"serial@1" not in again.written()
    assert b"00000000CA3E0001\0" in again.written()
    for path in ("/soc", "/soc/serial@1/bluetooth"):
        with pytest.raises(KeyError):
            again.remove(path)
    with pytest.raises(ValueError, match="not a flattened device tree"):
        DeviceTree(bytes(40))


def test_packages_are_what_the_signed_lists_say(tmp_path: Path):
    data = b"a package"
    digest = hashlib.sha256(data).hexdigest()
    said = f"'http://mirror/x/b_1%3a2_amd64.deb' b_1%3a2_amd64.deb {len(data)} SHA256:{digest}\nnothing else\n"
    assert wanted_files(said) == [Package("b_1%3a2_amd64.deb", len(data), f"SHA256:{digest}")]
    with pytest.raises(Lacking, match="no digest"):
        wanted_files("'http://mirror/x/b.deb' b.deb 9\n")
    path, package = tmp_path / "b.deb", wanted_files(said)[0]
    assert not is_intact(path, package)
    path.write_bytes(data)
    assert is_intact(path, package)
    path.write_bytes(b"b package")
    assert not is_intact(path, package)
    depends = (
        "python3.11-minimal\n  PreDepends: libc6\n |Depends: media-types\n  Depends: mime-support\n<mime-support>\n"
    )
    assert read_graph(depends + "libc6\n") == {
        "python3.11-minimal": ["libc6", "media-types", "mime-support"],
        "libc6": [],
    }


def test_what_a_lane_lacks_is_named_with_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd):
    monkeypatch.setenv("PATH", str(tmp_path))
    for lane, package in ((usb, "qemu-system-x86"), (pi, "qemu-system-arm")):
        assert lane.main() == LACKING_EXIT
        assert f"is missing: apt install {package}" in capfd.readouterr().err
    (tmp_path / usb.EMULATOR).write_text("")
    (tmp_path / usb.EMULATOR).chmod(0o755)
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert usb.main() == LACKING_EXIT
    assert "this machine is riscv64; its Python runs in the guest, which is x86_64" in capfd.readouterr().err
    with pytest.raises(Lacking, match=r"apt-get is missing; .*apt install apt"):
        Packages(tmp_path, "amd64").refresh()
    with pytest.raises(Lacking, match="apt install nothing"), machine.running(["no-such-emulator"], "nothing"):
        pass


def test_a_lane_that_fails_says_so_and_every_stage_has_its_time_and_budget(capfd):
    def fails(stages: Stages) -> None:
        stages.note("fast", 1.0, 2)
        stages.note("slow", 3.0, 2)
        raise LaneFailed("it is not as it must be")

    assert run_lane("some-guest", fails) == FAILED_EXIT
    said = capfd.readouterr()
    assert "some-guest: FAILED: it is not as it must be" in said.err
    assert [line.split() for line in said.err.splitlines()[1:4]] == [
        ["fast", "1.0", "2"],
        ["slow", "3.0", "2", "over", "budget"],
        ["in", "all", "4.0", "4"],
    ]
    assert run_lane("some-guest", lambda stages: None) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_lane_that_is_told_to_end_takes_its_guest_with_it(number: int, code: int, capfd):
    guests: list[int] = []

    def told(stages: Stages) -> None:
        stages.note("fast", 1.0, 2)
        program = "import os, threading; print(os.getpid(), flush=True); threading.Event().wait(600)"
        with machine.running([sys.executable, "-c", program], "python") as guest:
            guests.append(int(guest.until(str.isdecimal, 60, "its number")))
            signal.raise_signal(number)
            raise LaneFailed("it went on")

    before = signal.getsignal(signal.SIGTERM)
    assert run_lane("some-guest", told) == code
    assert signal.getsignal(signal.SIGTERM) is before
    assert not Path(f"/proc/{guests[0]}").exists()
    said = capfd.readouterr().err
    assert "fast" in said
    assert f"some-guest: {'interrupted' if code == 130 else 'terminated'}; its guest has been ended" in said


def test_a_guest_is_heard_line_by_line_and_its_silence_or_end_is_told(capfd):
    program = "print('one'); print('two'); print('three', flush=True); import threading; threading.Event().wait(600)"
    with machine.running([sys.executable, "-c", program], "python") as guest:
        assert guest.until(lambda line: line == "one", 10, "one") == "one"
        assert guest.until(lambda line: line.startswith("t"), 10, "two") == "two"
        with pytest.raises(LaneFailed, match=r"did not come to four in 0 s; it said last: \['one', 'two', 'three'\]"):
            guest.until(lambda line: line == "four", 0.2, "four")
    ended = pytest.raises(LaneFailed, match=r"before the emulator ended \(exit status 7\)")
    with machine.running([sys.executable, "-c", "raise SystemExit(7)"], "python") as guest, ended:
        guest.until(lambda line: True, 10, "anything")
    assert "guest: three" in capfd.readouterr().out


def test_the_pi_guest_takes_its_packages_from_the_lock_with_their_hashes():
    lock = (ROOT / "requirements" / "dev.txt").read_text()
    for name in pi_files.WHEELS:
        entry = pi_files.locked(lock, name)
        assert entry.startswith(f"{name}==")
        assert entry.count("--hash=sha256:") >= 2
        assert "via" not in entry
    with pytest.raises(Lacking, match="no-such-package is not in requirements"):
        pi_files.locked(lock, "no-such-package")


def test_all_that_runs_in_the_pi_guest_is_put_there():
    assert [name for name in (*pi_files.SOURCES, *pi_files.SINGLE_SOURCES) if not (ROOT / name).exists()] == []
