"""What emulated boards cost: ``python -m benchmarks.emulator_bench``.

Boards in one process (docks with eight cameras each, docked and added to a system, plugs in memory) on wall time:
memory and CPU a board at 40, 200 and 1 000 boards, idle and with light traffic (a host's session with every board, its
pings, and a question every five seconds). One dock with eight idle docked cameras on virtual time: simulated hours a
second, without and with a host. From power on to the first whole frame of a board's link. Each case is a process of its
own. Seconds are the process's own CPU time, which on a quiet machine is the wall's.

Targets: 1 000 idle boards below 1 GiB and below 20 % of one core; 1 000 x real time for the dock. Prints one page,
writes ``build/emulator_bench.json`` and, unless ``--no-docs``, its part of ``docs/benchmarks.md``. ``--profile`` shows
where the time of the virtual case goes; ``--quick`` leaves 1 000 boards out.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import io
import itertools
import json
import logging
import os
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.link_bench import machine
from benchmarks.marked_docs import write_between
from firmware.camera.trust import CameraTrust
from firmware.ports.memory_files import MemoryFiles
from firmware.secure.certificates import EVIDENCE, IDEVID, LDEVID, identify
from firmware.secure.certificates_store import CameraIdentity
from firmware.secure.sealing_file import FileSealer
from host_tools.emulator.bench import EmulatedBench
from host_tools.emulator.bench_file import Bench, CameraPart, DockPart
from host_tools.emulator.memory_plug import MemoryPlug
from host_tools.emulator.platform import ReplayEntropy
from host_tools.emulator.workshop import MADE_UNIX_MS, Workshop
from host_tools.hardware import find_board
from host_tools.protocol.connection import Connection
from host_tools.protocol.constructs import ConstructCodec
from host_tools.simulation.emulated import VirtualBench, VirtualLane
from host_tools.trust.system import create_system
from host_tools.trust.wrapping import ArgonCost

SEED = 1
BAYS = 8
COUNTS = (40, 200, 1_000)
SETTLE_S = 4.0  # contacts checked, chargers started
CALM_S, CALM_LATE_S = 1.0, 0.05  # a loop that has been on time for so long has done what making the boards left to it
CALM_LIMIT_S = 120.0
MEASURE_S = 10.0
VIRTUAL_SETTLE_S = 3_600.0 * 3  # the cells are full
VIRTUAL_S = 3_600.0
ASK_EVERY_S = 5.0
BOOTS = 20
CHEAP = ArgonCost(memory_kib=8, iterations=1, lanes=1)  # nobody attacks this system
CAMERA_MODEL = "pi_zero_2w_camera"
TARGET_BYTES, TARGET_CPU, TARGET_SPEED = 1 << 30, 0.20, 1_000
PROFILE_LINES = 30
MIB = 1 << 20


def main() -> None:
    """Run all cases, or the one that a parent asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--case", nargs="+", help="one case in this process; prints JSON")
    parser.add_argument("--profile", action="store_true", help="where the time of the virtual case goes")
    parser.add_argument("--no-docs", action="store_true", help="leave docs/benchmarks.md alone")
    parser.add_argument("--quick", action="store_true", help="without 1 000 boards")
    arguments = parser.parse_args()
    logging.getLogger("openbwc").setLevel(logging.CRITICAL)
    if arguments.case:
        print(json.dumps(CASES[arguments.case[0]](*map(int, arguments.case[1:]))))
    elif arguments.profile:
        print(profile())
    else:
        _run_all(COUNTS[:-1] if arguments.quick else COUNTS, not arguments.no_docs)


