"""`facility dr`: what travels, and what is told."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from typer.testing import CliRunner

from facility.cli import app, dr
from facility.wire import DemandAnswer, DemandEventInfo

NOON = datetime(2026, 11, 24, 18, tzinfo=UTC)  # in Chicago


class Agent:
    """What the command asked for."""

    def __init__(self):
        self.asked, self.known = [], []

    async def hello(self):
        return SimpleNamespace(zone="America/Chicago")

    async def demand_events(self):
        return self.known

    async def demand_event(self, event):
        self.asked.append(event)
        return DemandAnswer(id=event.id, result="taken")

    async def cancel_demand_event(self, event):
        self.asked.append(event)
        return DemandAnswer(id=event, result="cancelled")


@pytest.fixture
def agent(monkeypatch):
    def ask(_socket, question):
        try:
            question(agent).send(None)
        except StopIteration as done:
            return done.value

    agent = Agent()
    monkeypatch.setattr(dr, "ask", ask)
    return agent


def told(*arguments):
    with time_machine.travel(NOON, tick=False):
        return CliRunner().invoke(app, ["dr", *arguments])


def test_an_event_is_sent_as_the_utility_would(agent):
    said = told("send", "2", "--for", "1h30m", "--from", "16:00", "--randomize", "5m", "--id", "drill")
    (event,) = agent.asked
    assert (event.id, event.level, event.source) == ("drill", 2, "cli")
    assert (event.start, event.until - event.start) == (NOON + timedelta(hours=4), timedelta(minutes=90))
    assert event.randomize == timedelta(minutes=5)
    assert said.output == "drill taken\n"


def test_without_a_time_it_begins_now_and_has_an_id_of_its_own(agent):
    for _ in range(2):
        assert told("send", "1", "--for", "30m").exit_code == 0
    first, second = agent.asked
    assert first.start == NOON
    assert first.id != second.id


@pytest.mark.parametrize(
    "wrong",
    [
        ("4", "--for", "1h"),
        ("2", "--for", "soon"),
        ("2", "--for", "25h"),
        ("2", "--for", "10m", "--randomize", "10m"),
        ("2", "--for", "1h", "--id", "of Jane Doe"),
        ("2", "--for", "1h", "--from", "tonight"),
        ("2",),
    ],
)
def test_what_cannot_be_meant_is_told_and_not_sent(agent, wrong):
    said = told("send", *wrong)
    assert said.exit_code == 2
    assert "Traceback" not in said.output
    assert agent.asked == []


def test_what_is_on_is_listed_and_why_it_is_not_obeyed(agent):
    assert told("list").output == "The utility asks for nothing.\n"
    agent.known = [
        DemandEventInfo(
            id="e1",
            level=2,
            start=NOON,
            end=NOON + timedelta(hours=1),
            begins=NOON + timedelta(minutes=3),
            source="utility",
            by="openadr",
            status="near",
            opted_out="more alarms than people can look at",
        )
    ]
    rows = told("list").output.splitlines()
    assert rows[1].split() == ["e1", "2", "near", "12:03", "13:00", "utility", "openadr"]
    assert rows[2] == "No event is obeyed now: more alarms than people can look at."
    assert '"begins": "2026-11-24T18:03:00Z"' in told("list", "--json").output


def test_an_event_is_cancelled(agent):
    assert told("cancel", "e1").output == "e1 cancelled\n"
    assert agent.asked == ["e1"]
