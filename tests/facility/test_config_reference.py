"""The reference of `facility.toml` in docs/ is what the code says."""

import re
from pathlib import Path

from facility.config import reference
from facility.config.model import Config

FILE = Path(__file__).parents[2] / reference.DEFAULT_FILE


def test_the_reference_in_the_repository_is_what_the_models_say():
    assert FILE.read_text(encoding="utf-8") == reference.text(), "run: python -m facility.config.reference"


def test_whoever_makes_it_is_told_where_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reference.sys, "argv", ["reference", str(tmp_path / "here.md")])
    reference.main()
    assert capsys.readouterr().out == f"{tmp_path / 'here.md'}\n"
    assert (tmp_path / "here.md").read_text(encoding="utf-8") == reference.text()


def test_every_section_and_every_key_is_in_it_with_a_text():
    page = reference.text()
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", page, flags=re.MULTILINE)
    assert [key for key, said in rows if not said] == []
    headed = set(re.findall(r"^## `\[+([a-z._]+)\]", page, flags=re.MULTILINE))
    assert {"bacnet.devices", "bacnet.passport", "programmes.exceptions"} < headed
    assert set(Config.model_fields) == {key.partition(".")[0] for key in headed} | {"users", "profiles"}


def test_a_key_is_told_with_its_type_its_bounds_and_its_default():
    assert "| `foreign_ttl` | integer from 30 to 3\u202f600 | `60` |" in reference.text()
    assert "| `instance` | integer from 0 to 4\u202f194\u202f302 | **required** | Which device. |" in reference.text()
    assert '## `[[policies]]` with `kind = "weekly"`' in reference.text()
