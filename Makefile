# Everything is a target here; `make` alone lists them. Needs a POSIX shell, make and python3 (3.11 or newer), no more.
#
#   PYTHON=python3.13   another Python to make the environment with
#   VENV=FOLDER         another place for the environment
#   ARGS='…'            more arguments for demo and test, as in `make test ARGS='-k offload -x'`
#   ONCE=1              `make demo` ends when everything has arrived
#   JOBS=0              `make test` in one process, which shows output as it comes (auto: two more than cores)
#   TIME=600 TARGET=x   how long `make sim` runs and `make fuzz` tries each target, and the only one to fuzz

PYTHON ?= python3
VENV ?= .venv
TIME ?= 60
JOBS ?= auto
BIN = $(VENV)/bin
BOOTSTRAP = $(PYTHON) scripts/bootstrap.py
ONCE_FLAG = $(if $(filter-out 0,$(ONCE)),--once)

.DEFAULT_GOAL := help
.PHONY: help demo test test-browser test-usb-guest test-pi-guest test-swift crash sim fuzz lint format types contracts house docs requirements bench lock clean env-demo env-dev env-fuzz

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1|/p' Makefile | while IFS='|' read -r name text; do printf '%-22s %s\n' "$$name" "$$text"; done

demo: env-demo  ## one recording's whole journey on an emulated bench (ONCE=1 ends when all has arrived)
	@$(BIN)/bwc demo $(ONCE_FLAG) $(ARGS)

test: env-dev  ## all tests, and the scenarios on the emulated bench
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-browser: env-dev  ## the manager's pages in Chromium (Debian: chromium, npm); writes the manual's pictures
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest tests/browser -n $(if $(filter auto,$(JOBS)),2,$(JOBS)) --dist loadfile --no-loadscope-reorder $(ARGS)

test-usb-guest: env-dev  ## cameras behind a real Linux USB gadget, in a guest (Debian: qemu-system-x86)
	@$(BIN)/python -m tests.guests.usb $(ARGS)

test-pi-guest: env-dev  ## the camera on an emulated Raspberry Pi (Debian: qemu-system-arm)
	@$(BIN)/python -m tests.guests.pi $(ARGS)

test-swift: env-dev  ## destinations on a real OpenStack Swift and PostgreSQL (Debian: postgresql)
	@$(BIN)/python -m pytest tests/swift $(ARGS)

crash: env-dev  ## power cut at every write of every scenario (an hour; ARGS='--seeds 1' a third of it)
	@$(BIN)/bwc crash $(ARGS)

sim: env-dev  ## simulated fleets with heavy mishaps, seed after seed (TIME=60 seconds)
	@$(BIN)/bwc sim --seconds $(TIME) --faults heavy --hours 12 --cameras 4 $(ARGS)

fuzz: env-fuzz  ## look for bytes that break a decoder (TIME=60 seconds each, TARGET=name of one)
	@$(BIN)/python -m tests.fuzz --seconds $(TIME) $(TARGET)

lint: env-dev  ## style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: env-dev  ## put style and format right where a tool can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: env-dev  ## static types, strict; the portable rooms also against a Pico's MicroPython
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@$(BIN)/python -m scripts.rp2_types

contracts: env-dev  ## who may import whom
	@$(BIN)/lint-imports --no-cache

house: env-dev  ## the house tests: lengths, portable dialect, catalogue, fresh generated files
	@$(BIN)/python -m pytest tests/house $(ARGS)

docs: env-dev  ## write the generated parts of docs/ anew
	@$(BIN)/python -m tests.house.generated

requirements: env-dev  ## which requirements have a passing test (run `make test` first)
	@$(BIN)/bwc requirements

bench: env-dev  ## measure the link beside its peers (minutes; wants a quiet machine)
	@$(BIN)/python -m benchmarks.link_bench $(ARGS)

lock: env-dev  ## resolve the dependencies of pyproject.toml anew into requirements/
	@UV=$(BIN)/uv sh scripts/lock

clean:  ## remove the environment and everything built
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env-demo:
	@$(BOOTSTRAP) demo $(VENV)

env-dev:  ## the environment alone, in .venv
	@$(BOOTSTRAP) dev $(VENV)

env-fuzz:
	@$(BOOTSTRAP) fuzz $(VENV)
