"""Special events, from the person to what policies demand: who may, what is recorded, what outlives a restart."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from session_bench import CATALOG, CONFIG, SessionBench

from facility.config.model import Config
from facility.database import StateUnavailable
from facility.hands import PolicyHands
from facility.port import FacilityError
from facility.special_events import MOST, load
from points.catalog import Catalog
from schedules.decider import Decider
from schedules.planner import Planner
from schedules.policy import View

CHICAGO = ZoneInfo("America/Chicago")
REASON = "a long list tonight"
HOUR = timedelta(hours=1)


@pytest.fixture
async def bench(tmp_path):
    bench = await SessionBench(tmp_path).start()
    yield bench
    bench.close()


@pytest.fixture
def now(bench):
    return bench.clock.now()


def decided(bench, decider):
    """What the policies of the strategy demand now, and who was asked for it."""
    decider.adopt(bench.strategy.policies)
    view = View(now=bench.clock.now(), zone=CHICAGO, catalog=CATALOG, readings={})
    asked = decider.decide(view).asked
    return [demand.value for demand in decider.wanted.values()], [each.policy for each in asked]


async def test_it_counts_at_once_until_its_end_and_only_for_who_follows_the_programme(bench, now):
    other = {"kind": "weekly", "name": "other", "programme": "lab", "points": "vav-9/sp", "values": {"open": 19.0}}
    lab = {"name": "lab", "default": "open"}
    config = CONFIG | {"programmes": [*CONFIG["programmes"], lab], "policies": [*CONFIG["policies"], other]}
    bench.strategy.take(Config(**config), now.date())
    decider = Decider(now)
    assert decided(bench, decider) == ([19.0], ["office-heating", "other"])  # a Sunday: the office is closed
    event = await bench.as_().announce_event("office", "occupied", now + 3 * HOUR, REASON)
    assert (event.begin, event.end, event.by, event.is_on) == (now, now + 3 * HOUR, "mchen", True)
    assert bench.rung == [now]
    assert decided(bench, decider) == ([19.0, 21.0], ["office-heating"])
    (reason,) = (demand.reason for demand in decider.wanted.values() if demand.policy == "office-heating")
    assert reason == f"office is occupied (special event {event.id} of mchen)"
    assert decider.next_change == now + 3 * HOUR
    bench.clock.advance(seconds=3 * 3600)
    assert decided(bench, decider) == ([19.0], ["office-heating"])
    assert await bench.as_().special_events() == []


async def test_withdrawn_it_is_as_if_it_had_never_been(bench, now):
    decider = Decider(now)
    event = await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    assert decided(bench, decider)[0] == [21.0]
    before = bench.strategy.programmes
    withdrawn = await bench.as_(user="rdiaz").withdraw_event(event.id, "the list is done")
    assert withdrawn.id == event.id
    assert (decided(bench, decider)[0], len(bench.rung)) == ([], 2)
    assert await bench.as_().special_events() == []
    assert before["office"].events
    assert not bench.strategy.programmes["office"].events


async def test_one_that_begins_later_is_listed_and_waits(bench, now):
    decider = Decider(now)
    event = await bench.as_().announce_event("office", "occupied", now + 3 * HOUR, REASON, now + HOUR)
    assert (event.begin, event.is_on) == (now + HOUR, False)
    assert decided(bench, decider)[0] == []
    assert decider.next_change == now + HOUR
    bench.clock.advance(seconds=3600)
    assert decided(bench, decider)[0] == [21.0]
    assert [each.is_on for each in await bench.as_().special_events()] == [True]


async def test_the_week_shows_it(bench, now):
    event = await bench.as_().announce_event("office", "occupied", now + 5 * HOUR, REASON)
    (office,) = await bench.as_().schedules()
    assert (office.now_state, office.next_change, office.next_state) == ("occupied", now + 5 * HOUR, "unoccupied")
    local = now.astimezone(CHICAGO)
    minute = local.hour * 60 + local.minute
    assert [(block.start, block.end, block.state) for block in office.days[0].blocks] == [
        (0, minute, "unoccupied"),
        (minute, minute + 300, "occupied"),
        (minute + 300, 1440, "unoccupied"),
    ]
    assert office.days[0].note == f"today, special event {event.id} of mchen"
    assert office.days[1].note == ""


async def test_it_outlives_a_restart_and_what_is_over_does_not(bench, now):
    first = await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    second = await bench.as_().announce_event("office", "occupied", now + 3 * HOUR, REASON, now + 2 * HOUR)
    bench.strategy.announce({})  # as a new process finds it
    bench.clock.advance(seconds=2 * 3600)
    kept = await load(bench.db)
    assert [each.id for each in kept] == [first.id, second.id]
    again = bench.special_events(kept)
    assert [info.id for info in again.infos()] == [second.id]
    assert [event.state for event in bench.strategy.programmes["office"].events] == ["occupied"]
    assert decided(bench, Decider(now))[0] == [21.0]


async def test_a_new_configuration_keeps_the_events_of_programmes_that_stay(bench, now):
    await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    bench.strategy.take(Config(**CONFIG), now.date())
    assert [event.state for event in bench.strategy.programmes["office"].events] == ["occupied"]
    bench.strategy.take(Config(**CONFIG | {"programmes": [], "policies": []}), now.date())
    assert await bench.as_().special_events() == []
    bench.strategy.take(Config(**CONFIG), now.date())
    assert len(await bench.as_().special_events()) == 1


class OnlyRung:
    """Wake-ups that come from nothing but a ring."""

    def __init__(self):
        self.waits = 0
        self._rung = asyncio.Event()
        self.ring = self._rung.set

    async def wait(self, _until, _at_most_s):
        self.waits += 1
        await self._rung.wait()
        self._rung.clear()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


async def test_a_planner_that_waits_is_woken_and_the_building_follows_at_once(bench, now):
    wakeups = OnlyRung()
    bench.parts = replace(bench.parts, special_events=bench.special_events(wake=wakeups.ring))
    planner = Planner(
        policies=lambda: bench.strategy.policies,
        view=lambda: View(now=bench.clock.now(), zone=CHICAGO, catalog=CATALOG, readings={}),
        store=bench.store,
        hands=PolicyHands(bench.desk, bench.clock),
        clock=bench.clock,
        tell=bench.events.tell,
        wakeups=wakeups,
    )
    running = asyncio.create_task(planner.run())
    try:
        async with asyncio.timeout(30):
            while not wakeups.waits:
                bench.clock.advance(seconds=0.1)  # it rests after a round
                await asyncio.sleep(0.001)
            assert bench.device.writes == []
            await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
            while not bench.device.writes:
                bench.clock.advance(seconds=0.1)  # it rests after a round
                await asyncio.sleep(0.001)
        assert bench.device.writes == [(21.0, 15)]
    finally:
        running.cancel()
        await asyncio.wait({running})


# --- the record ------------------------------------------------------------------------------------------------------


async def test_who_wanted_it_and_why_is_on_record(bench, now):
    event = await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    await bench.as_(user="rdiaz").withdraw_event(event.id, "the list is done")
    told = await bench.audit.records("programme office", 10)
    assert [(each.by, each.action, each.reason, each.result) for each in reversed(told)] == [
        ("user:mchen", "announce event", REASON, "in force"),
        ("user:rdiaz", "withdraw event", "the list is done", "in force"),
    ]
    assert told[1].value.startswith('"occupied from 2026-')
    assert f"({event.id})" in told[1].value


async def test_what_cannot_be_stored_does_not_count_and_is_told(bench, now, monkeypatch):
    kept = bench.db.run

    async def full(work):
        if "_keep" in work.__qualname__:
            raise StateUnavailable("the disk is full")
        return await kept(work)

    monkeypatch.setattr(bench.db, "run", full)
    with pytest.raises(FacilityError, match=r"the disk is full\. Nothing was changed\."):
        await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    assert (bench.rung, await bench.as_().special_events(), decided(bench, Decider(now))[0]) == ([], [], [])
    (told,) = await bench.audit.records("programme office", 10)
    assert told.result == "failed: the disk is full"


async def test_without_a_record_there_is_no_event(bench, now, monkeypatch):
    async def broken(_work):
        raise StateUnavailable("the audit is locked")

    monkeypatch.setattr(bench.audit, "_run", broken, raising=True)
    monkeypatch.setattr(bench.audit, "_write", broken, raising=True)
    with pytest.raises(FacilityError, match="Nothing was changed"):
        await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    assert await load(bench.db) == []


# --- who may, and what cannot be -------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["viewer", "auditor", "service"])
async def test_only_who_may_command_may_announce(bench, now, role):
    with pytest.raises(FacilityError) as error:
        await bench.as_(role).announce_event("office", "occupied", now + HOUR, REASON)
    assert error.value.kind == "not-allowed"


async def test_whose_spaces_do_not_hold_all_that_moves_may_not(bench, now):
    event = await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    confined = bench.as_(spaces=["or-3"])
    for asked in (
        confined.announce_event("office", "occupied", now + HOUR, REASON),
        confined.withdraw_event(event.id, "not mine"),
    ):
        with pytest.raises(FacilityError, match="You may command points in or-3 only; ahu-1/sp is in") as error:
            await asked
        assert error.value.kind == "not-allowed"
    bench.book.replace(Catalog())  # nothing moves: it concerns the whole building
    with pytest.raises(FacilityError, match="this concerns the whole building"):
        await confined.withdraw_event(event.id, "not mine")


async def test_what_cannot_be_is_told_and_changes_nothing(bench, now):
    operator, engineer = bench.as_(), bench.as_("engineer")
    naive = datetime(2026, 11, 24, 23)  # noqa: DTZ001 - that is the mistake
    for person, given, says in [
        (operator, ("offce", "occupied", now + HOUR, REASON), "There is no programme 'offce'; known: office"),
        (operator, ("office", "busy", now + HOUR, REASON), "is never 'busy'; it knows occupied, unoccupied"),
        (operator, ("office", "occupied", now, REASON), "over before it begins"),
        (operator, ("office", "occupied", now + HOUR, REASON, now + HOUR), "over before it begins"),
        (operator, ("office", "occupied", now + 25 * HOUR, REASON), "lasts 24 hours at most"),
        (engineer, ("office", "occupied", now + timedelta(days=31), REASON), "lasts 720 hours at most"),
        (operator, ("office", "occupied", now + timedelta(days=400), REASON, now + timedelta(days=399.5)), "366 days"),
        (operator, ("office", "occupied", now + HOUR, " x "), "needs a reason of 4 to 200"),
        (operator, ("office", "occupied", now + HOUR, "x" * 201), "needs a reason of 4 to 200"),
        (operator, ("office", "occupied", naive, REASON), "whole minutes with their offset"),
        (operator, ("office", "occupied", now + timedelta(seconds=90), REASON), "whole minutes"),
    ]:
        with pytest.raises(FacilityError, match=says):
            await person.announce_event(*given)
    for event, reason, says in [("1a2b", REASON, "There is no event '1a2b'"), ("1a2b", "", "needs a reason")]:
        with pytest.raises(FacilityError, match=says):
            await operator.withdraw_event(event, reason)
    assert (await operator.special_events(), bench.rung) == ([], [])


async def test_an_engineer_may_have_it_longer_and_a_begin_in_the_past_is_now(bench, now):
    event = await bench.as_("engineer").announce_event(
        "office", "occupied", now + timedelta(days=3), REASON, now - HOUR
    )
    assert event.begin == now.replace(second=0, microsecond=0)


async def test_there_is_a_most(bench, now):
    for _ in range(MOST):
        await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    with pytest.raises(FacilityError, match=f"{MOST} events are announced already"):
        await bench.as_().announce_event("office", "occupied", now + HOUR, REASON)
    assert len({each.id for each in await bench.as_().special_events()}) == MOST
