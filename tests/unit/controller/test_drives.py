"""Drives that recordings can be taken away on, as the kernel's tables have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from host_tools.controller.drives import DriveError, exfat_drives, find_drive

ROOT = "21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"


@pytest.mark.req("CTRL-11")
def test_every_exfat_drive_is_found_with_its_place_and_partitions(tmp_path: Path):
    places = [tmp_path / name for name in ("stick one", "stick two")]
    rows = ROOT + "nonsense\n"
    for number, place in enumerate(places):
        place.mkdir()
        disk = tmp_path / f"sd{number}"
        for part in range(number + 1):
            (disk / f"p{part}").mkdir(parents=True)
            (disk / f"p{part}" / "partition").write_text("1")
        (tmp_path / f"s{number}").symlink_to(disk / "p0")
        rows += f"{99 + number} 21 8:17 / {str(place).replace(' ', chr(92) + '040')} rw - exfat /dev/s{number} rw\n"
    gone = tmp_path / "pulled"
    rows += f"200 21 8:33 / {gone} rw - exfat /dev/sdx1 rw\n"
    mounts = tmp_path / "mountinfo"
    mounts.write_text(rows)
    found = exfat_drives(mounts, tmp_path)
    assert [(each.folder, each.partitions) for each in found] == [(places[0], 1), (places[1], 2)]
    assert all(each.free_bytes > 0 for each in found)
    mounts.write_text(ROOT)
    assert exfat_drives(mounts, tmp_path) == []
    with pytest.raises(DriveError, match="cannot be read"):
        exfat_drives(tmp_path / "none", tmp_path)


@pytest.mark.req("CTRL-11")
def test_what_is_mounted_last_at_a_place_is_what_lies_there(tmp_path: Path):
    mounts = tmp_path / "mountinfo"
    under = f"90 21 0:40 / {tmp_path} rw - autofs systemd-1 rw\n"
    over = f"99 90 8:17 / {tmp_path} rw - exfat /dev/sdx1 rw\n"
    mounts.write_text(ROOT + under + over)
    assert find_drive(tmp_path, mounts, tmp_path).file_system == "exfat"
    mounts.write_text(ROOT + over + under)
    assert find_drive(tmp_path, mounts, tmp_path).file_system == "autofs"


@pytest.mark.parametrize("name", ["\0", "/media/\0stick", "/none/of/them", "\ud800"])
def test_a_name_that_no_folder_has_is_told_in_a_line(name: str):
    with pytest.raises(DriveError, match="plug the drive in"):
        find_drive(Path(name))
