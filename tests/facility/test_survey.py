"""Looking through the building: what is stored is what the network said, what is used is what the site says."""

import asyncio
from contextlib import contextmanager
from datetime import timedelta

import pytest
from desk_bench import ManualClock

from facility import survey as module
from facility.catalog_rows import load_catalog
from facility.database import open_state
from facility.survey import Survey, shape_of
from points.bacnet.port import IAm, Query
from points.catalog import CatalogBook
from points.discovery import DiscoveryPlan
from points.errors import BacnetUnavailable, DeviceRefused
from points.events import Events
from points.model import DeviceRef, EventKind, Safety, SpaceId
from points.site_rules import PointRule, SpaceRule

WHERE = DeviceRef(network=0, address="10.0.0.1:47808", instance=100)
OBJECTS = {
    ("device", 100): {
        "object-name": "AHU-1",
        "vendor-name": "Acme",
        "model-name": "X1",
        "firmware-revision": "1",
        "database-revision": 1,
        "object-list": ("device,100", "analog-input,1", "analog-input,2"),
        "protocol-services-supported": (True,) * 40,
    },
    ("analog-input", 1): {"object-name": "AHU-1.SAT", "units": "degrees-celsius", "present-value": 18.0},
    ("analog-input", 2): {"object-name": "AHU-1.XQZ", "units": "percent", "present-value": 50.0},
}


class Network:
    """One device behind a wire that may be cut."""

    def __init__(self):
        self.looks = 0
        self.trouble = None
        self.deaf = False

    async def who_is(self, low, high, *, target=None, wait=1.0):
        del target, wait
        self.looks += low == 0
        if self.trouble is not None:
            raise self.trouble
        there = low <= WHERE.instance <= high and not self.deaf
        return [IAm(device=WHERE, max_apdu=1476, segmentation="no-segmentation", vendor_id=1)] if there else []

    async def read(self, device, wanted):
        (answer,) = await self.read_many(Query(device, (wanted,)))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def read_many(self, query):
        assert query.device == WHERE
        return [self._answer(each) for each in query.wanted]

    def _answer(self, wanted):
        value = OBJECTS[wanted.object_type, wanted.instance].get(wanted.name)
        if value is None:
            return DeviceRefused("no", "unknown-property")
        if wanted.index is None:
            return value
        return len(value) if wanted.index == 0 else value[wanted.index - 1]


class Bench:
    def __init__(self, db, network, clock):
        self.db, self.network, self.clock = db, network, clock
        self.told, self.changes = [], 0
        self.survey, self.book = None, None

    async def start(self, points=(), spaces=(), every=timedelta(hours=24)):
        """As a new process finds it."""
        events, self.book = Events(), CatalogBook()
        events.tell = self.told.append
        self.survey = Survey(
            bacnet=self.network,
            plan=DiscoveryPlan(ranges=((0, 1000),), wait=0.0, passes=1),
            book=self.book,
            db=self.db,
            shape=shape_of(points, spaces),
            events=events,
            clock=self.clock,
            every=every,
            changed=self._changed,
        )
        await self.survey.restore()
        return self.survey

    def _changed(self):
        self.changes += 1

    @property
    def points(self):
        return self.book.current.points


@contextmanager
def running(survey):
    task = asyncio.create_task(survey.run())
    try:
        yield task
    finally:
        task.cancel()


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
def bench(tmp_path):
    with open_state(tmp_path) as db:
        yield Bench(db, Network(), ManualClock())


async def test_the_first_start_looks_and_tells_what_it_found(bench):
    survey = await bench.start()
    with running(survey):
        await until(lambda: survey.state().finished)
    state = survey.state()
    assert (state.running, state.error, state.now, state.devices_found, state.points) == (False, "", "", 1, 2)
    assert any("AHU-1" in news for news in state.news)
    assert sorted(bench.points) == ["ahu-1/sat", "ahu-1/xqz"]
    assert [event.kind for event in bench.told] == [EventKind.DEVICE_FOUND, EventKind.SYSTEM]
    assert (bench.told[-1].text, bench.changes) == ("1 devices, 2 points", 1)


async def test_a_stored_catalog_needs_no_look(bench):
    await (await bench.start()).look()
    bench.network.trouble = BacnetUnavailable("the wire is cut")
    survey = await bench.start()
    assert sorted(bench.points) == ["ahu-1/sat", "ahu-1/xqz"]
    before = bench.network.looks
    with running(survey):
        for _ in range(50):
            await asyncio.sleep(0)
    assert (bench.network.looks, survey.state().finished) == (before, None)


