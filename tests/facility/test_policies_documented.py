"""docs/policies.md: every kind is in it, its examples load, and its table of precedence is the one in force."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from facility.config.loading import load
from facility.config.policies import KINDS
from facility.strategy import Strategy, rules_of
from schedules.precedence import TABLE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
EXAMPLES = "\n".join(re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL))


def section(heading):
    return PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]


def rows(heading):
    """The table's cells, without its heading."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_every_kind_has_one_row_with_its_level():
    levels = {(f"`{kind}`", str(int(level))) for level, kinds in TABLE.items() for kind in kinds}
    told = [(row[0], row[2]) for row in rows("All of them")]
    assert set(told) == levels
    assert len(told) == len(KINDS)


def test_the_tests_that_it_names_are_there():
    named = {name for row in rows("All of them") for name in re.findall(r"`([a-z_/]+\.py)`", row[-1])}
    assert len(named) > 10
    assert {name for name in named if not (ROOT / "tests" / name).is_file()} == set()


def test_the_table_of_precedence_is_the_one_in_force():
    said = [(row[0], tuple(re.findall(r"`([a-z-]+)`", row[1]))) for row in rows("Who goes first")]
    assert said == [(str(int(level)), kinds) for level, kinds in TABLE.items()]
    assert {kind for kinds in TABLE.values() for kind in kinds} == KINDS.keys()


def test_one_of_each_kind_is_a_configuration_that_can_be_used(tmp_path):
    path = tmp_path / "facility.toml"
    path.write_text(EXAMPLES, encoding="utf-8")
    config = load(path)
    rules_of(config)
    assert {policy.kind for policy in Strategy(config, date(2026, 11, 24)).policies} == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_example(kind):
    assert kind in [policy["kind"] for policy in tomllib.loads(EXAMPLES)["policies"]]
