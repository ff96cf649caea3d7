"""The agent's own parts on the hospital in virtual time: a clock change, and two ends by SIGKILL, in seconds."""

from collections import defaultdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from virtual_week import Died, virtual_agent

from facility.config.model import Config
from points.model import Priority

CHICAGO = ZoneInfo("America/Chicago")
SATURDAY = datetime(2027, 3, 13, 21, 30, tzinfo=CHICAGO)  # the clocks go forward the night after
OFFICES = ("VAV-2-01", "VAV-2-02", "Lighting Panel LP-2")
PROGRAMMES = [
    {
        "name": "hours",
        "default": "unoccupied",
        "weekdays": ["06:30 occupied", "18:00 unoccupied"],
        "saturday": ["06:30 occupied", "22:00 unoccupied"],
        "sunday": ["01:30 occupied", "02:30 unoccupied", "04:00 occupied", "18:00 unoccupied"],
    },
]
POLICIES = [
    {
        "kind": "weekly",
        "name": "heating",
        "programme": "hours",
        "points": "class:heating-setpoint",
        "values": {"occupied": 21.0, "unoccupied": 16.0},
    },
]


@pytest.fixture
def week(tmp_path):
    site = {"zone": "America/Chicago"}
    bacnet = {"address": "127.0.0.1:47999", "foreign": "127.0.0.1:47998"}
    config = Config(site=site, agent={"state_dir": tmp_path}, bacnet=bacnet, programmes=PROGRAMMES, policies=POLICIES)
    with virtual_agent(config, SATURDAY, tmp_path, devices=OFFICES) as week:
        yield week


def held(agent):
    """What the agent believes to hold."""
    return {claim.point: claim.value for claim in agent.acts.claims.standing() if claim.confirmed}


def local(write):
    return write.time.astimezone(CHICAGO).strftime("%a %H:%M")


def slots(week):
    """What the devices hold at the level of schedules."""
    return {
        f"{unit.spec.name}/{role}": unit.slots(role)[Priority.SCHEDULE - 1]
        for unit in week.hospital.units.values()
        for role in unit.outputs
        if role == "heating-setpoint"
    }


def told(writes):
    """By point: when it was written, and what."""
    by_point = defaultdict(list)
    for write in writes:
        by_point[write.point].append((local(write), write.value))
    return by_point


NIGHT = [
    ("Sat 21:30", 21.0),
    ("Sat 22:00", 16.0),
    ("Sun 01:30", 21.0),
    ("Sun 03:00", 16.0),  # 02:30 does not exist in this night: the first instant after the gap
    ("Sun 04:00", 21.0),
]
SUNDAY = datetime(2027, 3, 14, 4, 30, tzinfo=CHICAGO)


def test_the_night_of_the_clock_change(week):
    week.run_until(SUNDAY)
    assert told(week.writes) == {"vav-2-01/htg-sp": NIGHT, "vav-2-02/htg-sp": NIGHT}


def test_a_killed_agent_goes_on_where_it_was(week):
    week.run_until(datetime(2027, 3, 13, 23, tzinfo=CHICAGO))
    week.kill()
    week.restart(after=timedelta(minutes=5))
    week.run_until(week.now + timedelta(seconds=1))
    assert week.do(held) == {"vav-2-01/htg-sp": 16.0, "vav-2-02/htg-sp": 16.0}  # still its own, and nothing was written
    assert len(week.writes) == 4
    with pytest.raises(Died):  # in the midst of a command: the device has the value, and the agent does not know
        week.run_until(SUNDAY, dies_at_write=1)
    assert local(week.writes[-1]) == "Sun 01:30"
    first = week.writes[-1].point
    week.restart(after=timedelta(seconds=20))
    week.run_until(SUNDAY)
    assert week.lives == 3
    writes = told(week.writes)
    assert writes.pop(first) == NIGHT
    (other,) = writes.values()
    late = {"Sun 01:30": "Sun 01:31"}  # what stood from before is compared first, and then it is tried again
    assert other == [(late.get(time, time), value) for time, value in NIGHT]


def test_a_clean_end_lets_go_and_a_killed_one_does_not(week):
    week.run_until(SATURDAY + timedelta(minutes=1))
    held = slots(week)
    assert set(held.values()) == {21.0}
    week.kill()
    assert slots(week) == held
    week.restart()
    week.stop()
    assert set(slots(week).values()) == {None}
