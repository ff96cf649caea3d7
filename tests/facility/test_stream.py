"""The live stream of one screen: everything once, then what changes, and never something old."""

import asyncio
from dataclasses import replace

import pytest
from desk_bench import FAN, OVERRIDE, SETPOINT
from session_bench import CATALOG, DEVICES, MONITORED, WARM, SessionBench, alarm, reading

from facility import stream
from points.catalog import Catalog
from points.model import Priority

FULL = ["hello", "catalog", "values", "overview", "alarms"]


@pytest.fixture
async def bench(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "PACE_S", 0.0)
    monkeypatch.setattr(stream, "OVERVIEW_EVERY_S", 3600.0)
    bench = SessionBench(tmp_path)
    yield await bench.start()
    bench.close()


async def take(updates, number=1):
    async with asyncio.timeout(30):
        return [await anext(updates) for _ in range(number)]


async def quiet(updates, turns=30):
    """That nothing comes, however often it looks."""
    waiting = asyncio.ensure_future(anext(updates))
    for _ in range(turns):
        await asyncio.sleep(0)
    assert not waiting.done(), waiting.result()
    return waiting


async def test_everything_comes_in_full_first(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    await bench.stand(alarm())
    async with bench.as_().watch() as updates:
        first = await take(updates, 5)
    assert [update.kind for update in first] == FULL
    hello, catalog, values, _, alarms = first
    assert hello.hello.user == "mchen"
    assert [point.id for point in catalog.points] == list(CATALOG.points)
    assert [(value.id, value.value) for value in values.values] == [(SETPOINT.id, 20.0)]
    assert [shown.id for shown in alarms.alarms] == ["high-dp"]


async def test_a_building_of_which_nothing_is_known_is_told_as_such(bench):
    bench.book.replace(Catalog())
    async with bench.as_().watch() as updates:
        first = await take(updates, 5)
    assert [update.kind for update in first] == FULL
    assert (first[1].points, first[2].values, first[4].alarms) == ([], [], [])


async def test_afterwards_only_what_changed_is_sent(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    bench.store.put(reading(FAN, True))
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        waiting = await quiet(updates)
        bench.store.put(reading(FAN, False))
        async with asyncio.timeout(30):
            change = await waiting
    assert (change.kind, [(value.id, value.value) for value in change.values]) == ("values", [(FAN.id, False)])


async def test_a_slow_reader_gets_the_latest_and_only_that(bench):
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        for value in (1.0, 2.0, 3.0):
            bench.store.put(reading(SETPOINT, value))
        (change,) = await take(updates)
        assert [value.value for value in change.values] == [3.0]
        await quiet(updates)


async def test_after_a_new_catalog_the_values_come_complete_again(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    bench.store.put(reading(FAN, True))
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        bench.book.replace(Catalog.of(DEVICES, [WARM]))
        catalog, values = await take(updates, 2)
    assert [point.id for point in catalog.points] == [SETPOINT.id]
    assert [value.id for value in values.values] == [SETPOINT.id]  # and none that the screen does not know


async def test_a_reading_that_comes_while_a_catalog_is_sent_is_not_lost(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        bench.book.replace(Catalog.of(DEVICES, [WARM, FAN]))
        assert [update.kind for update in await take(updates)] == ["catalog"]
        bench.store.put(reading(SETPOINT, 21.0))
        bench.store.put(reading(FAN, True))
        complete, later = await take(updates, 2)
        shown = {value.id: value.value for update in (complete, later) for value in update.values}
        assert shown == {SETPOINT.id: 21.0, FAN.id: True}
        await quiet(updates)


async def test_readings_of_a_point_not_in_the_catalog_come_with_the_catalog_that_knows_it(bench):
    bench.book.replace(Catalog.of(DEVICES, [WARM]))
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        bench.store.put(reading(FAN, True))
        (unknown,) = await take(updates)
        assert unknown.values == []
        bench.book.replace(CATALOG)
        _, values = await take(updates, 2)
    assert [value.id for value in values.values] == [FAN.id]


async def test_an_alarm_sends_the_row_of_its_point_again_when_it_comes_and_when_it_goes(bench):
    bench.store.put(reading(MONITORED, 1.0))
    bench.store.put(reading(SETPOINT, 20.0))
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        await bench.stand(alarm())
        values, alarms = await take(updates, 2)
        assert [(value.id, value.tag) for value in values.values] == [(MONITORED.id, "!!")]
        assert [shown.state for shown in alarms.alarms] == ["NEW"]
        bench.alarms._enter(replace(bench.alarms.named("high-dp"), ended=bench.clock.now()), "ended")
        values, alarms = await take(updates, 2)
        assert [(value.id, value.tag) for value in values.values] == [(MONITORED.id, "")]
        assert [shown.state for shown in alarms.alarms] == ["rtn"]


async def test_a_hold_sends_the_row_of_its_point_again_when_it_comes_and_when_it_goes(bench):
    bench.store.put(reading(SETPOINT, 20.0))
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        await bench.desk.submit(OVERRIDE)
        (values,) = await take(updates)
        assert [(value.id, value.held) for value in values.values] == [(SETPOINT.id, "8 mchen")]
        await bench.claims.drop((SETPOINT.id, Priority.OPERATOR))  # no reading comes of it, but one of another point
        bench.store.put(reading(FAN, True))
        (values,) = await take(updates)
        assert {value.id: value.held for value in values.values} == {SETPOINT.id: "", FAN.id: ""}
        await quiet(updates)


async def test_an_alarm_at_a_point_that_was_never_read_sends_no_row(bench):
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        await bench.stand(alarm())
        assert [update.kind for update in await take(updates)] == ["alarms"]


async def test_the_overview_comes_again_at_its_own_pace(bench, monkeypatch):
    monkeypatch.setattr(stream, "OVERVIEW_EVERY_S", 0.0)
    async with bench.as_().watch() as updates:
        await take(updates, 5)
        assert [update.kind for update in await take(updates, 3)] == ["overview"] * 3


async def test_leaving_ends_it(bench):
    async with bench.as_().watch() as updates:
        await take(updates, 2)
        assert len(bench.store._watches) == 1
    assert bench.store._watches == set()
    await updates.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(updates)


async def test_a_large_catalog_and_its_values_come_in_parts(bench, monkeypatch):
    monkeypatch.setattr(stream, "AT_ONCE", 3)
    for point in CATALOG.points.values():
        bench.store.put(reading(point, 20.0))
    async with bench.as_().watch() as updates:
        parts = await take(updates, 5)
    assert [(update.kind, len(update.points or update.values or ()), update.more) for update in parts] == [
        ("hello", 0, False),
        ("catalog", 3, True),
        ("catalog", len(CATALOG.points) - 3, False),
        ("values", 3, False),
        ("values", len(CATALOG.points) - 3, False),
    ]
