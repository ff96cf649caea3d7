"""What the README shows is a configuration that can be used."""

import re
from datetime import date
from pathlib import Path

from typer.core import TyperGroup

from facility.cli import Verbs
from facility.config.loading import load
from facility.simulation.stories import STORIES
from facility.strategy import Strategy, rules_of

README = Path(__file__).parents[2] / "README.md"


def test_its_configuration_is_valid_as_it_stands(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 5
    path = tmp_path / "facility.toml"
    path.write_text("\n".join(blocks))
    config = load(path)
    rules_of(config)
    assert [policy.name for policy in Strategy(config, date(2026, 11, 24)).policies] == ["office-heating", "or-night"]


def named(heading: str) -> set[str]:
    """What stands in backquotes in one section, each as its words."""
    section = README.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return set(re.findall(r"`([a-z-]+)`", section))


def test_every_command_is_named_in_it():
    groups = [command for command in Verbs().values() if isinstance(command, TyperGroup)]
    verbs = {*Verbs(), *(name for group in groups for name in group.commands)}
    assert len(verbs) > 20
    assert verbs - named("The command line") == set()


def test_every_story_is_named_in_it():
    assert set(STORIES) - named("Two commands") == {"fridge-door"}
    assert "--scenario fridge-door" in README.read_text(encoding="utf-8")


def test_its_pictures_exist():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert pictures
    assert all((README.parent / picture).is_file() for picture in pictures)
