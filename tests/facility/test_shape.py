"""What is remembered of the shaping of a large site: enough to think anew only of what changed, and no more."""

import asyncio
import gc
import sys
import threading
from dataclasses import replace

import pytest
from manual_clock import ManualClock
from test_survey import Bench, Network

from facility.database import open_state
from facility.shape import shape_of
from points.catalog import Catalog
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Ref

AHU = Device(id=DeviceId("ahu-1"), ref=DeviceRef(network=0, address="10.0.0.1:47808", instance=1), name="AHU-1")
ROOMS = 4


@pytest.fixture
def bench(tmp_path):
    with open_state(tmp_path) as db:
        yield Bench(db, Network(), ManualClock())


def told(device=AHU):
    """As one look reads it: of every look its own objects."""
    points = [
        Point(
            id=PointId(f"ahu-1/p-{number}"),
            device=device.id,
            ref=Ref(device=device.ref, object_type="analog-input", instance=number),
            name=f"OR-{number % ROOMS}.ZN-T{number}",
            kind=Kind.ANALOG,
        )
        for number in range(20)
    ]
    return Catalog.of([replace(device)], points)


def test_what_a_former_look_read_is_let_go():
    shape = shape_of((), ())
    first = told()
    shape(first)
    read = [*first.points.values(), *first.devices.values()]
    del first
    latest = told()
    shaped = shape(latest)
    gc.collect()
    assert [sys.getrefcount(each) for each in read] == [3] * len(read)  # the list, the loop and the call
    assert shape(latest) == shaped


def test_what_is_thought_stays_the_same_object_while_nothing_changes():
    shape = shape_of((), ())
    before, after = shape(told()), shape(told())
    assert all(after.points[id_] is point for id_, point in before.points.items())


def test_a_point_that_is_gone_is_forgotten():
    shape = shape_of((), ())
    (gone, *_) = shape(told()).points.values()
    shape(Catalog())
    assert sys.getrefcount(gone) == 2


async def test_the_first_shaping_of_a_large_site_holds_nobody_up(bench):
    await (await bench.start()).look()
    others_go_on, loop = threading.Event(), asyncio.get_running_loop()

    def shape(raw):
        loop.call_soon_threadsafe(others_go_on.set)
        assert others_go_on.wait(30), "nothing else could run"
        return raw

    survey = await bench.start()
    survey._shape = shape
    await survey.restore()
    assert len(bench.points) == 2