async def test_it_looks_again_when_asked_and_once_in_a_while(bench):
    await (await bench.start()).look()
    survey = await bench.start(every=timedelta(hours=24))
    with running(survey):
        await until(lambda: bench.clock._sleepers)
        bench.clock.advance(hours=24)
        await until(lambda: bench.network.looks == 2)
        await until(lambda: not survey.state().running)
        assert survey.ask().running
        await until(lambda: bench.network.looks == 3)


async def test_asked_twice_it_looks_once(bench):
    await (await bench.start()).look()
    survey = await bench.start(every=None)
    with running(survey):
        first, second = survey.ask(), survey.ask()
        assert first == second
        await until(lambda: not survey.state().running)
        for _ in range(50):
            await asyncio.sleep(0)
    assert bench.network.looks == 2


async def test_a_building_that_is_not_there_yet_is_looked_for_again_soon(bench):
    bench.network.deaf = True
    survey = await bench.start(every=None)
    with running(survey):
        await until(lambda: survey.state().finished)
        assert (bench.network.looks, survey.state().error, dict(bench.points)) == (1, "", {})
        bench.network.deaf = False
        for _ in range(10):  # until it waits again
            await asyncio.sleep(0)
        bench.clock.advance(seconds=module.EMPTY_AGAIN.total_seconds())
        await until(lambda: len(bench.points) == 2)


async def test_a_failure_is_told_and_tried_again(bench):
    bench.network.trouble = BacnetUnavailable("the wire is cut")
    survey = await bench.start()
    with running(survey) as task, pytest.raises(BacnetUnavailable):
        await asyncio.wait_for(task, 5)
    state = survey.state()
    assert (state.running, state.error, state.finished) == (False, "the wire is cut", bench.clock.now())
    bench.network.trouble = None
    with running(survey):  # the supervisor runs it again
        await until(lambda: len(bench.points) == 2)
        await until(lambda: not survey.state().running)
    assert survey.state().error == ""


async def test_a_failure_keeps_the_catalog_and_is_tried_again_although_one_is_known(bench):
    await (await bench.start()).look()
    survey = await bench.start()
    bench.network.trouble = BacnetUnavailable("")
    with pytest.raises(BacnetUnavailable):
        await survey.look()
    assert (survey.state().error, len(bench.points)) == ("BacnetUnavailable", 2)
    bench.network.trouble = None
    before = bench.network.looks
    with running(survey):
        await until(lambda: bench.network.looks > before)


async def test_a_look_that_is_cancelled_is_not_shown_as_running(bench):
    survey = await bench.start()

    begun = asyncio.Event()

    async def hangs(*_, **__):
        begun.set()
        await asyncio.Event().wait()

    bench.network.who_is = hangs
    with running(survey) as task:
        await until(begun.is_set)
        assert survey.state().running
        task.cancel()
        await asyncio.wait({task})
    assert not survey.state().running


async def test_what_is_used_is_shaped_and_what_is_stored_is_raw(bench):
    rules = [PointRule(match="*/xqz", point_class="damper", safety=Safety.COMFORT, access="monitor-only")]
    spaces = [SpaceRule(id="or-3", name="OR-3", type="operating_room", match=("*/sat",))]
    await (await bench.start(rules, spaces)).look()
    used = bench.points
    assert (used["ahu-1/xqz"].point_class, used["ahu-1/xqz"].locked) == ("damper", True)
    assert used["ahu-1/sat"].space == "or-3"
    assert bench.book.current.spaces[SpaceId("or-3")].type == "operating_room"
    stored = await load_catalog(bench.db)
    assert {point.point_class for point in stored.points.values()} == {"unknown"}
    assert (stored.points["ahu-1/sat"].space, "or-3" in stored.spaces) == (None, False)


async def test_a_rule_that_was_removed_leaves_no_trace(bench):
    await (await bench.start()).look()
    without = bench.book.current
    await bench.start(
        [PointRule(match="*/xqz", point_class="damper", access="monitor-only")],
        [SpaceRule(id="or-3", name="OR-3", type="operating_room", match=("*",))],
    )
    assert bench.book.current != without
    await bench.survey.look()
    await bench.start()
    assert bench.book.current == without
