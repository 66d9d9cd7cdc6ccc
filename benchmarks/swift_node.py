"""A plain OpenStack Swift store on one machine, for as long as a block lasts: rings, four servers, one account.

Law: nothing of ours inside; the virtual environment with PyPI's ``swift`` in it is an argument, since it has no place
among this software's own dependencies. Unprivileged, on loopback, below one folder; ended by process id.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from host_tools.bench.programs import free_port

USER = "axis:bws"
KEY = "s3cretKey"
START_S_MAX = 240.0  # four servers of Python on a busy machine
POLL_S = 0.1
PATIENCE_S = 50  # of each server with the others: a busy machine is no broken one
SERVERS = ("account", "container", "object")
PACKAGES = ("swift==2.38.3",)
CONSTRAINTS = Path(__file__).with_name("swift-packages.txt")  # of what they need in turn
DONE_NAME = "filled"  # in the environment, once all of it is there

CACHE = '''
"""An in-process stand-in for memcached: enough for one proxy without worker processes."""


class Cache:
    def __init__(self):
        self.kept = {}

    def get(self, key, raise_on_error=False):
        return self.kept.get(key)

    def set(self, key, value, *_, **__):
        self.kept[key] = value

    def incr(self, key, delta=1, *_, **__):
        self.kept[key] = int(self.kept.get(key) or 0) + delta
        return self.kept[key]

    def decr(self, key, delta=1, *_, **__):
        return self.incr(key, -delta)

    def delete(self, key, *_, **__):
        self.kept.pop(key, None)

    def set_multi(self, mapping, *_, **__):
        self.kept.update(mapping)

    def get_multi(self, keys, *_, **__):
        return [self.kept.get(key) for key in keys]


def filter_factory(global_conf, **local_conf):
    cache = Cache()

    def make(app):
        def call(env, start_response):
            env["swift.cache"] = cache
            return app(env, start_response)

        return call

    return make
'''


class SwiftNode:
    """One node below ``folder``, as long as its owner wants. ``environment``: a virtual environment with ``swift``."""

    def __init__(self, folder: Path, environment: Path) -> None:
        self.folder = folder
        self.environment = environment
        self._processes: list[subprocess.Popen[bytes]] = []
        ports = {name: free_port() for name in (*SERVERS, "proxy")}
        _configure(folder, environment, ports)
        self.url = f"http://127.0.0.1:{ports['proxy']}/auth/v1.0"

    def start(self) -> None:
        """Returns when it lets its account in."""
        for name in (*SERVERS, "proxy"):
            command = [
                str(self.environment / "bin" / f"swift-{name}-server"), str(self.folder / "etc" / f"{name}.conf")
            ]  # fmt: skip
            log = (self.folder / f"{name}.log").open("ab")
            with log:
                self._processes.append(
                    subprocess.Popen(
                        command, stdout=log, stderr=log, start_new_session=True, env=environ_of(self.folder)
                    )
                )
        _wait(self.url, self._processes, self.folder)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; what it keeps stays. A second call does nothing."""
        processes, self._processes = self._processes, []
        for process in processes:
            os.killpg(process.pid, number)
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def objects(self) -> list[Path]:
        """The files that hold objects' bytes."""
        return sorted(self.folder.glob("srv/d1/objects/**/*.data"))


@contextmanager
def swift_node(folder: Path, environment: Path) -> Generator[str]:
    """The URL of authentication, while the block runs."""
    node = SwiftNode(folder, environment)
    try:
        node.start()
        yield node.url
    finally:
        node.stop()


def made_environment(place: Path, packages: tuple[str, ...] = PACKAGES) -> Path:
    """The virtual environment at ``place``, made and filled from PyPI where it is not there yet. SystemExit says what
    is missing."""
    done_file = place / DONE_NAME
    if done_file.exists() and set(packages) <= set(done_file.read_text().split() or PACKAGES):
        return place
    pip = [str(place / "bin" / "pip"), "install", "-q", "--retries", "10", "-c", str(CONSTRAINTS)]
    for words, missing in (
        ([sys.executable, "-m", "venv", "--clear", str(place)], "Python's venv (Debian: python3-venv)"),
        ([*pip, *packages], f"PyPI's {' and '.join(packages)}"),
        ([str(place / "bin" / "swift-proxy-server"), "--help"], "swift-proxy-server in PyPI's swift"),
    ):
        done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{missing} is missing, so there is no Swift: {done.stderr.strip()[-300:]}")
    done_file.write_text("\n".join(packages))
    return place


