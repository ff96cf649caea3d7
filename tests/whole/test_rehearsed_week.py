"""The rehearsed week is, write for write, what the agent then does: over both clock changes, a holiday and two kills.

The rehearsal is asked for once, at the beginning. Its forecast is the twin of the simulated hospital, so that what
rests on occupancy and temperatures is foreseen as well. The agent that then runs is the real one, with its desk, its
guard and its state on disk; its process is killed twice.
"""

import os
from datetime import datetime, timedelta
from importlib.resources import files
from zoneinfo import ZoneInfo

import pytest
import tomlkit
from twin import rehearsed
from virtual_week import Died, virtual_agent

from facility.config.model import Config

CHICAGO = ZoneInfo("America/Chicago")
DEVICES = ("VAV-2-01", "VAV-2-03", "Lighting Panel LP-2")
OFFICES = ("office-201", "office-203")
KINDS = ("weekly", "occupancy-standby", "lighting-sweep", "optimal-start", "optimal-stop")
STEP = 60.0
LATE = timedelta(minutes=3)  # what was due while nobody was there
DOWN = timedelta(minutes=2)  # whole steps of the hospital

WHOLE = "FACILITY_WEEKS" in os.environ  # both whole weeks; else the spring is cut to the days around its change

SPRING = datetime(2027, 3, 12, 11, tzinfo=CHICAGO)  # the clocks go forward on Sunday the 14th
AUTUMN = datetime(2027, 11, 5, 11, tzinfo=CHICAGO)  # they go back on Sunday the 7th; Thursday is Veterans Day


def demo(state_dir):
    """The offices' policies of the demo, and optimal start and stop."""
    document = tomlkit.parse(files("facility.demo").joinpath("demo.toml").read_text()).unwrap()
    policies = [policy for policy in document["policies"] if policy["kind"] in KINDS]
    for policy in policies:
        if policy["kind"] == "lighting-sweep":  # of a panel of 24 zones, those of the two offices
            policy["points"] = ", ".join(f"space:{office} class:lighting-command" for office in OFFICES)
    kinds = {policy["kind"] for policy in policies}
    setpoints = {"heating": "class:heating-setpoint", "cooling": "class:cooling-setpoint"}
    policies += [
        {"kind": kind, "name": kind, "programme": "office-hours", **setpoints}
        for kind in ("optimal-start", "optimal-stop")
        if kind not in kinds
    ]
    return Config(
        site=document["site"],
        agent={"state_dir": state_dir},
        bacnet={"address": "127.0.0.1:47999", "foreign": "127.0.0.1:47998"},
        programmes=document["programmes"],
        policies=policies,
    )


def by_slot(writes):
    told = {}
    for time, point, level, value in writes:
        told.setdefault((point, level), []).append((time, value))
    return told


@pytest.mark.parametrize(
    ("start", "days", "killed_after", "dies_at_write"),
    [
        (SPRING, 7 if WHOLE else 3, timedelta(days=1, minutes=20), 8),
        (AUTUMN, 7, timedelta(days=1, minutes=15), 30),
    ],
)
def test_the_rehearsed_week_is_what_then_happens(tmp_path, start, days, killed_after, dies_at_write):
    begun, end = start + timedelta(minutes=5), start + timedelta(minutes=5, days=days)
    with virtual_agent(demo(tmp_path), start, tmp_path, devices=DEVICES, step=STEP) as week:
        week.run_until(begun)
        before = len(week.writes)
        said = week.do(rehearsed, days)
        week.run_until(begun + killed_after)
        week.kill()
        week.restart(after=DOWN)
        with pytest.raises(Died):  # in the midst of a command: the device has the value, and the agent does not know
            week.run_until(end, dies_at_write=dies_at_write)
        week.restart(after=DOWN)
        week.run_until(end + LATE)
        assert week.lives == 3
        done = [(write.time, write.point, write.priority, write.value) for write in week.writes[before:]]
    foreseen, happened = by_slot(said), by_slot(each for each in done if each[0] < end)
    assert foreseen.keys() == happened.keys()
    assert len(said) > 8 * days
    late = 0
    for slot, writes in foreseen.items():
        assert [value for _, value in happened[slot]] == [value for _, value in writes], slot
        apart = [abs(then - now) for (then, _), (now, _) in zip(happened[slot], writes, strict=True)]
        assert max(apart) <= LATE, slot
        late += sum(each > timedelta(0) for each in apart)
    assert late <= max(len(said) // 10, 8)  # but for what was due while nobody was there, to the second
