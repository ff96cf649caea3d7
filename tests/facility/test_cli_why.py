"""`facility why`, as a person types it."""

import json

import pytest
from cli_bench import answers, typing

from facility.cli import why
from facility.port import FacilityError
from facility.wire import Why, WhyStep

CHAIN = Why(
    point="ahu-1/sp",
    value="sp is 18.0 °C, read back at 06:00.",
    steps=[
        WhyStep(
            kind="slot",
            text="Slot 8 (operator) holds 18.0 °C and wins.",
            evidence="priority array, read 06:00",
            target="slots:ahu-1/sp",
        ),
        WhyStep(kind="next", text="no change planned.", evidence="programmes and claims", target="point:ahu-1/sp"),
    ],
)


class Agent:
    async def why(self, point):
        if point != CHAIN.point:
            raise FacilityError("unknown-point", f"There is no point {point!r}.")
        return CHAIN


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(why, "ask", answers(Agent()))
    typed = typing(tmp_path)
    return lambda *words: typed("why", *words)


def test_the_chain_is_numbered_and_what_comes_next_is_last(run):
    told = run("ahu-1/sp")
    assert (told.exit_code, told.stdout.splitlines()) == (
        0,
        [
            "sp is 18.0 °C, read back at 06:00.",
            " 1 Slot 8 (operator) holds 18.0 °C and wins.  [priority array, read 06:00]",
            " ▸ Next: no change planned.  [programmes and claims]",
        ],
    )


def test_the_same_for_a_program(run):
    assert Why.model_validate(json.loads(run("ahu-1/sp", "--json").stdout)) == CHAIN


def test_a_point_that_there_is_not_is_an_error(run):
    told = run("ahu-1/nothing")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "There is no point 'ahu-1/nothing'." in told.stderr