def _configure(folder: Path, environment: Path, ports: dict[str, int]) -> None:
    etc = folder / "etc"
    etc.mkdir(parents=True)
    (folder / "srv" / "d1").mkdir(parents=True)
    (folder / "modules").mkdir()
    (folder / "modules" / "one_process_cache.py").write_text(CACHE)
    (etc / "swift.conf").write_text(
        "[swift-hash]\nswift_hash_path_suffix = bench\nswift_hash_path_prefix = bench\n"
        "[storage-policy:0]\nname = one\ndefault = yes\n"
    )
    for name in SERVERS:
        builder = str(etc / f"{name}.builder")
        place = f"r1z1-127.0.0.1:{ports[name]}/d1"
        for words in (["create", "4", "1", "1"], ["add", place, "1"], ["rebalance"]):
            subprocess.run(
                [str(environment / "bin" / "swift-ring-builder"), builder, *words],
                check=True, stdout=subprocess.DEVNULL, cwd=etc, env=environ_of(folder),
            )  # fmt: skip
        (etc / f"{name}.conf").write_text(
            f"{default_section(folder, ports[name])}devices = {folder}/srv\n"
            "mount_check = false\ndisable_fallocate = true\n"
            f"[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
        )
    (etc / "proxy.conf").write_text(
        f"{default_section(folder, ports['proxy'])}"
        "[pipeline:main]\npipeline = catch_errors cache tempauth container-quotas slo proxy-server\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
        "[filter:tempauth]\nuse = egg:swift#tempauth\n"
        f"user_{USER.replace(':', '_')} = {KEY} .admin\n"
        "[filter:container-quotas]\nuse = egg:swift#container_quotas\n"
        "[filter:slo]\nuse = egg:swift#slo\n"
        "[filter:catch_errors]\nuse = egg:swift#catch_errors\n"
        "[filter:cache]\npaste.filter_factory = one_process_cache:filter_factory\n"
    )


def default_section(folder: Path, port: int) -> str:
    """What every server's configuration begins with. An object is in its container's list once its PUT is answered:
    a server that gave up telling the container's would tell it whenever an updater came by, and here is none."""
    user = subprocess.run(["id", "-un"], check=True, capture_output=True, text=True).stdout.strip()
    return (
        f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nuser = {user}\nswift_dir = {folder}/etc\n"
        "workers = 0\nlog_level = WARNING\n"
        f"conn_timeout = {PATIENCE_S}\nnode_timeout = {PATIENCE_S}\ncontainer_update_timeout = {PATIENCE_S}\n"
    )


def environ_of(folder: Path) -> dict[str, str]:
    """Of a server of the node in ``folder``."""
    return {**os.environ, "PYTHONPATH": str(folder / "modules")}


def _wait(url: str, processes: list[subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + START_S_MAX
    while time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes):
            break
        try:
            keys = {"X-Auth-User": USER, "X-Auth-Key": KEY}
            with urllib.request.urlopen(urllib.request.Request(url, headers=keys), timeout=5) as answer:
                place, token = answer.headers["X-Storage-Url"], answer.headers["X-Auth-Token"]
            box = urllib.request.Request(f"{place}/ready", headers={"X-Auth-Token": token}, method="PUT")
            with urllib.request.urlopen(box, timeout=5):  # the other servers come later than the proxy
                return
        except (urllib.error.URLError, OSError):
            time.sleep(POLL_S)
    logs = "\n".join(path.read_text(errors="replace")[-500:] for path in sorted(folder.glob("*.log")))
    raise SystemExit(f"Swift does not answer at {url}; its logs:\n{logs}")


if __name__ == "__main__":
    with swift_node(Path(sys.argv[2]), Path(sys.argv[1])) as found:
        print(found)
        input("Return ends it ")
