#!/usr/bin/env python3
"""Makes the virtual environment that everything else runs in, and does nothing when it is there already.

Law: runs with the system's python3 and its standard library alone; also an old python3 must get far enough to be told
so, hence no syntax and no annotation evaluated here that Python 3.6 does not know. Nothing outside the repository is
touched, except that root on Debian gets the one system package without which no virtual environment can be made.
Packages come from where pip is set up to get them (PIP_*, pip.conf), and only if their hashes match the lock.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable

PYTHON_OLDEST = (3, 11)
LANES = ("demo", "dev", "fuzz")  # each lock holds all that the one before it holds
LINES_KEPT = 40  # of pip's output: enough for any of its explanations
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Refusal(Exception):
    """Why there can be no environment: one line that names the thing and the remedy."""


def main(arguments: "list[str]") -> int:
    """``bootstrap.py demo|dev|fuzz [FOLDER]``: make FOLDER (``.venv``) fit for that lane. Returns the exit code."""
    try:
        lane, venv = read_arguments(arguments)
        check_python()
        with open(os.path.abspath(__file__)) as own_file:
            fcntl.flock(own_file, fcntl.LOCK_EX)  # two makes at once: the second waits, then finds all done
            if not is_ready(lane, venv):
                make_ready(lane, venv)
    except Refusal as refusal:
        print(f"bootstrap: {refusal}", file=sys.stderr)
        return 1
    except OSError as fault:
        print(f"bootstrap: {fault}", file=sys.stderr)
        return 1
    return 0


def read_arguments(arguments: "list[str]") -> "tuple[str, str]":
    """Lane and absolute folder of the environment."""
    if not 1 <= len(arguments) <= 2 or arguments[0] not in LANES:
        raise Refusal(f"usage: bootstrap.py {'|'.join(LANES)} [FOLDER]")
    return arguments[0], os.path.join(ROOT, arguments[1] if len(arguments) == 2 else ".venv")


def check_python() -> None:
    """Refusal unless the Python that runs this is new enough."""
    if sys.version_info[:2] < PYTHON_OLDEST:
        raise Refusal(
            f"{sys.executable} is Python {dotted(sys.version_info)}, OpenBWC needs {dotted(PYTHON_OLDEST)} or newer: "
            "install one and name it, as in `make demo PYTHON=python3.13`"
        )


def is_ready(lane: str, venv: str) -> bool:
    """Whether the environment was made from today's locks, for this lane or a later one, and its Python still runs."""
    version = python_version(venv)
    if version is None:
        return False
    return any(read_text(stamp_path(name, venv)) == stamp_text(name, version) for name in LANES[LANES.index(lane) :])


def make_ready(lane: str, venv: str) -> None:
    """Make the environment where it is missing or broken, then install the lock and the project."""
    if python_version(venv) is None:
        make_environment(venv)
    if not os.access(venv, os.W_OK):
        raise Refusal(f"{venv} belongs to somebody else: remove it, or choose another with VENV=FOLDER")
    lock = os.path.join(ROOT, "requirements", lane + ".txt")
    install_lock(venv, lock)
    run_pip(venv, ["--no-deps", "--no-build-isolation", "--editable", ROOT])
    for name in LANES[: LANES.index(lane)]:
        remove_file(stamp_path(name, venv))
    write_text(stamp_path(lane, venv), stamp_text(lane, str(python_version(venv))))


def make_environment(venv: str) -> None:
    """A new virtual environment with pip in it, by whichever of the known ways works here."""
    if os.path.isdir(venv):
        if os.listdir(venv) and not os.path.exists(os.path.join(venv, "pyvenv.cfg")):
            raise Refusal(f"{venv} is no virtual environment: remove it, or choose another with VENV=FOLDER")
        shutil.rmtree(venv)
    say(f"making {os.path.relpath(venv)} with Python {dotted(sys.version_info)}")
    command = [sys.executable, "-m", "venv", venv] if has_ensurepip() or install_ensurepip() else virtualenv(venv)
    if command is None:
        raise Refusal(f"{sys.executable} cannot make virtual environments: `sudo apt install {venv_package()}`")
    if subprocess.call(command, stdout=subprocess.DEVNULL) != 0:
        shutil.rmtree(venv, ignore_errors=True)
        raise Refusal(f"`{' '.join(command)}` failed, see above")


