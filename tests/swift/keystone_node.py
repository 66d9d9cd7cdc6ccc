"""OpenStack's own Keystone, and a second proxy of a Swift node that believes its tokens alone.

Law: nothing of ours inside; both run in the node's virtual environment, unprivileged, on loopback, below one folder.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.swift_node import SwiftNode, default_section, environ_of
from host_tools.bench.programs import LIMIT_S, free_port, until

KEYSTONE_PACKAGES = ("keystone==30.0.0", "keystonemiddleware==13.0.1")
ADMIN_PASSWORD = "an administrator's"
USER, PASSWORD, PROJECT, REGION = "destination", "words of the destination", "evidence", "north"
START_S_MAX = 240.0  # a busy machine is slow, and is not broken for that

# Keystone has no server of its own; this is what Apache or uWSGI would load, with an environment as theirs.
SERVE = """
import os
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server

os.environ["OS_KEYSTONE_CONFIG_FILES"] = {configuration!r}
from keystone.server.wsgi import initialize_public_application


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


make_server("127.0.0.1", {port}, initialize_public_application(), Server).serve_forever()
"""


class KeystoneNode:
    """``node``: running; what it keeps is kept for this project as well."""

    def __init__(self, folder: Path, node: SwiftNode) -> None:
        self._folder = folder
        self._node = node
        self._programs = node.environment / "bin"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._port, self._proxy_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self._port}/v3"
        folder.mkdir()
        self._configure()

    def start(self) -> None:
        """Returns when the project's account lets its user in."""
        self._run([str(self._programs / "python"), str(self._folder / "serve.py")])
        self._until(lambda: self._ask("GET", ""))
        self._admin = self._token({"name": "admin", "domain": {"name": "Default"}, "password": ADMIN_PASSWORD}, "admin")
        self._people()
        self._run([str(self._programs / "swift-proxy-server"), str(self._node.folder / "etc" / "keystone-proxy.conf")])
        self._until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{self._proxy_port}/healthcheck", timeout=5))

    def stop(self) -> None:
        """End both."""
        processes, self._processes = self._processes, []
        for process in processes:
            os.killpg(process.pid, signal.SIGTERM)
        for process in processes:
            process.wait(LIMIT_S)

    def revoke(self) -> None:
        """Whoever has a token of the user has none any more; the password stays good."""
        self._ask("PATCH", f"/users/{self._user}", {"user": {"enabled": False}})
        self._ask("PATCH", f"/users/{self._user}", {"user": {"enabled": True}})

    def _configure(self) -> None:
        configuration = self._folder / "keystone.conf"
        configuration.write_text(
            f"[DEFAULT]\nlog_file = {self._folder}/keystone.log\n"
            f"[database]\nconnection = sqlite:///{self._folder}/keystone.db\n"
            f"[token]\nprovider = fernet\n[fernet_tokens]\nkey_repository = {self._folder}/fernet\n"
            f"[credential]\nkey_repository = {self._folder}/credential\n[cache]\nenabled = false\n"
        )
        for name in ("fernet", "credential"):
            (self._folder / name).mkdir(mode=0o700)
        (self._folder / "serve.py").write_text(SERVE.format(configuration=str(configuration), port=self._port))
        for words in (
            ["db_sync"],
            ["fernet_setup", "--keystone-user", str(os.geteuid()), "--keystone-group", str(os.getegid())],
            [
                "bootstrap", "--bootstrap-password", ADMIN_PASSWORD, "--bootstrap-region-id", REGION,
                "--bootstrap-public-url", self.url, "--bootstrap-internal-url", self.url,
            ],
        ):  # fmt: skip
            command = [str(self._programs / "keystone-manage"), "--config-file", str(configuration), *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(f"Keystone cannot be made ({words[0]}): {done.stderr.strip()[-300:]}")
        self._proxy()

    def _proxy(self) -> None:
        """Of the same accounts, containers and objects."""
        (self._node.folder / "etc" / "keystone-proxy.conf").write_text(
            f"{default_section(self._node.folder, self._proxy_port)}"
            "[pipeline:main]\npipeline = catch_errors healthcheck cache authtoken keystoneauth slo proxy-server\n"
            "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\n"
            "[filter:authtoken]\npaste.filter_factory = keystonemiddleware.auth_token:filter_factory\n"
            f"www_authenticate_uri = {self.url}\nauth_url = {self.url}\nauth_type = password\n"
            "project_domain_id = default\nuser_domain_id = default\nproject_name = admin\nusername = admin\n"
            f"password = {ADMIN_PASSWORD}\nservice_token_roles_required = true\ntoken_cache_time = -1\n"
            "[filter:keystoneauth]\nuse = egg:swift#keystoneauth\noperator_roles = member\n"
            "[filter:slo]\nuse = egg:swift#slo\n[filter:healthcheck]\nuse = egg:swift#healthcheck\n"
            "[filter:catch_errors]\nuse = egg:swift#catch_errors\n"
            "[filter:cache]\npaste.filter_factory = one_process_cache:filter_factory\n"
        )

    def _people(self) -> None:
        """A project, its user, and where its objects are."""
        project = self._ask("POST", "/projects", {"project": {"name": PROJECT, "domain_id": "default"}})["project"][
            "id"
        ]
        user = {"name": USER, "password": PASSWORD, "domain_id": "default"}
        self._user = self._ask("POST", "/users", {"user": user})["user"]["id"]
        roles = {each["name"]: each["id"] for each in self._ask("GET", "/roles")["roles"]}
        self._ask("PUT", f"/projects/{project}/users/{self._user}/roles/{roles['member']}")
        service = self._ask("POST", "/services", {"service": {"type": "object-store", "name": "swift"}})["service"][
            "id"
        ]
        place = f"http://127.0.0.1:{self._proxy_port}/v1/AUTH_%(project_id)s"
        for interface, url in (("internal", "http://127.0.0.1:1/"), ("public", place)):
            endpoint = {"service_id": service, "interface": interface, "url": url, "region_id": REGION}
            self._ask("POST", "/endpoints", {"endpoint": endpoint})

    def _token(self, user: dict[str, Any], project: str) -> str:
        scope = {"project": {"name": project, "domain": {"name": "Default"}}}
        identity = {"methods": ["password"], "password": {"user": user}}
        body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
        request = urllib.request.Request(f"{self.url}/auth/tokens", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.headers["X-Subject-Token"]

    def _ask(self, method: str, path: str, document: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if document is None else json.dumps(document).encode()
        headers = {"X-Auth-Token": self._admin} if path else {}
        headers["Content-Type"] = "application/json"
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"{}")

    def _run(self, command: list[str]) -> None:
        name = Path(command[-1]).stem
        with (self._folder / f"{name}.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, start_new_session=True, env=environ_of(self._node.folder)
                )
            )

    def _until(self, ask: Callable[[], object]) -> None:
        def answers() -> bool:
            try:
                ask()
            except (urllib.error.URLError, OSError):
                return False
            return True

        until(answers, "Keystone and its proxy", START_S_MAX, self._check)

    def _check(self) -> None:
        """Whether both are still there. SystemExit."""
        if any(each.poll() is not None for each in self._processes):
            logs = "\n".join(path.read_text(errors="replace")[-800:] for path in sorted(self._folder.glob("*.log")))
            raise SystemExit(f"Keystone or its proxy has ended; their logs:\n{logs}")
