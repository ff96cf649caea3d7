"""The map of the code, and the walls that are drawn on it, are those of the code that is there."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
BY_TOPIC = MAP.split("## The facility, by topic\n")[1].split("\n## ")[0]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
ON_THE_MAP_BY_TOPIC = (
    "facility",
    "facility/audit",
    "facility/profiles",
    "facility/config",
    "facility/assembly",
    "facility/feeds",
    "facility/rehearsal",
    "facility/flight",
)
SEEN_BY_SCREENS = {"facility.port", "facility.wire"}
"""The port, and what travels over it."""


def modules(folder: str) -> set[str]:
    """What is in it; packages with a stroke."""
    there = [path for path in (ROOT / folder).iterdir() if not path.name.startswith("_")]
    packages = {f"{path.name}/" for path in there if (path / "__init__.py").exists()}
    return {path.stem for path in there if path.suffix == ".py"} | packages


def named(text: str) -> set[str]:
    return set(re.findall(r"`([a-z_]+/?)`", text)) | {f"{name}/" for name in re.findall(r"`[a-z_]+/([a-z_]+)/`", text)}


@pytest.mark.parametrize("folder", ["points", "schedules", "tui"])
def test_every_module_of_a_package_is_on_the_map(folder):
    row = next(line for line in MAP.splitlines() if line.startswith(f"| `{folder}/` |"))
    assert modules(folder) - named(row) == set()


@pytest.mark.parametrize("folder", ON_THE_MAP_BY_TOPIC)
def test_every_module_of_the_facility_is_on_the_map_by_topic(folder):
    assert modules(folder) - named(BY_TOPIC) == set()


def test_nothing_is_on_the_map_by_topic_that_is_not_there():
    assert named(BY_TOPIC) - {"facility/"} - set().union(*map(modules, ON_THE_MAP_BY_TOPIC)) == set()


def test_the_screens_are_kept_from_all_of_the_facility_but_the_port():
    wall = next(each for each in CONTRACTS if each["name"] == "tui knows the facility by its port alone")
    there = {f"facility.{name.rstrip('/')}" for name in modules("facility")}
    assert set(wall["forbidden_modules"]) == there - SEEN_BY_SCREENS