def install_lock(venv: str, lock: str) -> None:
    """All packages of a lock, each checked against its hash."""
    text = read_text(lock)
    if text is None:
        raise Refusal(f"{lock} is missing: `make lock` writes it")
    packages = len(re.findall("(?m)^[a-z0-9]", text))
    say(f"installing up to {packages} packages of {os.path.relpath(lock)}; the first time takes about a minute")
    run_pip(venv, ["--require-hashes", "--requirement", lock])


def run_pip(venv: str, arguments: "list[str]") -> None:
    """``pip install`` inside the environment; what it prints is shown only when it fails."""
    command = [os.path.join(venv, "bin", "python"), "-m", "pip", "install", "--disable-pip-version-check"]
    process = subprocess.Popen(
        [*command, "--progress-bar", "off", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        bufsize=1,
    )
    assert process.stdout is not None
    with process.stdout as lines:
        last_lines = follow(lines)
    if process.wait() != 0:
        sys.stderr.writelines(last_lines)
        raise Refusal("pip failed, see above; packages come from where pip is set up to get them (PIP_*, pip.conf)")


def follow(lines: "Iterable[str]") -> "Iterable[str]":
    """Read pip's output to its end and return the last lines; on a terminal, one line says what it is at."""
    collected = 0
    last_lines = deque(maxlen=LINES_KEPT)
    for line in lines:
        last_lines.append(line)
        if line.startswith("Collecting") and sys.stdout.isatty():
            collected += 1
            sys.stdout.write(f"\r\033[K  {collected:3d}  {line.split(' ')[1].split('=')[0]}")
            sys.stdout.flush()
    if collected:
        sys.stdout.write("\r\033[K")
    return last_lines


def has_ensurepip() -> bool:
    """Whether this Python can put pip into a new environment; Debian's cannot without a package of its own."""
    return subprocess.call([sys.executable, "-c", "import ensurepip"], stderr=subprocess.DEVNULL) == 0


def install_ensurepip() -> bool:
    """As root on Debian: install what is missing. False where that is not our business or did not work."""
    apt = shutil.which("apt-get")
    if os.geteuid() != 0 or apt is None or not sys.executable.startswith("/usr/bin/"):
        return False
    say(f"installing Debian's {venv_package()}, without which there are no virtual environments")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["update"], ["install", "--yes", "--no-install-recommends", venv_package()]):
        subprocess.call([apt, "-qq", *command], env=environment, stdout=subprocess.DEVNULL)
    return has_ensurepip()


def venv_package() -> str:
    """Debian's package with ensurepip for the Python that runs this."""
    return f"python{dotted(sys.version_info)}-venv"


def virtualenv(venv: str) -> "list[str] | None":
    """The command that makes an environment with the virtualenv tool, None where there is none."""
    tool = shutil.which("virtualenv")
    return None if tool is None else [tool, "--quiet", "--python", sys.executable, venv]


def python_version(venv: str) -> "str | None":
    """Version of the environment's Python; None unless it runs, is new enough and has pip."""
    probe = "import sys, importlib.util as u; print(sys.version.split()[0]); sys.exit(u.find_spec('pip') is None)"
    try:
        answer = subprocess.run([os.path.join(venv, "bin", "python"), "-I", "-c", probe], stdout=subprocess.PIPE)
    except OSError:
        return None
    version = answer.stdout.decode().strip()
    if answer.returncode != 0 or tuple(int(part) for part in version.split(".")[:2]) < PYTHON_OLDEST:
        return None
    return version


def stamp_path(lane: str, venv: str) -> str:
    """Where it is written down what an environment was made from."""
    return os.path.join(venv, f"openbwc-{lane}.stamp")


def stamp_text(lane: str, version: str) -> str:
    """What an environment is made from: Python, the project's place, and the digest of each file that has a say."""
    lines = [f"python {version}", f"project {ROOT}"]
    for name in (f"requirements/{lane}.txt", "pyproject.toml", "scripts/bootstrap.py"):
        digest = hashlib.sha256((read_text(os.path.join(ROOT, name)) or "").encode()).hexdigest()
        lines.append(f"{digest} {name}")
    return "\n".join(lines) + "\n"


def read_text(path: str) -> "str | None":
    """A whole small file, None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write_text(path: str, text: str) -> None:
    """Write a small file whole: under another name first, then moved into place."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".new", path)


def remove_file(path: str) -> None:
    """Remove a file that may not be there."""
    if os.path.exists(path):
        os.remove(path)


def dotted(version: "tuple[object, ...]") -> str:
    """Major and minor version as people write them."""
    return f"{version[0]}.{version[1]}"


def say(text: str) -> None:
    """One line for the person who waits."""
    print("bootstrap: " + text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
