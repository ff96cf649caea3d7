"""`facility policies`: what each demands, and each demand of one."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from cli_bench import answers, typing

from facility.cli import policies as verb
from facility.port import FacilityError
from facility.wire import PolicyRow, PolicyState

ROWS = [
    PolicyRow(about="OR-3", point="vav-3/flow-sp", value="0.42 m³/s", priority=14, result="refused", why="too warm"),
    PolicyRow(about="OR-7", point="vav-7/flow-sp", value="0.42 m³/s", priority=14, result="beneath", beneath=8,
              why="rdiaz holds it"),
    PolicyRow(about="OR-5", result="nothing", why="vacant 11 min of 20"),
]  # fmt: skip
TURNDOWN = PolicyState(
    name="or-setback", kind="room-turndown", state="on", priority=14, points=16, demands=2, winning=0, beneath=1,
    refused=1, programme="", why="1 refused: OR-3: too warm", rows=ROWS, more=3,
    next=datetime(2026, 11, 24, 13, 30, tzinfo=UTC),
)  # fmt: skip
OFF = TURNDOWN.model_copy(
    update={"name": "lights", "state": "off", "priority": 0, "rows": [], "why": "enabled = false", "next": None}
)


@pytest.fixture
def said(monkeypatch, tmp_path):
    """What the command line says when these are the policies."""

    def run(*words, policies=(TURNDOWN, OFF)):
        class Agent:
            async def hello(self):
                return SimpleNamespace(zone="America/Chicago")

            async def policies(self, policy=""):
                found = [each for each in policies if policy in ("", each.name)]
                if policy and not found:
                    raise FacilityError("unknown", f"There is no policy {policy!r}; known: or-setback.")
                return found

        monkeypatch.setattr(verb, "ask", answers(Agent()))
        return typing(tmp_path)("policies", *words)

    return run


def test_all_of_them_are_a_table_with_counts(said):
    head, setback, lights = said().output.splitlines()
    assert head.split() == ["POLICY", "STATE", "SLOT", "WANTS", "WINS", "BENEATH", "REFUSED", "NEXT", "WHY"]
    assert " ".join(setback.split()) == "or-setback on 14 2 0 1 1 Tue 24 Nov 07:30 1 refused: OR-3: too warm"
    assert " ".join(lights.split()).endswith("enabled = false")
    assert "No policy is configured" in said(policies=()).output


def test_one_of_them_says_each_demand_and_why_there_is_none(said):
    output = said("or-setback").output
    assert "or-setback (room-turndown) is on" in output
    assert "slot 14, 16 points, may change Tue 24 Nov 07:30" in output
    rows = [" ".join(line.split()) for line in output.splitlines()]
    assert "OR-3 vav-3/flow-sp 0.42 m³/s refused too warm" in rows
    assert "OR-7 vav-7/flow-sp 0.42 m³/s beneath slot 8 rdiaz holds it" in rows
    assert "OR-5 nothing nothing vacant 11 min of 20" in rows
    assert "and 3 more" in output


def test_json_is_all_of_it_and_an_unknown_one_is_a_no(said):
    [first, _] = json.loads(said("--json").output)
    assert first["rows"][1]["beneath"] == 8
    refused = said("cellar")
    assert (refused.exit_code, "known: or-setback" in refused.output) == (1, True)
