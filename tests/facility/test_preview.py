from dataclasses import replace
from datetime import timedelta

import pytest
from desk_bench import OVERRIDE, RELEASE, SETPOINT, Bench
from manual_clock import NOON

from facility.commands import StalePlan
from facility.model import Held, Rejected
from facility.preview import Previews
from points.catalog import Catalog
from points.errors import DeviceSilent
from points.model import PointId, Safety


@pytest.fixture
async def bench(tmp_path):
    bench = Bench(tmp_path)
    yield await bench.start()
    bench.close()


@pytest.fixture
def previews(bench):
    return Previews(bench.desk, bench.clock)


async def test_a_preview_writes_nothing_and_can_be_committed_once(bench, previews):
    preview = await previews.preview(replace(OVERRIDE, value=18))
    assert (bench.device.writes, await bench.results()) == ([], [])
    assert (preview.command.value, preview.verdict.refused, preview.outranked_by) == (18.0, False, None)
    assert preview.beneath == (None, 20.0)
    assert preview.ends == NOON + timedelta(hours=2)
    assert isinstance(await previews.commit(preview.id), Held)
    with pytest.raises(StalePlan, match="committed already"):
        await previews.commit(preview.id)
    assert bench.device.writes == [(18.0, 8)]


async def test_it_shows_what_stands_above_and_beneath(bench, previews):
    bench.device.put(SETPOINT, 25.0, priority=5)
    bench.device.put(SETPOINT, 16.0, priority=15)
    preview = await previews.preview(OVERRIDE)
    assert (preview.outranked_by, preview.beneath) == (5, (5, 25.0))
    bench.device.put(SETPOINT, None, priority=5)
    preview = await previews.preview(OVERRIDE)
    assert (preview.outranked_by, preview.beneath) == (None, (15, 16.0))
    await previews.commit(preview.id)
    preview = await previews.preview(RELEASE)
    assert (preview.ends, preview.beneath) == (None, (15, 16.0))


async def test_slots_that_changed_make_it_stale(bench, previews):
    preview = await previews.preview(OVERRIDE)
    bench.device.put(SETPOINT, 16.0, priority=15)
    with pytest.raises(StalePlan, match="have changed"):
        await previews.commit(preview.id)
    assert bench.device.writes == []


async def test_a_minute_makes_it_stale(bench, previews):
    preview = await previews.preview(OVERRIDE)
    bench.clock.advance(seconds=60)
    with pytest.raises(StalePlan, match="more than a minute old"):
        await previews.commit(preview.id)
    first = await previews.preview(OVERRIDE)
    bench.clock.advance(seconds=60)
    await previews.preview(OVERRIDE)
    assert first.id not in previews._open


async def test_what_the_guard_refuses_is_shown_and_refused_again(bench, previews):
    preview = await previews.preview(replace(OVERRIDE, value=500.0))
    assert (preview.verdict.rule, preview.slots is None) == ("limits", False)
    assert isinstance(await previews.commit(preview.id), Rejected)


async def test_a_point_that_may_not_be_written_need_not_be_asked(bench, previews):
    bench.device.silent.add(SETPOINT.ref.device.instance)
    bench.book.replace(Catalog.of([], [replace(SETPOINT, safety=Safety.MEDICAL)]))
    preview = await previews.preview(OVERRIDE)
    assert (preview.verdict.rule, preview.slots, preview.beneath) == ("monitor-only", None, (None, None))
    preview = await previews.preview(replace(OVERRIDE, point=PointId("no/where")))
    assert preview.verdict.rule == "unknown-point"
    assert isinstance(await previews.commit(preview.id), Rejected)


async def test_a_device_that_cannot_be_asked_has_no_preview(bench, previews):
    bench.device.silent.add(SETPOINT.ref.device.instance)
    with pytest.raises(DeviceSilent):
        await previews.preview(OVERRIDE)
