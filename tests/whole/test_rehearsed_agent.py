"""A change on its way into a whole agent: rehearsed, applied, on record, through a kill, and the day decided again."""

import asyncio
import json
from datetime import date

import pytest
from stage import agent_process, on_the_hospital, until
from typer.testing import CliRunner

from facility.cli import app
from facility.flight.frames import Turn
from facility.flight.recorder import FOLDER
from facility.flight.tape import Tape
from facility.simulation.process import simulated_hospital

SITE = """\
# Mercy's own file; ask Chen before you change it
[site]
id = "mercy"
zone = "America/Chicago"

[bacnet]
low = 10101   # four boxes of the second floor
high = 10104

[[programmes]]
name = "office-hours"
default = "occupied"   # until clinic B has moved in
exceptions = [{ name = "opening day", first = 2020-06-01, changes = ["07:00 unoccupied", "09:00 occupied"] }]

[[policies]]
kind = "weekly"
name = "office-heating"
programme = "office-hours"
points = "tag:clinic-b class:heating-setpoint"
values = { occupied = 21.0, unoccupied = 16.0 }

[[points]]
match = "vav-2-*/htg-sp"
tags = ["clinic-b"]
"""
CHANGES = """\
[[programmes]]
name = "office-hours"
default = "unoccupied"
"""
SETPOINTS = ("vav-2-01/htg-sp", "vav-2-02/htg-sp", "vav-2-03/htg-sp", "vav-2-04/htg-sp")


class Site:
    """The agent's file and state, and the command line beside it."""

    def __init__(self, folder, bbmd):
        self.config, self.changes, self.state = folder / "mercy.toml", folder / "changes.toml", folder / "state"
        self.config.write_text(SITE)
        self.changes.write_text(CHANGES)
        self.environment = on_the_hospital(bbmd, None)

    async def says(self, *words):
        """What `facility` prints; it must have done what it was asked for."""
        command = [*words, "--config", str(self.config)]
        environment = {**self.environment, "FACILITY_AGENT__STATE_DIR": str(self.state)}
        answer = await asyncio.to_thread(CliRunner().invoke, app, command, env=environment)
        assert answer.exit_code == 0, answer.output
        return answer.stdout

    def recorded(self):
        """Every demand for a setpoint that the recorder has brought to disk."""
        tape = Tape(self.state / FOLDER)
        frames = [frame for day in tape.days() for frame in tape.frames(date.fromisoformat(day))]
        said = [each for frame in frames if isinstance(frame, Turn) for each in frame.said]
        return [demand.value for each in said for demand in each.demands or ()]


async def held(agent, value):
    """Whether every setpoint reads so, in the slot of schedules."""
    details = [await agent.facility.detail(point) for point in SETPOINTS]
    return all(
        detail.winner == 15 and detail.value is not None and detail.value.value == pytest.approx(value)
        for detail in details
    )


async def state_of(agent):
    (programme,) = await agent.facility.schedules()
    return programme.now_state


async def on_record(agent):
    """What the audit says of the configuration, oldest first, but for its being kept for the first time."""
    records = [each for each in await agent.facility.audit(limit=200) if not each.by.startswith("policy:")]
    said = [(each.by.partition(":")[0], each.action, each.target, each.found, each.value) for each in records]
    return [line for line in reversed(said) if line[1] == "apply configuration" or line[3]]


async def test_what_was_rehearsed_comes_into_force_outlives_a_kill_and_replays(tmp_path):
    async with simulated_hospital() as hospital:
        site = Site(tmp_path, hospital.bbmd)
        async with agent_process(site.state, site.environment, site.config) as agent:
            await agent.start(points=60)
            await until(lambda: held(agent, 21.0))

            told = json.loads(await site.says("rehearse", "--days", "2", "--with", str(site.changes), "--json"))
            assert [(w["value"], w["count"], w["mark"]) for w in told["writes"]] == [("16.0 °C", 4, "+")]
            assert told["changes"] == ["programmes[office-hours].default"]
            assert await state_of(agent) == "occupied"
            assert site.config.read_text() == SITE

            said = await site.says("apply", told["id"], "--reason", "clinic B has moved in")
            assert said.startswith("changed  programmes[office-hours].default")
            assert site.config.read_text() == SITE.replace('"occupied" ', '"unoccupied" ')
            await until(lambda: held(agent, 16.0))
            applied = [
                ("user", "apply configuration", str(site.config), "", ""),
                ("agent", "configure", "programmes[office-hours].default", '"occupied"', '"unoccupied"'),
            ]
            assert (await on_record(agent))[:2] == applied
            await until(lambda: asyncio.to_thread(lambda: 16.0 in site.recorded()))
            await agent.kill()

            await agent.start(points=60)
            assert await state_of(agent) == "unoccupied"
            await until(lambda: held(agent, 16.0))
            assert await on_record(agent) == applied  # what it found at its start was known

            site.config.write_text(site.config.read_text().replace("unoccupied = 16.0", "unoccupied = 15.0"))
            said = await site.says("reload", "--yes", "--reason", "it is mild outside")
            assert "15.0 °C" in said
            assert said.endswith("In force: 1 key changed.\n")
            assert await site.says("reload", "--reason", "once more") == "The file says what is in force already.\n"
            await until(lambda: held(agent, 15.0))
            assert await agent.stop() == 0
        assert not agent.errors()
        assert site.recorded().count(16.0) == 8  # when the change came, and anew after the kill
        assert site.recorded()[-4:] == [15.0] * 4
        for day in Tape(site.state / FOLDER).days():
            assert "Every decision is the same, bit for bit." in await site.says("replay", day)
