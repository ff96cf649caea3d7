import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import ELSEWHERE, FAN, OVERRIDE, RELEASE, SETPOINT, Bench, Crash
from manual_clock import NOON
from sqlalchemy import text

from facility.audit import INTERRUPTED
from facility.leases import ANNOUNCED_AGAIN, FIRST_PAUSE, LONGEST_NAP, LONGEST_PAUSE, LOOK_EVERY
from facility.model import Failed, Held, Rejected
from points.catalog import Catalog
from points.errors import DeviceRefused
from points.model import Event, EventKind, Priority, Safety

KEY = (SETPOINT.id, Priority.OPERATOR)
DEMAND = replace(OVERRIDE, by="policy:night", priority=Priority.SCHEDULE, value=16.0, lasts=timedelta(minutes=15))


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path)
    yield await bench.start()
    bench.close()


async def until(condition):
    """Lets everything else run until it is so."""
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


class Serving:
    def __init__(self, bench):
        self.bench = bench

    async def __aenter__(self):
        self.task = asyncio.create_task(self.bench.leases.run())

    async def __aexit__(self, *_):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.bench.desk.settle()


async def test_an_override_is_gone_when_its_time_is_up(bench):
    async with Serving(bench):
        await bench.desk.submit(OVERRIDE)
        bench.clock.advance(hours=1, minutes=59)
        await until(lambda: bench.clock._sleepers)
        assert bench.slot() == 18.0
        bench.clock.advance(minutes=1)
        await until(lambda: not bench.claims.standing())
    assert bench.slot() is None
    record, _ = await bench.audit.records()
    assert (record.by, record.action, record.result) == ("agent", "release", "released slot 8")
    assert record.reason == "the time of user:mchen is up: too warm"


async def test_after_a_restart_standing_claims_are_kept_and_expired_ones_released(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(DEMAND)
    bench.clock.advance(hours=1)
    writes = list(bench.device.writes)
    await bench.restart()
    assert (bench.slot(), bench.slot(priority=15)) == (18.0, None)
    assert [claim.key for claim in bench.claims.standing()] == [KEY]
    assert bench.device.writes == [*writes, (None, 15)]


async def test_until_a_point_is_compared_it_takes_no_commands(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.start()
    early = await bench.desk.submit(replace(OVERRIDE, value=20.0))
    assert isinstance(early, Failed)
    assert "has not been compared with its device since the agent started" in early.why
    assert isinstance(await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id)), Held)
    await bench.leases.reconcile()
    assert isinstance(await bench.desk.submit(replace(OVERRIDE, value=20.0)), Held)


async def test_a_silent_device_is_compared_when_it_is_back_and_holds_up_nobody(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, point=FAN.id, value=True))
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id))
    bench.clock.advance(hours=3)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    await bench.start()
    async with Serving(bench):
        await until(lambda: len(bench.claims.standing()) == 2)
        assert bench.slot(ELSEWHERE) is None
        bench.clock.advance(seconds=FIRST_PAUSE.total_seconds() * 1.3)
        await until(lambda: max(retry.tries for retry in bench.leases._retries.values()) == 2)
        bench.device.silent.clear()
        bench.clock.advance(seconds=LONGEST_PAUSE.total_seconds())
        await until(lambda: not bench.claims.standing())
    assert (bench.slot(), bench.slot(FAN)) == (None, None)


async def test_pauses_grow_to_their_limit(bench):
    for _ in range(40):
        bench.leases._later(KEY)
    pause = bench.leases._retries[KEY].at - bench.clock.now()
    assert LONGEST_PAUSE * 0.8 <= pause <= LONGEST_PAUSE * 1.2


async def test_a_foreign_value_is_left_alone_at_expiry_and_after_a_restart(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id, lasts=timedelta(hours=9)))
    bench.device.put(SETPOINT, 25.0)
    bench.device.put(ELSEWHERE, 26.0)
    bench.clock.advance(hours=3)
    await bench.restart()
    assert (bench.slot(), bench.slot(ELSEWHERE), bench.claims.standing()) == (25.0, 26.0, [])
    assert sum("is left alone" in told for told in bench.told) == 2


