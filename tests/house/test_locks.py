"""The locks are whole, agree with each other and with pyproject.toml, and name no place that packages come from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.house import tree

PIN = re.compile(r"^([a-z0-9-]+)==([^ ;]+)(?: ; (.+?))? \\$", re.MULTILINE)
PROJECT = tomllib.loads(tree.read(Path("pyproject.toml")))
EXTRAS_OF = {"demo": ("video",), "dev": ("video", "dev"), "fuzz": ("video", "dev", "fuzz")}


def pins(text: str) -> dict[str, str]:
    """Name and version of everything in a lock."""
    return {name: version for name, version, _ in PIN.findall(text)}


def lock(name: str) -> str:
    """Text of a lock."""
    return tree.read(Path("requirements", f"{name}.txt"))


def unhashed(text: str) -> list[str]:
    """Pins that are not followed by a hash."""
    return [match[1] for match in PIN.finditer(text) if not text[match.end() :].lstrip().startswith("--hash=sha256:")]


def direct_requirements(name: str) -> list[Requirement]:
    """What pyproject.toml asks for in a lock."""
    project = PROJECT["project"]
    wanted: list[str] = [*project["dependencies"], *PROJECT["dependency-groups"]["build"]]
    for extra in EXTRAS_OF[name]:
        wanted += project["optional-dependencies"][extra]
    return [requirement for requirement in map(Requirement, wanted) if requirement.name != project["name"]]


@pytest.mark.parametrize("name", EXTRAS_OF)
def test_a_lock_holds_what_the_project_asks_for(name: str):
    locked = pins(lock(name))
    wrong = [
        str(wanted)
        for wanted in direct_requirements(name)
        if locked.get(wanted.name.lower(), "0") not in wanted.specifier
    ]
    tree.require_none([f"requirements/{name}.txt: {requirement}: `make lock` resolves anew" for requirement in wrong])


@pytest.mark.parametrize("name", EXTRAS_OF)
def test_every_pin_has_a_hash(name: str):
    assert len(pins(lock(name))) > len(direct_requirements(name))
    assert unhashed(lock(name)) == []


@pytest.mark.parametrize("name", EXTRAS_OF)
def test_a_lock_names_no_place(name: str):
    assert re.search(r"://|file:|^--|^-e|@ ", lock(name), re.MULTILINE) is None


@pytest.mark.parametrize(("small", "large"), [("demo", "dev"), ("dev", "fuzz")])
def test_one_environment_serves_all_locks(small: str, large: str):
    fewer, more = pins(lock(small)), pins(lock(large))
    assert {name: version for name, version in fewer.items() if more.get(name) != version} == {}


def test_a_pin_without_hash_is_seen():
    assert unhashed("rich==15.0.0 \\\n    # via openbwc\n") == ["rich"]
