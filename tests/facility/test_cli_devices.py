"""The verbs about devices, as a person types them, against an agent that knows two."""

import json

import pytest
from cli_bench import answers, typing
from session_bench import DEVICES

from facility import views
from facility.abilities import passport_info
from facility.cli import devices
from facility.port import FacilityError
from facility.wire import Hello
from points.passport import Passports

HELLO = Hello(
    site="s",
    site_name="S",
    agent="main",
    version="1",
    zone="UTC",
    pretend=False,
    user="me",
    role="operator",
    started="2026-03-01T12:00:00Z",
)


class Agent:
    def __init__(self):
        self.passports = Passports()
        self.passports.learn(DEVICES[0].ref, rpm_limit=24, latency=0.12, charset="latin-1")
        self.why = "moved from 0:10.0.0.1 to 0:10.0.0.2: approve it to command it again"
        self.approved = []

    async def hello(self):
        return HELLO

    async def devices(self):
        known = [views.device_info(each, 3, None, passport_info(self.passports, each.ref)) for each in DEVICES]
        return [known[0].model_copy(update={"quarantine": self.why}), known[1]]

    async def approve(self, device, reason):
        if device != "ahu-1":
            raise FacilityError("bad-wish", f"{device} is not in quarantine.")
        self.approved.append((device, reason))
        self.why = ""
        return (await self.devices())[0]


@pytest.fixture
def agent(monkeypatch):
    agent = Agent()

    monkeypatch.setattr(devices, "ask", answers(agent))
    return agent


@pytest.fixture
def typed(agent, tmp_path):
    return typing(tmp_path)


def test_devices_tells_which_of_them_a_person_has_to_look_at_and_why(typed):
    answer = typed("devices")
    assert answer.exit_code == 0
    assert "offline, QUARANTINE" in next(line for line in answer.stdout.splitlines() if line.startswith("ahu-1"))
    assert "QUARANTINE" not in next(line for line in answer.stdout.splitlines() if line.startswith("vav-9"))
    assert "quarantine: ahu-1 moved from 0:10.0.0.1 to 0:10.0.0.2" in answer.stdout
    assert json.loads(typed("devices", "--json").stdout)[0]["quarantine"].startswith("moved from")


def test_a_passport_is_one_line_of_words(typed):
    answer = typed("passport", "ahu-1")
    assert answer.stdout == "ahu-1  reads 24 properties at once · answers in 0.12 s · strings are latin-1\n"
    assert typed("passport", str(DEVICES[0].ref.instance)).stdout == answer.stdout


def test_without_a_device_every_passport_is_told(typed):
    assert typed("passport").stdout.splitlines()[1] == "vav-9  nothing has been learned yet"
    book = json.loads(typed("passport", "--json").stdout)
    assert (book["format"], [each["device"] for each in book["devices"]]) == (
        "facility-passports-1",
        ["ahu-1", "vav-9"],
    )


def test_a_device_that_is_not_there_has_no_passport(typed):
    answer = typed("passport", "ahu-2")
    assert (answer.exit_code, "There is no device 'ahu-2'" in answer.output) == (1, True)


def test_an_approval_reaches_the_agent_with_its_reason(typed, agent):
    answer = typed("approve", "ahu-1", "--reason", "controller replaced")
    assert (answer.exit_code, agent.approved) == (0, [("ahu-1", "controller replaced")])
    assert "ahu-1 is approved" in answer.stdout


@pytest.mark.parametrize(
    ("words", "code"), [(("approve", "vav-9", "--reason", "looked at it"), 1), (("approve", "ahu-1"), 2)]
)
def test_an_approval_that_is_refused_or_has_no_reason_is_none(typed, agent, words, code):
    assert typed(*words).exit_code == code
    assert agent.approved == []
