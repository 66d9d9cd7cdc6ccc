"""Scenarios run on whatever bench the plugin gives them; see ``host_tools.bench.scenario_plugin``."""

from host_tools.bench.scenario_plugin import (
    bench,
    bench_house,
    controller,
    destination,
    pytest_runtest_makereport,
    scenario_folder,
)

__all__ = ("bench", "bench_house", "controller", "destination", "pytest_runtest_makereport", "scenario_folder")
