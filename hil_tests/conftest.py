"""Scenarios run on whatever bench the plugin gives them; see ``host_tools.bench.plugin`` and docs/bench.md."""

from hil_tests.badge_parts import desk, given_back
from host_tools.bench.scenario_plugin import (
    bay,
    bench,
    bench_camera_unit,
    bench_dock_unit,
    bench_house,
    camera,
    clock,
    controller,
    destination,
    dock,
    faults,
    measure,
    scenario_folder,
    trace,
)

__all__ = (
    "bay",
    "bench",
    "bench_camera_unit",
    "bench_dock_unit",
    "bench_house",
    "camera",
    "clock",
    "controller",
    "desk",
    "destination",
    "dock",
    "faults",
    "given_back",
    "measure",
    "scenario_folder",
    "trace",
)
