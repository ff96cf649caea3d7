"""`facility discover` and `facility status` tell how far a look through the building is."""

import json

import pytest
from cli_bench import answers, typing
from session_bench import DEVICES
from test_cli_devices import HELLO

from facility import views
from facility.cli import discover as verb
from facility.cli import look
from facility.wire import Discovery, Lamp, Overview

IDLE = Discovery(
    running=False, started=None, finished=None, devices_found=0, devices_described=0, points=0, now="", news=[]
)


def state(**changes):
    return IDLE.model_copy(update=changes)


class Agent:
    """Each question how far it is brings the next of `looks`; the last one stays."""

    def __init__(self):
        self.looks = [
            state(running=True, phase="searching", who_is=3, resumed=7),
            state(running=True, phase="reading", who_is=24, devices_found=12, devices_to_go=5, points=480, now="AHU 1"),
            state(phase="done", who_is=24, devices_found=12, points=500, news=["AHU 2 is new"]),
        ]
        self.started = 0

    async def hello(self):
        return HELLO

    async def overview(self):
        lamps = dict.fromkeys(("LIFE", "CRIT", "HIGH", "LOW"), Lamp(new=0, standing=0))
        lists = dict.fromkeys(("reasons", "groups", "spaces", "holds", "upcoming", "policies", "links", "banners"), ())
        lists = {name: list(empty) for name, empty in lists.items()}
        numbers = {"spaces_unknown": 0, "devices_online": 2, "devices_total": 2}
        return Overview(at=HELLO.started, verdict="OK", lamps=lamps, points={}, **lists, **numbers)

    async def devices(self):
        return [views.device_info(each, 3, None) for each in DEVICES]

    async def discover(self, *, start=True):
        self.started += start
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]


@pytest.fixture
def agent(monkeypatch):
    agent = Agent()
    monkeypatch.setattr(look, "ask", answers(agent))
    monkeypatch.setattr(verb, "ask", answers(agent))
    monkeypatch.setattr(verb, "LOOK_AGAIN_S", 0.0)
    return agent


@pytest.fixture
def typed(agent, tmp_path):
    return typing(tmp_path)


def test_without_a_terminal_the_progress_is_a_line_now_and_then_and_one_at_the_end(typed, agent):
    answer = typed("discover")
    assert (answer.exit_code, agent.started) == (0, 1)
    assert answer.stderr.splitlines() == [
        "searching · 3 Who-Is · 0 devices · 0 to go · 0 points · resumed: 7 devices were read before",
        "done · 24 Who-Is · 12 devices · 0 to go · 500 points",
    ]
    assert answer.stdout.startswith("AHU 2 is new\n")


def test_each_line_says_how_far_it_is(typed, monkeypatch):
    monkeypatch.setattr(verb, "LINE_EVERY_S", 0.0)
    assert "reading · 24 Who-Is · 12 devices · 5 to go · 480 points  AHU 1" in typed("discover").stderr.splitlines()


def test_the_status_shows_a_look_that_is_under_way_and_starts_none(typed, agent):
    agent.looks = agent.looks[1:2]
    said = "looking through the building: reading · 24 Who-Is · 12 devices · 5 to go · 480 points"
    assert said in typed("status").stdout
    assert json.loads(typed("status", "--json").stdout)["discovery"]["devices_to_go"] == 5
    agent.looks = [state(phase="done")]
    assert "looking through the building" not in typed("status").stdout
    assert agent.started == 0