async def test_a_device_that_restarted_gets_standing_claims_again(bench):
    await bench.desk.submit(OVERRIDE)
    bench.clock.advance(hours=1)
    bench.device.reboot()
    await bench.restart()
    assert bench.slot() == 18.0
    (claim,) = bench.claims.standing()
    assert (claim.by, claim.until, claim.confirmed) == ("user:mchen", NOON + timedelta(hours=2), True)
    assert any("lost its slot 8" in told for told in bench.told)


async def test_a_device_that_restarted_gets_nothing_that_the_guard_refuses_now(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.reboot()
    bench.book.replace(Catalog.of([], [replace(SETPOINT, safety=Safety.LIFE_SAFETY)]))
    await bench.restart()
    assert (bench.slot(), bench.claims.standing()) == (None, [])
    assert (await bench.results())[1].startswith("refused (monitor-only)")


async def test_a_device_that_restarted_and_refuses_is_asked_again_later(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.reboot()
    bench.device.faults = [bench.device.refuse(DeviceRefused("not yet", "device-busy"))]
    await bench.restart()
    assert bench.slot() is None
    bench.clock.advance(seconds=10)
    assert await bench.desk.attend(KEY)
    assert bench.slot() == 18.0


async def test_what_was_let_go_of_while_nobody_looked_is_forgotten(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.reboot()
    bench.clock.advance(hours=3)
    writes = list(bench.device.writes)
    await bench.restart()
    assert (bench.claims.standing(), bench.device.writes) == ([], writes)


async def test_an_expired_claim_on_a_point_that_became_monitor_only_is_kept_and_told_once(bench):
    await bench.desk.submit(OVERRIDE)
    bench.clock.advance(hours=3)
    bench.book.replace(Catalog.of([], [replace(SETPOINT, safety=Safety.MEDICAL)]))
    for _ in range(3):
        await bench.restart()
        assert not await bench.desk.attend(KEY)
    assert bench.slot() == 18.0
    assert len([told for told in bench.told if "monitor-only" in told]) == 3  # once in each life
    bench.book.replace(Catalog.of([], [SETPOINT]))
    assert await bench.desk.attend(KEY)
    assert (bench.slot(), bench.claims.standing()) == (None, [])


async def test_a_claim_on_a_point_that_nobody_knows_waits(bench):
    await bench.desk.submit(OVERRIDE)
    bench.book.replace(Catalog.of([], []))
    await bench.restart()
    assert [claim.key for claim in bench.claims.standing()] == [KEY]
    assert isinstance(await bench.desk.submit(RELEASE), Rejected)
    bench.book.replace(Catalog.of([], [SETPOINT]))
    assert await bench.desk.attend(KEY)


async def test_nothing_to_attend_to_is_done(bench):
    assert await bench.desk.attend(KEY)


async def test_without_an_audit_nothing_is_released_until_it_is_back(bench):
    await bench.desk.submit(OVERRIDE)
    bench.clock.advance(hours=3)
    bench.db.run_now(lambda connection: connection.execute(text("ALTER TABLE audit RENAME TO gone")))
    async with Serving(bench):
        await until(lambda: bench.leases._retries)
        assert bench.slot() == 18.0
        bench.db.run_now(lambda connection: connection.execute(text("ALTER TABLE gone RENAME TO audit")))
        bench.clock.advance(seconds=FIRST_PAUSE.total_seconds() * 1.3)
        await until(lambda: not bench.claims.standing())
    assert bench.slot() is None


async def test_an_override_that_is_lost_at_the_device_is_noticed_while_we_run(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id))
    async with Serving(bench):
        await until(lambda: bench.clock._sleepers)
        bench.device.put(SETPOINT, None)  # somebody cleared the slot
        bench.device.put(ELSEWHERE, 25.0)  # and somebody took the other
        bench.clock.advance(seconds=LOOK_EVERY.total_seconds() - 1)
        await until(lambda: bench.clock._sleepers)
        assert bench.slot() is None
        bench.clock.advance(seconds=LONGEST_NAP.total_seconds())
        await until(lambda: bench.slot() == 18.0 and len(bench.claims.standing()) == 1)
    assert bench.slot(ELSEWHERE) == 25.0
    assert any("lost its slot 8" in told for told in bench.told)
    assert any("is left alone" in told for told in bench.told)


async def test_what_is_as_it_was_is_looked_at_now_and_then_and_written_nowhere(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(DEMAND)
    looks = []
    read_slots = bench.device.read_slots

    async def counted(ref):
        looks.append(bench.clock.now())
        return await read_slots(ref)

    bench.device.read_slots = counted
    writes, records = list(bench.device.writes), await bench.results()
    async with Serving(bench):
        for _ in range(28):  # until just before the policy's lease ends
            await until(lambda: bench.clock._sleepers)
            bench.clock.advance(seconds=LONGEST_NAP.total_seconds())
            await until(lambda: not bench.leases._visited)
    assert 2 <= len(looks) <= 3
    assert (bench.device.writes, await bench.results()) == (writes, records)


async def test_a_device_that_is_back_is_compared_at_once(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(DEMAND)
    async with Serving(bench):
        await until(lambda: bench.clock._sleepers)
        bench.device.reboot()
        for device in ("vav-9", "ahu-1"):
            bench.events.tell(Event(kind=EventKind.DEVICE_BACK, time=NOON, about=device, text="it answers again"))
        await until(lambda: (bench.slot(), bench.slot(priority=15)) == (18.0, 16.0))


async def test_a_device_that_announces_itself_is_compared_but_not_each_time(bench):
    await bench.desk.submit(OVERRIDE)
    async with Serving(bench):
        await until(lambda: bench.clock._sleepers)
        bench.device.reboot()
        bench.device.announce(ELSEWHERE)
        bench.device.announce(SETPOINT)  # the claim is a second old: that was not it
        assert not bench.leases._asked
        bench.clock.advance(seconds=ANNOUNCED_AGAIN.total_seconds())
        bench.device.announce(SETPOINT)
        await until(lambda: bench.slot() == 18.0)
        await until(lambda: not bench.leases._visited)
        bench.device.announce(SETPOINT)
        assert not bench.leases._asked


async def test_a_device_that_announces_itself_after_a_silence_is_not_kept_waiting(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    await bench.start()
    async with Serving(bench):
        await until(lambda: bench.leases._retries)
        bench.device.silent.clear()
        bench.clock.advance(seconds=ANNOUNCED_AGAIN.total_seconds() - 1)
        bench.leases._later(KEY)
        bench.clock.time += timedelta(seconds=1)
        bench.device.announce(SETPOINT)
        await until(lambda: not bench.desk.due(bench.clock.now()))


async def test_what_may_still_be_under_way_is_not_taken_for_lost(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.faults = [bench.device.then_silent]
    await bench.desk.submit(replace(OVERRIDE, value=22.0))
    bench.device.silent.clear()
    bench.device.reboot()
    assert not await bench.desk.attend(KEY)
    assert [claim.value for claim in bench.claims.standing()] == [22.0]
    bench.clock.advance(seconds=10)
    assert await bench.desk.attend(KEY)


async def test_a_fault_of_ours_at_one_point_ends_neither_the_service_nor_its_neighbours_turn(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, point=FAN.id, value=True))
    await bench.desk.submit(replace(OVERRIDE, point=ELSEWHERE.id))
    read_slots = bench.device.read_slots

    async def broken(ref):
        if ref == SETPOINT.ref:
            raise RuntimeError("a mistake")
        return await read_slots(ref)

    bench.device.read_slots = broken
    bench.device._check_record = lambda *_: None  # two devices at once: the newest intent is either's
    bench.clock.advance(hours=3)
    async with Serving(bench):
        await until(lambda: [claim.key for claim in bench.claims.standing()] == [KEY] == list(bench.leases._retries))
        bench.device.read_slots = read_slots
        bench.clock.advance(seconds=FIRST_PAUSE.total_seconds() * 1.3)
        await until(lambda: not bench.claims.standing())


async def test_a_clock_that_was_put_back_keeps_nobody_waiting(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.silent.add(SETPOINT.ref.device.instance)
    await bench.restart()
    assert bench.leases._errands() == {}
    bench.clock.time -= timedelta(hours=20)
    assert bench.leases._errands() == {"ahu-1": [KEY]}


# A process may be killed between any two steps. Every step of every story is tried in turn.


async def newcomer(bench):
    await bench.desk.submit(OVERRIDE)


async def replacement(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(replace(OVERRIDE, value=22.0))


async def release(bench):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(RELEASE)


async def expiry(bench):
    await bench.desk.submit(OVERRIDE)
    bench.clock.advance(hours=2)
    await bench.desk.attend(KEY)


async def reboot(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.reboot()
    await bench.desk.attend(KEY)


async def doubt(bench):
    await bench.desk.submit(OVERRIDE)
    bench.device.faults = [bench.device.then_silent]
    await bench.desk.submit(replace(OVERRIDE, value=22.0))
    bench.device.silent.clear()
    bench.clock.advance(seconds=10)
    await bench.desk.attend(KEY)


@pytest.mark.parametrize("story", [newcomer, replacement, release, expiry, reboot, doubt])
@pytest.mark.parametrize("afterwards", ["at once", "after expiry", "taken by another", "device restarted"])
async def test_a_process_killed_at_any_step_leaves_nothing_behind(tmp_path, story, afterwards):
    bench = Bench(tmp_path)
    for crash_at in range(1, 500):
        bench.device.arrays.clear()
        bench.device.writes.clear()
        await bench.start()
        bench.steps, bench.crash_at = 0, crash_at
        try:
            await story(bench)
            crashed = False
        except Crash:
            crashed = True
        bench.device.faults.clear()
        bench.device.silent.clear()
        foreign = None
        if afterwards == "taken by another":
            foreign = 77.0
            bench.device.put(SETPOINT, foreign)
        if afterwards == "device restarted":
            bench.device.reboot()
        if afterwards == "after expiry":
            bench.clock.advance(hours=3)
        standing = bench.slot()
        let_go = bench.device.writes[-1:] == [(None, 8)]
        await bench.restart()
        assert all(result != "" for result in await bench.results())
        if afterwards == "at once":
            assert bench.slot() in (standing, None, 18.0)
        if let_go:  # what was released is never held again by itself
            assert bench.slot() == foreign
        if bench.slot() is not None and foreign is None:  # whatever stands is ours, claimed, and ends
            assert bench.claims[KEY].value == bench.slot()
        bench.clock.advance(hours=25)
        for key in bench.desk.due(bench.clock.now()):
            assert await bench.desk.attend(key)
        assert bench.slot() == foreign
        assert bench.claims.standing() == []
        if not crashed:
            bench.close()
            assert crash_at > 8  # the story has that many steps at least: it was a sweep
            return
    pytest.fail("the story never ended")


async def test_an_interrupted_command_says_so_in_the_audit(bench):
    bench.crash_at = bench.steps + 7  # the write has been sent, and nothing came back
    with pytest.raises(Crash):
        await bench.desk.submit(OVERRIDE)
    assert bench.device.writes == [(18.0, 8)]
    await bench.restart()
    assert await bench.results() == [INTERRUPTED]
    assert (bench.slot(), bench.claims[KEY].confirmed) == (18.0, True)


def quarantine(bench, *, held=True):
    points = [replace(point, quarantined=held) for point in (SETPOINT, FAN)]
    bench.book.replace(Catalog.of([], [*points, ELSEWHERE]))


def approved(bench):
    quarantine(bench, held=False)
    bench.events.tell(Event(kind=EventKind.DEVICE_BACK, time=bench.clock.now(), about="ahu-1", text="approved"))


async def looked_in_vain(bench, minutes=12):
    """So much time passes while the service runs."""
    for _ in range(minutes * 2):
        await until(lambda: bench.clock._sleepers)
        bench.clock.advance(seconds=LONGEST_NAP.total_seconds())
        await until(lambda: not bench.leases._visited)


@pytest.mark.parametrize("found", [None, 25.0, 18.0])
async def test_at_a_device_in_quarantine_a_claim_stays_on_the_books_whatever_is_in_its_slot(bench, found):
    await bench.desk.submit(OVERRIDE)
    await bench.desk.submit(DEMAND)
    before, writes = bench.claims.standing(), list(bench.device.writes)
    quarantine(bench)
    bench.device.put(SETPOINT, found)
    bench.device.put(SETPOINT, found, priority=15)
    for restarted in (False, True):
        if restarted:
            await bench.start()
        async with Serving(bench):
            await looked_in_vain(bench)
        assert [(claim.key, claim.until) for claim in bench.claims.standing()] == [
            (claim.key, claim.until) for claim in before
        ]
    assert (bench.device.writes, bench.slot(), bench.slot(priority=15)) == (writes, found, found)
    refusal = await bench.desk.submit(RELEASE)
    assert isinstance(refusal, Rejected)
    assert "quarantine" in refusal.why


async def test_a_claim_that_ended_in_quarantine_is_let_go_of_when_the_device_is_approved(bench):
    await bench.desk.submit(OVERRIDE)
    quarantine(bench)
    async with Serving(bench):
        bench.clock.advance(hours=3)
        await until(lambda: bench.leases._retries)
        assert bench.slot() == 18.0
        approved(bench)
        await until(lambda: not bench.claims.standing())
    assert bench.slot() is None
    assert (await bench.results())[0] == "released slot 8"


async def test_a_claim_that_still_runs_is_written_again_to_the_new_device_when_it_is_approved(bench):
    await bench.desk.submit(OVERRIDE)
    quarantine(bench)
    bench.device.reboot()
    await bench.start()
    async with Serving(bench):
        await until(lambda: bench.leases._retries)
        assert bench.slot() is None
        approved(bench)
        await until(lambda: bench.slot() == 18.0)
    assert [claim.key for claim in bench.claims.standing()] == [KEY]


async def test_what_somebody_else_holds_in_the_approved_device_is_left_alone(bench):
    await bench.desk.submit(OVERRIDE)
    quarantine(bench)
    bench.device.put(SETPOINT, 25.0)
    async with Serving(bench):
        await looked_in_vain(bench)
        assert bench.claims.standing()
        approved(bench)
        await until(lambda: not bench.claims.standing())
    assert bench.slot() == 25.0


@pytest.mark.parametrize("kind", [EventKind.DEVICE_RESTARTED, EventKind.DEVICE_MOVED])
async def test_a_device_that_restarted_or_moved_is_compared_at_once(bench, kind):
    await bench.desk.submit(OVERRIDE)
    async with Serving(bench):
        await until(lambda: bench.clock._sleepers)
        bench.device.reboot()
        bench.events.tell(Event(kind=kind, time=NOON, about="ahu-1", text="it is another story now"))
        await until(lambda: bench.slot() == 18.0)


@pytest.mark.parametrize("how", ["restart", "i-am", "back", "end"])
async def test_nothing_is_written_to_a_device_that_is_not_the_one_that_was_claimed(bench, how):
    await bench.desk.submit(OVERRIDE)
    if how != "end":
        bench.device.reboot()  # the slots of the other device are empty
    bench.stranger = True
    writes = list(bench.device.writes)
    bench.clock.advance(hours=3 if how == "end" else 1)
    if how == "restart":
        await bench.restart()
    else:
        async with Serving(bench):
            await until(lambda: bench.clock._sleepers)
            if how == "i-am":
                bench.device.announce(SETPOINT)
            if how == "back":
                told = Event(kind=EventKind.DEVICE_BACK, time=bench.clock.now(), about=SETPOINT.device, text="")
                bench.events.tell(told)
            await until(lambda: bench.leases._retries)
    assert bench.device.writes == writes
    assert [claim.key for claim in bench.claims.standing()] == [KEY]
    bench.stranger = False  # it is the one that was known, after all
    bench.clock.advance(seconds=LONGEST_PAUSE.total_seconds())
    await bench.desk.attend(KEY)
    assert len(bench.device.writes) == len(writes) + 1
