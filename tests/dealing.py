"""In which order a distributed run deals out the files of tests.

Law: the same order in every process, from what was collected alone; nothing of how long anything took last time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

SCENARIOS: Final = "hil_tests"
# Files with few tests that take long: whoever begins one last is waited for by all others.
LONG: Final = (
    "tests/unit/simulation/test_worlds.py",
    "tests/unit/simulation/test_badges.py",
    "tests/unit/simulation/test_command.py",
    "tests/unit/web/test_fuzzed_api.py",
    "tests/unit/link/test_machine.py",
    "tests/unit/custody/test_files_vfs.py",
    "tests/unit/custody/test_spool_crashes.py",
    "tests/unit/camera_vault/test_power_cuts.py",
    "tests/unit/controller/test_delivery_history.py",
    "tests/unit/controller/test_contacts_found.py",
    "tests/destination_suite/test_foreign_clients.py",
    "tests/browser/test_permission_walk.py",
    "tests/browser/test_setup.py",
    "tests/browser/test_reset.py",
    "tests/unit/cli/test_badge_commands.py",
    "tests/unit/cli/test_telling.py",
    "tests/unit/cli/test_restart.py",
    "tests/unit/evidence/test_killed.py",
    "tests/unit/bench/test_plugin.py",
    "tests/parity/test_pico_process.py",
    "tests/crash/test_it_can_fail.py",
    "hil_tests/test_dock_charging.py",
    "hil_tests/test_dock_contacts.py",
    "hil_tests/test_destination_faults.py",
)


def dealt(files: dict[str, list[T]], at_once: int) -> list[T]:
    """What is in all files, by path: scenarios mixed among the others, and those by size, the long ones first. Each
    file stays in one piece and in its own order. ``at_once``: scenarios that begin with the run."""
    scenarios = [path for path in files if path.startswith(f"{SCENARIOS}/")]
    others = [path for path in files if not path.startswith(f"{SCENARIOS}/")]
    for paths in (scenarios, others):
        paths.sort(key=lambda path: (path not in LONG, -len(files[path])))
    return [item for path in mixed(scenarios, others, at_once) for item in files[path]]


def mixed(scenarios: Sequence[str], others: Sequence[str], at_once: int) -> list[str]:
    """The first scenarios at once, the rest at even distances among the first two thirds of the others."""
    distance = max(1, 2 * len(others) // 3 // max(1, len(scenarios)))
    mixed_up = list(scenarios[:at_once])
    rest = iter(scenarios[at_once:])
    for place, other in enumerate(others, 1):
        mixed_up.append(other)
        if place % distance == 0:
            mixed_up += [each for each in [next(rest, None)] if each is not None]
    return mixed_up + list(rest)