def _run_all(counts: tuple[int, ...], docs: bool) -> None:
    boards = [_child(f"boards {count} {traffic}") for count in counts for traffic in (0, 1)]
    virtual = [_child(f"virtual {hosts}") for hosts in (0, 1)]
    boot = _child("boot")
    text = report(boards, virtual, boot)
    print(text)
    Path("build").mkdir(exist_ok=True)
    document = {"machine": machine(), "boards": boards, "virtual": virtual, "boot": boot}
    Path("build/emulator_bench.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    if docs:
        write_between(Path("docs/benchmarks.md"), "emulator benchmark", "Emulator", text)


def _child(case: str) -> dict[str, Any]:
    """A case in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "benchmarks.emulator_bench", "--case", *case.split()]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{case}: {found}", file=sys.stderr)
    return found


# -- the cases


def boards(count: int, traffic: int) -> dict[str, Any]:
    """``count`` boards on wall time."""
    return asyncio.run(_boards(count, bool(traffic)))


async def _boards(count: int, traffic: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="emulator-bench-") as folder:
        before = _resident_bytes()
        started_s = time.process_time()
        bench = await _fleet(count, Path(folder))
        boot_s = time.process_time() - started_s
        await asyncio.sleep(SETTLE_S)
        await _calm()
        asking = await _sessions(bench) if traffic else []
        await asyncio.sleep(SETTLE_S if traffic else 0)
        gc.collect()
        late_s: list[float] = []
        watching = asyncio.create_task(_watch_lateness(late_s))
        cpu_s, wall_s, steps = time.process_time(), time.monotonic(), _steps(bench)
        await asyncio.sleep(MEASURE_S)
        cpu_s, wall_s, steps = time.process_time() - cpu_s, time.monotonic() - wall_s, _steps(bench) - steps
        resident = _resident_bytes()
        lost = sum(task.done() for task in asking)
        for task in (watching, *asking):
            task.cancel()
        await asyncio.gather(watching, *asking, return_exceptions=True)
        await bench.stop()
    return {
        "boards": count,
        "traffic": traffic,
        "lost": lost,
        "late_ms": max(late_s, default=0.0) * 1000,
        "resident_bytes": resident,
        "bytes_a_board": (resident - before) // count,
        "core": cpu_s / wall_s,
        "steps_a_board_s": steps / count / wall_s,
        "make_ms_a_board": boot_s * 1000 / count,
    }


def virtual(hosts: int) -> dict[str, Any]:
    """One dock with eight docked cameras, idle, as long as VIRTUAL_S."""
    with tempfile.TemporaryDirectory(prefix="emulator-bench-") as folder:
        bench, connections = _virtual(Path(folder), bool(hosts))
        steps, cpu_s = _steps(bench.bench), time.process_time()
        bench.run(VIRTUAL_S)
        cpu_s = time.process_time() - cpu_s
        steps = _steps(bench.bench) - steps
        lost = sum(connection.closed.done() for connection in connections)
        bench.close()
    return {
        "hosts": bool(hosts),
        "speed": VIRTUAL_S / cpu_s,
        "hours_a_s": VIRTUAL_S / 3_600 / cpu_s,
        "steps_s": steps / VIRTUAL_S,
        "lost": lost,
    }


def boot() -> dict[str, Any]:
    """From power on to the first whole frame at the host, CPU time: a dock's and a camera's."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="emulator-bench-") as folder:
        bench, _ = _virtual(Path(folder), hosts=False)
        for name in ("dock-1", "camera-1-1"):
            times = sorted(_boot_once(bench, name) for _ in range(BOOTS))
            found[name.partition("-")[0]] = {
                "cpu_ms": times[BOOTS // 2][0] * 1000,
                "simulated_ms": times[BOOTS // 2][1] * 1000,
            }
        bench.close()
    return found


def _boot_once(bench: VirtualBench, name: str) -> tuple[float, float]:
    world = bench.bench.find(name)
    bench.do(lambda: bench.bench.set_power(name, False))
    bench.run(2)
    cpu_s, from_s = time.process_time(), bench.loop.time()
    bench.do(lambda: bench.bench.set_power(name, True))
    plug = world.plug
    assert isinstance(plug, MemoryPlug)
    while not plug.host_waits():
        bench.run(0.001)
    return time.process_time() - cpu_s, bench.loop.time() - from_s


CASES: dict[str, Callable[..., dict[str, Any]]] = {"boards": boards, "virtual": virtual, "boot": boot}


# -- benches


def plan_fleet(count: int) -> Bench:
    """Docks, and cameras named after the dock and bay in which they will sit."""
    docks = -(-count // (BAYS + 1))
    places = list(itertools.product(range(1, docks + 1), range(1, BAYS + 1)))[: count - docks]
    return Bench(
        name="fleet",
        seed=SEED,
        dock=tuple(DockPart(name=f"dock-{n}", serial=f"DOCK-{n:04}", port=f"{n}-1") for n in range(1, docks + 1)),
        camera=tuple(
            CameraPart(name=f"camera-{dock}-{bay}", serial=f"CAM-{dock:03}-{bay}", battery_percent=97)
            for dock, bay in places
        ),
    )


async def _fleet(count: int, folder: Path) -> EmulatedBench:
    plan = plan_fleet(count)
    made = EmulatedBench(plan, folder, *_made_of(plan), lane=VirtualLane(SEED))
    await made.start()
    for camera in plan.camera:
        _front, dock, bay = camera.name.split("-")
        made.put_in(camera.name, f"dock-{dock}", int(bay))
    return made


def _virtual(folder: Path, hosts: bool) -> tuple[VirtualBench, list[Connection]]:
    plan = plan_fleet(1 + BAYS)
    bench = VirtualBench(plan, folder, *_made_of(plan))
    for bay in range(1, BAYS + 1):
        bench.do(lambda place=bay: bench.bench.put_in(f"camera-1-{place}", "dock-1", place))
    bench.run(VIRTUAL_SETTLE_S)
    if not hosts:
        return bench, []

    async def connect() -> list[Connection]:
        return [await _open(bench.bench, name, number) for number, name in enumerate(_names(plan), 1)]

    found: list[Connection] = bench.loop.run_until_complete(connect())
    return bench, found


def _made_of(plan: Bench) -> tuple[Callable[[str, int], MemoryFiles], Workshop]:
    """Cards and workshop of cameras that belong to a system, as they are after their first dock."""
    entropy = ReplayEntropy(f"emulator bench {SEED}")
    workshop = Workshop(entropy=entropy)
    trust = create_system(MemoryFiles(), "a benchmark's passphrase", "controller-1", MADE_UNIX_MS, entropy, CHEAP)
    trust.trust_manufacturer(workshop.maker.root)
    cards: dict[str, MemoryFiles] = {}
    for camera in plan.camera:
        card = cards[camera.name] = MemoryFiles()
        keys = workshop.keys_of(camera.name, find_board(CAMERA_MODEL), card)
        workshop.provision(camera.serial, card, keys)
        identity = CameraIdentity(card, keys.keystore, camera.serial)
        controller = identify(trust.record.controller.chain, True)
        for old, new, take in ((IDEVID, LDEVID, identity.adopt), (LDEVID, EVIDENCE, identity.renew)):
            found = identity.identity(old)
            assert found is not None
            issue = trust.adopt if new == LDEVID else trust.renew
            take(controller, issue(found, identity.request(new), MADE_UNIX_MS).chain, MADE_UNIX_MS)
        CameraTrust(card, FileSealer(keys.board_secret, entropy)).seal_to([trust.recipient().raw])
    return (lambda name, size: cards[name]), workshop


def _names(plan: Bench) -> list[str]:
    return [part.name for part in (*plan.dock, *plan.camera)]


async def _open(bench: EmulatedBench, name: str, nonce: int) -> Connection:
    plug = bench.find(name).plug
    assert isinstance(plug, MemoryPlug)
    while not plug.is_open():  # noqa: ASYNC110  enumeration has no event
        await asyncio.sleep(0.05)
    connection = Connection(plug.open_host(), nonce, ConstructCodec())
    await connection.open()
    return connection


async def _sessions(bench: EmulatedBench) -> list[asyncio.Task[None]]:
    """A host for every board, as a controller has it: the docks are asked now and then. Opened one after another."""

    async def serve(name: str, connection: Connection) -> None:
        try:
            while True:
                if name in bench.docks:
                    await connection.ask("get_bays")
                await asyncio.sleep(ASK_EVERY_S)
        finally:
            connection.close()

    opened = [(name, await _open(bench, name, number)) for number, name in enumerate(_names(bench.bench), 1)]
    return [asyncio.create_task(serve(name, connection)) for name, connection in opened]


async def _watch_lateness(late_s: list[float], every_s: float = 0.02) -> None:
    """How much later than asked for this process's loop turns, again and again."""
    loop = asyncio.get_running_loop()
    while True:
        due_s = loop.time() + every_s
        await asyncio.sleep(every_s)
        late_s.append(loop.time() - due_s)


async def _calm() -> None:
    """Until the loop is on time: sessions that are opened before are lost to its own lateness."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + CALM_LIMIT_S
    while loop.time() < until_s:
        late_s: list[float] = []
        watching = asyncio.create_task(_watch_lateness(late_s))
        await asyncio.sleep(CALM_S)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        if late_s and max(late_s) < CALM_LATE_S:
            return


def _steps(bench: EmulatedBench) -> int:
    return sum(world.emulated.steps for world in (*bench.docks.values(), *bench.cameras.values()))


def _resident_bytes() -> int:
    """Of this process, now."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")


# -- the report


def report(cases: list[dict[str, Any]], fast: list[dict[str, Any]], start: dict[str, Any]) -> str:
    """One page of tables and verdicts."""
    lines = [
        f"Docks with {BAYS} cameras each, docked and members of a system, plugs in memory. {machine()}.",
        f"Load average {os.getloadavg()[0]:.1f} while this was written; seconds are the processes' own.",
        "Where there is traffic, memory and CPU include the hosts' ends, which are of the controller.",
        "",
        "| boards | traffic | resident MiB | KiB a board | % of a core | steps a board and second | ms to make one "
        "| sessions lost | loop late, ms at most |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for case in cases:
        lines.append(
            f"| {case['boards']} | {'light' if case['traffic'] else 'idle'} | {case['resident_bytes'] / MIB:.0f} "
            f"| {case['bytes_a_board'] / 1024:.0f} | {case['core'] * 100:.1f} | {case['steps_a_board_s']:.1f} "
            f"| {case['make_ms_a_board']:.0f} | {case['lost'] if case['traffic'] else ''} "
            f"| {case['late_ms']:.0f} |"
        )
    lines += ["", "| one dock, eight idle docked cameras, virtual time | x real time | simulated hours/s | steps/s |"]
    lines += ["|---|---|---|---|"]
    for case in fast:
        who = "with a host's session with each" if case["hosts"] else "nobody connected"
        lines.append(f"| {who} | {case['speed']:.0f} | {case['hours_a_s']:.2f} | {case['steps_s']:.1f} |")
    lines += ["", "| boot to first frame | CPU ms | simulated ms, enumeration of 300 ms included |", "|---|---|---|"]
    lines += [f"| {kind} | {each['cpu_ms']:.1f} | {each['simulated_ms']:.0f} |" for kind, each in start.items()]
    lines += ["", *_verdicts(cases, fast), ""]
    return "\n".join(lines)


def _verdicts(cases: list[dict[str, Any]], fast: list[dict[str, Any]]) -> list[str]:
    verdicts: list[str] = []
    for case in cases:
        if case["boards"] == COUNTS[-1] and not case["traffic"]:
            small, cheap = case["resident_bytes"] < TARGET_BYTES, case["core"] < TARGET_CPU
            verdicts.append(f"1 000 idle boards below 1 GiB: {_word(small)}; below 20 % of a core: {_word(cheap)}.")
    idle = next(case for case in fast if not case["hosts"])
    verdicts.append(f"1 000 x real time for a dock with eight idle cameras: {_word(idle['speed'] >= TARGET_SPEED)}.")
    return verdicts


def _word(reached: bool) -> str:
    return "reached" if reached else "MISSED"


def profile() -> str:
    """The busiest functions of the virtual case."""
    with tempfile.TemporaryDirectory(prefix="emulator-bench-") as folder:
        bench, _ = _virtual(Path(folder), hosts=False)
        profiler = cProfile.Profile()
        profiler.enable()
        bench.run(VIRTUAL_S)
        profiler.disable()
        bench.close()
    shown = io.StringIO()
    pstats.Stats(profiler, stream=shown).sort_stats("tottime").print_stats(PROFILE_LINES)
    return shown.getvalue()


if __name__ == "__main__":
    main()
