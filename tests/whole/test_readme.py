"""What the README shows is a configuration that can be used."""

import re
from datetime import date
from pathlib import Path

from facility.config import load
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


def test_its_pictures_exist():
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert pictures
    assert all((README.parent / picture).is_file() for picture in pictures)
