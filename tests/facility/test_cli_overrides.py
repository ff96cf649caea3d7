"""`facility overrides`: what others hold and what we hold, in one table."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from test_cli_status import HOLD
from typer.testing import CliRunner

from facility.cli import app
from facility.cli import overrides as verb
from facility.wire import OverrideInfo

NOW = datetime(2026, 3, 1, 2, 15, tzinfo=UTC)
FOREIGN = OverrideInfo(
    point="ahu-2/fan",
    space="OR 3",
    level=5,
    level_name="critical equipment",
    text="on",
    since=NOW - timedelta(days=3),
    seen=NOW - timedelta(minutes=20),
    kind="slot",
    wins=True,
)
BENEATH = FOREIGN.model_copy(update={"level": 9, "level_name": "free level", "point": "ahu-2/sp", "wins": False})
BY_HAND = FOREIGN.model_copy(update={"level": None, "kind": "by hand", "point": "ahu-3/fan"})
POLICY = HOLD.model_copy(update={"priority": 15, "by": "office", "point": "ahu-9/sp"})


@pytest.fixture
def told(monkeypatch):
    """What the command says when the agent knows this."""

    def run(*arguments, foreign=(), holds=()):
        class Overview:
            pass

        overview, hello = Overview(), Overview()
        overview.holds, hello.zone = list(holds), "UTC"
        monkeypatch.setattr(verb, "ask", lambda _socket, _question: (hello, list(foreign), overview))
        with time_machine.travel(NOW, tick=False):
            return CliRunner().invoke(app, ["overrides", *arguments]).output

    return run


def test_the_strongest_comes_first_with_age_owner_and_end(told):
    said = told(foreign=[BENEATH, FOREIGN, BY_HAND], holds=[POLICY, HOLD])
    rows = said.splitlines()
    assert [row.split()[0] for row in rows[1:5]] == ["by", "5", "8", "9"]
    assert "5 critical equipment  ahu-2/fan  OR 3   on" in rows[2]
    for words in ("not ours", "3 d", "no end", "seen 20 min ago"):
        assert words in rows[2]
    assert "until Sun 01 Mar 18:15" in rows[3]
    assert "something stronger wins" in rows[4]
    assert rows[-1] == "Policies hold 1 point: `facility overrides --all` lists them."


def test_what_we_hold_has_its_place_too(told):
    assert "ahu-9/sp  ICU 2  " in told("--all", holds=[POLICY.model_copy(update={"space": "ICU 2"})])


def test_what_policies_hold_is_listed_when_asked_for(told):
    assert "ahu-9/sp" in told("--all", holds=[POLICY])


def test_minimum_on_off_is_said_to_be_the_devices(told):
    said = told(foreign=[FOREIGN.model_copy(update={"level": 6, "level_name": "minimum on/off, by the device itself"})])
    assert "the device" in said
    assert "not ours" not in said


def test_nothing_is_said_plainly(told):
    assert told() == "Nothing is overridden, as far as is known.\n"
