"""Long runs: ``python -m tests.fuzz [--seconds N] [--seed N] [TARGET …]``; one input again: ``--input FILE TARGET``.

Each target runs in a process of its own, under atheris where that is installed (it has no build for every Python), else
with our own mutations. ``sessions`` is the state machine of two sessions. What breaks a target is kept in
``build/fuzz``, and the exit code says so.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
PLACE: Final = ROOT / "build" / "fuzz"
SESSIONS: Final = "sessions"
SECONDS: Final = 60
EXAMPLES: Final = 500  # of the state machine, between two looks at the clock
STEPS: Final = 80


def main(arguments: list[str]) -> int:
    """Run what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the decoders.")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each target (default %(default)s)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--input", type=Path, help="give this file to the one target")
    parser.add_argument("--worker", choices=("atheris", "own"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.worker == "atheris":
        return run_atheris(options.targets[0], options.seconds, options.seed)
    if options.worker == "own" and options.targets == [SESSIONS]:
        return run_sessions(options.seconds)
    if options.worker == "own":
        return run_own(options.targets[0], options.seconds, options.seed)
    if options.input is not None:
        return run_input(options.targets[0], options.input)
    return run_all(options.targets, options.seconds, options.seed)


def run_all(names: list[str], seconds: int, seed: int) -> int:
    """Each target in turn, in a process of its own."""
    from tests.fuzz.table import TARGETS

    unknown = sorted(set(names) - {*TARGETS, SESSIONS})
    if unknown:
        print(f"fuzz: no target {unknown[0]}; there are {', '.join((*TARGETS, SESSIONS))}")
        return 2
    has_atheris = importlib.util.find_spec("atheris") is not None
    if not has_atheris:
        print("fuzz: atheris is not installed here; mutating without regard to coverage")
    broken: list[str] = []
    for name in names or [*TARGETS, SESSIONS]:
        worker = "atheris" if has_atheris and name != SESSIONS else "own"
        print(f"==> {name}, {seconds} s, {worker}, seed {seed}", flush=True)
        if run_worker([name, "--worker", worker, "--seconds", str(seconds), "--seed", str(seed)]) != 0:
            broken.append(name)
    print(f"fuzz: broken: {', '.join(broken)}; inputs in {PLACE.relative_to(ROOT)}" if broken else "fuzz: all held")
    return 1 if broken else 0


def run_worker(arguments: list[str]) -> int:
    """One target in its process; passes on what it says, but not libFuzzer's dictionary."""
    command = [sys.executable, "-m", "tests.fuzz", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as worker:
        assert worker.stdout is not None
        for line in worker.stdout:
            if not line.startswith(('"', "#", "INFO:")):
                print("    " + line.rstrip(), flush=True)
    return worker.returncode


def run_atheris(name: str, seconds: int, seed: int) -> int:
    """Under atheris, which ends the process itself."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["firmware", "host_tools"]):
        from tests.fuzz.table import TARGETS
    target = TARGETS[name]
    corpus = PLACE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(target.seeds()):
        corpus.joinpath(f"seed-{number}").write_bytes(data)
    options = [
        f"-max_total_time={seconds}",
        f"-seed={seed or 1}",
        "-max_len=8192",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={PLACE}/{name}-", str(corpus)], target.run)
    atheris.Fuzz()
    return 0


def run_own(name: str, seconds: int, seed: int) -> int:
    """With our own mutations."""
    from tests.fuzz import engine
    from tests.fuzz.table import TARGETS

    target = TARGETS[name]
    end = time.monotonic() + seconds
    count = 0
    for data in engine.inputs(target.seeds(), seed):
        try:
            engine.run(target.run, data)
        except engine.Broken as broken:
            return keep(name, broken.data, str(broken))
        count += 1
        if time.monotonic() >= end:
            break
    print(f"{count} inputs, {count // max(seconds, 1)} a second")
    return 0


def run_sessions(seconds: int) -> int:
    """The state machine, with other examples each time."""
    from hypothesis import HealthCheck, settings
    from hypothesis.stateful import run_state_machine_as_test

    from tests.unit.link.machine import TwoSessions

    end = time.monotonic() + seconds
    rounds = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    count = 0
    while time.monotonic() < end:
        run_state_machine_as_test(TwoSessions, settings=rounds)
        count += EXAMPLES
    print(f"{count} examples of {STEPS} steps")
    return 0


def run_input(name: str, path: Path) -> int:
    """One input again, with the whole traceback."""
    from tests.fuzz.table import TARGETS

    TARGETS[name].run(path.read_bytes())
    print(f"{name} holds for {path}")
    return 0


def keep(name: str, data: bytes, text: str) -> int:
    """Keep what broke a target."""
    path = PLACE / f"{name}-{abs(hash(data)):016x}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{text}\nagain: python -m tests.fuzz --input {path.relative_to(ROOT)} {name}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
