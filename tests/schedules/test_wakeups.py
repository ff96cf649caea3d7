"""Waking up in time, and noticing that the clock was moved."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from schedules.wakeups import ClockJump, Wakeups

NEVER_S = 60.0


async def test_wakes_at_the_given_instant_and_not_before():
    until = datetime.now(UTC) + timedelta(seconds=0.2)
    async with asyncio.timeout(30), Wakeups() as wakeups:
        assert await wakeups.wait(until, NEVER_S) is None
        assert datetime.now(UTC) >= until


async def test_an_instant_that_has_passed_wakes_at_once():
    async with asyncio.timeout(30), Wakeups() as wakeups:
        await wakeups.wait(datetime.now(UTC) - timedelta(hours=3), NEVER_S)


async def test_wakes_at_the_latest_after_the_given_time():
    async with asyncio.timeout(30), Wakeups(look_every_s=0.02) as wakeups:
        started = time.monotonic()
        assert await wakeups.wait(None, 0.1) is None
        assert time.monotonic() - started >= 0.099


async def test_a_ring_ends_the_present_wait_or_the_next_one_and_only_one():
    async with asyncio.timeout(30), Wakeups() as wakeups:
        asyncio.get_running_loop().call_later(0.01, wakeups.ring)
        await wakeups.wait(None, NEVER_S)
        wakeups.ring()
        await wakeups.wait(None, NEVER_S)
        started = time.monotonic()
        await wakeups.wait(None, 0.05)
        assert time.monotonic() - started >= 0.049


async def test_a_new_instant_replaces_the_old_one():
    async with asyncio.timeout(30), Wakeups() as wakeups:
        await wakeups.wait(datetime.now(UTC) + timedelta(seconds=0.3), 0.01)
        await wakeups.wait(datetime.now(UTC) + timedelta(hours=1), 0.01)
        started = time.monotonic()
        await wakeups.wait(datetime.now(UTC) + timedelta(hours=1), 0.5)
        assert time.monotonic() - started >= 0.49


@pytest.mark.parametrize("hours", [2, -2])
async def test_a_step_of_the_clock_is_noticed_and_reported(hours):
    night = datetime(2027, 10, 31, 0, 10, tzinfo=UTC)
    with time_machine.travel(night) as traveller:
        async with asyncio.timeout(30), Wakeups(look_every_s=0.02) as wakeups:
            asyncio.get_running_loop().call_later(0.05, traveller.shift, timedelta(hours=hours))
            jump = await wakeups.wait(None, NEVER_S)
            assert isinstance(jump, ClockJump)
            assert jump.seconds == pytest.approx(hours * 3600, abs=2)
            assert await wakeups.wait(None, 0.01) is None  # reported once


async def test_a_change_in_the_doubled_hour_wakes_once_through_the_autumn_night():
    """From 01:50 CEST to 03:10 CET in Berlin, ten minutes at a time; the change is at the first 02:30."""
    change = datetime(2027, 10, 31, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    assert change == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    night = datetime(2027, 10, 30, 23, 50, tzinfo=UTC)
    with time_machine.travel(night) as traveller:
        async with asyncio.timeout(30), Wakeups(look_every_s=0.02) as wakeups:
            woken = []
            for step in range(1, 15):
                now = night + step * timedelta(minutes=10)
                asyncio.get_running_loop().call_soon(traveller.move_to, now)
                due = change if not woken else change + timedelta(days=1)
                assert await wakeups.wait(due, NEVER_S) is not None  # the step itself is a reason to look
                if datetime.now(UTC) >= due:
                    woken.append(now)
            assert woken == [change]


async def test_nothing_is_left_running():
    async with asyncio.timeout(30), Wakeups() as wakeups:
        await wakeups.wait(datetime.now(UTC) + timedelta(hours=1), 0.01)
        timer = wakeups._timer
    assert not timer.running
    async with asyncio.timeout(30), wakeups:  # and it can be opened again
        await wakeups.wait(datetime.now(UTC), NEVER_S)
