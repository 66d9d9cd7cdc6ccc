"""How the machine logs in to its network: of two who keep other settings at one moment, the second is told."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from host_tools.controller.network_login import NetworkLogin, NetworkLoginFile
from host_tools.system.errors import StaleWrite
from host_tools.web_kit.certificates import self_signed

NOW_MS = 1_767_225_600_000
REACHED_S = 0.2  # long enough for a second writer whom nothing keeps out; too short only spares a broken one


@pytest.mark.req("CTRL-15")
def test_of_two_who_write_at_one_moment_the_second_is_told(tmp_path: Path):
    authority = self_signed(("localhost",), NOW_MS, "An authority").certificate.decode()
    refused = list[StaleWrite]()

    def wanted(who: str) -> NetworkLogin:
        return NetworkLogin(
            enabled=True, identity=who, certificate="wired", authority=authority, changed_by=who, changed_unix_ms=NOW_MS
        )

    def write_second() -> None:
        try:
            made.write(wanted("second"), 0)
        except StaleWrite as stale:
            refused.append(stale)

    second = threading.Thread(target=write_second)

    def certificates() -> set[str]:
        """Asked for while the first is at it: now the second comes, and is given the time to be done."""
        if threading.current_thread() is not second:
            second.start()
            second.join(REACHED_S)
        return {"wired"}

    made = NetworkLoginFile(tmp_path, certificates, lambda: None)
    made.write(wanted("first"), 0)
    second.join()
    assert [stale.changed_by for stale in refused] == ["first"]
    assert (made.read().identity, made.read().version) == ("first", 1)
