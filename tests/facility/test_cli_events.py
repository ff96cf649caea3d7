"""`facility event`: times as people say them, and what travels."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import time_machine
import typer
from typer.testing import CliRunner

from facility.cli import app, events
from facility.wire import SpecialEventInfo

NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)  # in Chicago
CHICAGO, BERLIN = ZoneInfo("America/Chicago"), ZoneInfo("Europe/Berlin")


class Agent:
    """What the command asked for."""

    def __init__(self):
        self.asked = []
        self.known = []

    async def hello(self):
        return SimpleNamespace(zone="America/Chicago")

    async def special_events(self):
        return self.known

    async def announce_event(self, *given):
        self.asked.append(given)
        programme, state, until, reason, begin = given
        return info(programme=programme, state=state, begin=begin or NOON, end=until, reason=reason)

    async def withdraw_event(self, *given):
        self.asked.append(given)
        return info(id=given[0])


def info(**changes):
    fields = {
        "id": "1a2b",
        "programme": "theatre-3",
        "state": "occupied",
        "begin": NOON,
        "end": NOON + timedelta(hours=11),
        "by": "rdiaz",
        "reason": "long list",
        "is_on": True,
    }
    return SpecialEventInfo(**fields | changes)


@pytest.fixture
def agent(monkeypatch):
    def ask(_socket, question):
        coroutine = question(agent)
        try:
            coroutine.send(None)
        except StopIteration as done:
            return done.value

    agent = Agent()
    monkeypatch.setattr(events, "ask", ask)
    return agent


def told(*arguments):
    with time_machine.travel(NOON, tick=False):
        return CliRunner().invoke(app, ["event", *arguments])


def test_theatre_3_until_23_00_tonight(agent):
    said = told("add", "theatre-3", "--state", "occupied", "--until", "23:00", "--reason", "long list")
    assert agent.asked == [("theatre-3", "occupied", datetime(2026, 11, 25, 5, tzinfo=UTC), "long list", None)]
    assert said.output == "1a2b announced: theatre-3 occupied from 12:00 until 23:00\n"


def test_from_a_time_until_the_next_one_after_it(agent):
    begin = ("--from", "2026-11-26 22:00", "--until", "02:00")
    told("add", "theatre-3", "--state", "occupied", *begin, "--reason", "long list")
    assert agent.asked[0][2] == datetime(2026, 11, 27, 8, tzinfo=UTC)
    assert agent.asked[0][4] == datetime(2026, 11, 27, 4, tzinfo=UTC)


def test_what_is_announced_is_listed_with_who_and_until_when(agent):
    assert told("list").output == "Nothing special is announced.\n"
    agent.known = [info(), info(id="ffff", begin=NOON + timedelta(hours=1), is_on=False)]
    rows = told("list").output.splitlines()
    assert rows[0].split() == ["ID", "PROGRAMME", "SAYS", "FROM", "UNTIL", "BY", "REASON"]
    assert rows[1].split() == ["1a2b", "theatre-3", "occupied", "now", "23:00", "rdiaz", "long", "list"]
    assert rows[2].split()[3] == "13:00"
    assert '"programme": "theatre-3"' in told("list", "--json").output


def test_it_is_withdrawn_with_a_reason(agent):
    assert told("end", "1a2b", "--reason", "list is done").output.startswith("1a2b withdrawn: theatre-3 occupied")
    assert agent.asked == [("1a2b", "list is done")]
    assert told("end", "1a2b").exit_code == 2


@pytest.mark.parametrize("text", ["25:00", "tonight", "2026-02-30 12:00", ""])
def test_what_is_no_time_is_told(text):
    with pytest.raises(typer.BadParameter, match="write 23:00 or"):
        events.moment(text, NOON, CHICAGO)


@pytest.mark.parametrize(
    ("text", "after", "zone", "instant"),
    [
        ("12:00", NOON, CHICAGO, NOON + timedelta(days=1)),  # not this moment: the next one
        ("12:01", NOON, CHICAGO, NOON + timedelta(minutes=1)),
        ("2026-11-24T23:00:00Z", NOON, CHICAGO, datetime(2026, 11, 24, 23, tzinfo=UTC)),
        ("02:30", datetime(2027, 3, 27, 12, tzinfo=UTC), BERLIN, datetime(2027, 3, 28, 1, tzinfo=UTC)),  # after the gap
        (
            "02:30",
            datetime(2027, 10, 30, 12, tzinfo=UTC),
            BERLIN,
            datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        ),  # the first
    ],
)
def test_a_time_is_the_sites(text, after, zone, instant):
    assert events.moment(text, after, zone) == instant
