"""Looking through the building: what is stored is what the network said, what is used is what the site says."""

import asyncio
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from manual_clock import ManualClock

from facility import shape as shape_module
from facility import survey as module
from facility.accelerated.timeline import AtOnce
from facility.catalog_rows import load_catalog
from facility.database import StateUnavailable, open_state
from facility.shape import shape_of
from facility.survey import Survey
from points.bacnet.port import IAm, Query
from points.catalog import Catalog, CatalogBook
from points.discovery import DiscoveryPlan, NotApprovable
from points.errors import BacnetUnavailable, DeviceRefused, DeviceSilent
from points.events import Events
from points.model import Access, DeviceId, DeviceRef, EventKind, Safety, SpaceId
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


PLAN = DiscoveryPlan(ranges=((0, 1000),), passes=1, who_is_per_minute=10**9)
FEW_AT_A_TIME = replace(PLAN, parallel=1, checkpoint_devices=1)


class Network:
    """One device, or several like it, behind a wire that may be cut."""

    def __init__(self):
        self.looks = 0
        self.trouble = None
        self.deaf = False
        self.there = [WHERE]
        self.objects = OBJECTS
        self.asked_for = []
        self.hangs_at = None  # a device that is waited for for ever
        self.questions = []  # Who-Is
        self.listeners = []

    def on_i_am(self, handler):
        self.listeners.append(handler)

    def announces(self, *refs):
        for ref in refs:
            for handler in self.listeners:
                handler(IAm(device=ref, max_apdu=1476, segmentation="no-segmentation", vendor_id=1))

    async def who_is(self, low, high, *, target=None, wait=1.0):
        del target, wait
        self.questions.append((low, high))
        self.looks += low == 0
        if self.trouble is not None:
            raise self.trouble
        there = [ref for ref in self.there if low <= ref.instance <= high and not self.deaf]
        return [IAm(device=ref, max_apdu=1476, segmentation="no-segmentation", vendor_id=1) for ref in there]

    async def read(self, device, wanted, *, urgent=False):
        (answer,) = await self.read_many(Query(device, (wanted,)))
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def read_many(self, query):
        if query.device == self.hangs_at:
            await asyncio.Event().wait()
        assert query.device in self.there
        return [self._answer(query.device, each) for each in query.wanted]

    def _answer(self, device, wanted):
        self.asked_for.append((device, wanted.object_type))
        instance = WHERE.instance if wanted.object_type == "device" else wanted.instance
        value = self.objects[wanted.object_type, instance].get(wanted.name)
        if wanted.name == "object-name" and wanted.object_type == "device" and device != WHERE:
            value = f"AHU-{device.instance}"
        if value is None:
            return DeviceRefused("no", "unknown-property")
        if wanted.index is None:
            return value
        return len(value) if wanted.index == 0 else value[wanted.index - 1]

    def changes(self, **properties):
        """The device is another one now, or is programmed otherwise."""
        device = {
            **self.objects["device", 100],
            **{name.replace("_", "-"): value for name, value in properties.items()},
        }
        self.objects = {**self.objects, ("device", 100): device}

    def objects_read_of(self, device):
        return [kind for ref, kind in self.asked_for if ref == device and kind != "device"]


class Bench:
    def __init__(self, db, network, clock):
        self.db, self.network, self.clock = db, network, clock
        self.told, self.changes = [], 0
        self.survey, self.book = None, None
        self.lost = []

    async def start(self, points=(), spaces=(), every=timedelta(hours=24), plan=PLAN):
        """As a new process finds it."""
        events, self.book = Events(), CatalogBook()
        events.tell = self.told.append
        self.survey = Survey(
            bacnet=self.network,
            plan=plan,
            book=self.book,
            db=self.db,
            shape=shape_of(points, spaces),
            events=events,
            clock=self.clock,
            every=every,
            changed=self._changed,
            lost=lambda: self.lost,
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
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
def bench(tmp_path):
    with open_state(tmp_path, AtOnce()) as db:  # no thread is waited for
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
        await until(lambda: bench.clock._sleepers)
        bench.clock.advance(seconds=module.EMPTY_AGAIN.total_seconds())
        await until(lambda: len(bench.points) == 2)


async def test_a_failure_is_told_and_tried_again(bench):
    bench.network.trouble = BacnetUnavailable("the wire is cut")
    survey = await bench.start()
    with running(survey) as task, pytest.raises(BacnetUnavailable):
        await asyncio.wait_for(task, 30)
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


def others(number):
    return [DeviceRef(network=0, address=f"10.0.1.{each}:47808", instance=200 + each) for each in range(number)]


async def stored(bench, devices):
    async with asyncio.timeout(30):
        while len((await load_catalog(bench.db)).devices) < devices:
            await asyncio.sleep(0)


@pytest.mark.parametrize("revision", [1, None])
async def test_a_look_that_was_killed_goes_on_where_it_was(bench, revision):
    bench.network.there = [WHERE, *others(4)]
    bench.network.changes(database_revision=revision)
    bench.network.hangs_at = bench.network.there[3]
    survey = await bench.start(plan=FEW_AT_A_TIME)
    looking = asyncio.create_task(survey.look())
    await stored(bench, 3)
    looking.cancel()
    await asyncio.wait({looking})
    bench.network.hangs_at, bench.network.asked_for = None, []
    survey = await bench.start(plan=FEW_AT_A_TIME)  # the next process
    with running(survey):
        await until(lambda: survey.state().finished)
    assert (survey.state().resumed, "resumed: 3 devices were read before" in survey.state().says) == (3, True)
    assert [bool(bench.network.objects_read_of(ref)) for ref in bench.network.there] == [False] * 3 + [True] * 2
    assert len(bench.points) == 10
    bench.network.asked_for = []
    await (await bench.start(plan=FEW_AT_A_TIME)).look()
    again = any(bench.network.objects_read_of(ref) for ref in bench.network.there)
    assert again is (revision is None)  # a finished look is the end of it: who says nothing is asked again


async def test_a_look_that_failed_in_this_process_goes_on_too(bench):
    bench.network.there = [WHERE, *others(1)]
    survey = await bench.start(plan=replace(FEW_AT_A_TIME, passes=9, ranges=((0, 150), (151, 1000))))
    who_is = bench.network.who_is

    async def fails_later(low, high, **how):
        if low > 150:
            await stored(bench, 1)
            raise BacnetUnavailable("the wire is cut")
        return await who_is(low, high, **how)

    bench.network.who_is = fails_later
    with pytest.raises(BacnetUnavailable):
        await survey.look()
    bench.network.who_is, bench.network.asked_for = who_is, []
    await survey.look()
    assert bench.network.objects_read_of(WHERE) == []
    assert len(bench.points) == 4


async def replaced(bench):
    """A device whose place another one has taken."""
    await (await bench.start()).look()
    bench.network.changes(serial_number="1")
    await bench.survey.look()
    bench.network.changes(serial_number="2")
    await bench.survey.look()


async def test_a_quarantine_is_taken_into_the_points_and_survives_a_restart(bench):
    await replaced(bench)
    for _ in range(2):
        assert "serial 2" in bench.book.current.devices["ahu-1"].quarantine
        assert all(point.quarantined for point in bench.points.values())
        assert {point.access for point in bench.points.values()} == {Access.MONITOR_ONLY}
        await bench.start()
    await bench.survey.look()
    assert bench.book.current.devices["ahu-1"].quarantine


async def test_an_approval_ends_the_quarantine_for_good(bench):
    await replaced(bench)
    changes = bench.changes
    await bench.survey.approve(DeviceId("ahu-1"))
    assert bench.changes == changes + 1
    for _ in range(2):
        assert not bench.book.current.devices["ahu-1"].quarantine
        assert not any(point.quarantined for point in bench.points.values())
        await bench.start()
    await bench.survey.look()
    assert not bench.book.current.devices["ahu-1"].quarantine


@asynccontextmanager
async def look_under_way(bench):
    """In here the look has begun to read; at the end it has finished."""
    read_many, reached, go = bench.network.read_many, asyncio.Event(), asyncio.Event()

    async def waits(query):
        reached.set()
        await go.wait()
        return await read_many(query)

    bench.network.read_many = waits
    looking = asyncio.create_task(bench.survey.look())
    await reached.wait()
    yield
    go.set()
    await looking
    bench.network.read_many = read_many


async def test_what_is_approved_during_a_look_is_approved_at_once_and_stays_so(bench):
    await replaced(bench)
    async with look_under_way(bench):
        await bench.survey.approve(DeviceId("ahu-1"))
        assert not bench.book.current.devices["ahu-1"].quarantine
    assert not bench.book.current.devices["ahu-1"].quarantine


async def test_an_approval_does_not_cover_what_the_look_under_way_brings_up(bench):
    await replaced(bench)
    bench.network.changes(serial_number="3")
    async with look_under_way(bench):
        await bench.survey.approve(DeviceId("ahu-1"))
    assert "serial 3" in bench.book.current.devices["ahu-1"].quarantine


async def test_nobody_approves_what_is_not_there(bench):
    survey = await bench.start()
    with pytest.raises(NotApprovable):
        await survey.approve(DeviceId("nobody"))


async def test_a_device_that_changed_is_looked_at_when_it_has_settled_and_no_other(bench):
    bench.network.there = [WHERE, *others(1)]
    await (await bench.start()).look()
    survey = await bench.start()
    looks, bench.network.asked_for = bench.network.looks, []
    listed = (*OBJECTS["device", 100]["object-list"], "analog-input,3")
    bench.network.changes(database_revision=2, object_list=listed)
    bench.network.objects["analog-input", 3] = {"object-name": "AHU-1.RAT", "units": "degrees-celsius"}
    with running(survey):
        await until(lambda: bench.clock._sleepers)
        survey.revised(DeviceId("ahu-1"))
        survey.revised(DeviceId("ahu-1"))
        for _ in range(50):
            await asyncio.sleep(0)
        assert bench.network.asked_for == []
        bench.clock.advance(seconds=module.SETTLED_AFTER.total_seconds())
        await until(lambda: "ahu-1/rat" in bench.points)
    assert bench.network.looks == looks
    assert {ref for ref, _ in bench.network.asked_for} == {WHERE}
    assert bench.told[-1].kind is EventKind.POINT_FOUND
    assert "ahu-1/rat" in (await load_catalog(bench.db)).points


async def changed_since(bench):
    """A device that says that it has changed, after a first look."""
    await (await bench.start()).look()
    survey = await bench.start(every=None)
    listed = (*OBJECTS["device", 100]["object-list"], "analog-input,3")
    bench.network.changes(database_revision=2, object_list=listed)
    bench.network.objects["analog-input", 3] = {"object-name": "AHU-1.RAT", "units": "degrees-celsius"}
    survey.revised(DeviceId("ahu-1"))
    return survey


async def test_a_device_that_changed_and_does_not_answer_is_looked_at_again_ever_more_rarely(bench):
    survey = await changed_since(bench)
    answers, asked = bench.network.read_many, []

    async def silent(_):
        asked.append(bench.clock.now())
        raise DeviceSilent("no answer")

    bench.network.read_many, changes = silent, bench.changes
    with running(survey):
        for _ in range(240):  # two hours
            bench.clock.advance(seconds=30)
            for _ in range(50):
                await asyncio.sleep(0)
        assert 10 <= len(set(asked)) <= 20
        assert bench.changes == changes  # nothing is new, so nobody is told
        bench.network.read_many = answers
        await until(lambda: bench.clock.advance(seconds=30) or "ahu-1/rat" in bench.points)


async def test_a_change_that_could_not_be_stored_is_looked_at_again(bench, monkeypatch):
    survey = await changed_since(bench)

    async def full(*_):
        raise StateUnavailable("the disk is full")

    with monkeypatch.context() as meanwhile, pytest.raises(StateUnavailable):
        meanwhile.setattr(module, "save_catalog", full)
        await survey.look_at_revised()
    with running(survey):
        await until(lambda: bench.clock.advance(seconds=30) or "ahu-1/rat" in bench.points)


async def test_a_changed_device_does_not_put_off_the_look_at_the_whole(bench):
    await (await bench.start()).look()
    survey = await bench.start(every=timedelta(minutes=1))
    looks, changes = bench.network.looks, bench.changes
    with running(survey):
        await until(lambda: bench.clock._sleepers)
        bench.clock.advance(seconds=20)
        survey.revised(DeviceId("ahu-1"))
        await until(lambda: len(bench.clock._sleepers) == 3)  # the look at the whole, the lookout, and this
        bench.clock.advance(seconds=30)
        await until(lambda: bench.changes > changes)
        bench.clock.advance(seconds=10)
        await until(lambda: bench.clock.advance() or bench.network.looks > looks)


async def test_how_far_a_look_is_can_be_seen(bench):
    bench.network.there = [WHERE, *others(2)]
    bench.network.hangs_at = WHERE
    survey = await bench.start()
    with running(survey):
        await until(lambda: survey.state().devices_described == 2 and survey.state().phase == "reading")
        state = survey.state()
        assert (state.phase, state.who_is, state.devices_found, state.devices_to_go) == ("reading", 2, 3, 1)
        assert state.says == "reading · 2 Who-Is · 3 devices · 1 to go · 4 points"


async def test_a_second_shaping_of_the_same_thinks_of_what_changed_only(bench, monkeypatch):
    bench.network.there = [WHERE, *others(3)]
    await (await bench.start()).look()
    seen = []

    def classified(point, device):
        seen.append(point.id)
        return point, None

    monkeypatch.setattr(shape_module, "classified", classified)
    raw = await load_catalog(bench.db)
    shape = shape_of((), ())
    shape(raw)
    assert len(seen) == 8
    seen.clear()
    device = replace(raw.devices["ahu-1"], quarantine="somebody has to look")
    shaped = shape(Catalog.of([*raw.devices.values(), device], raw.points.values()))
    assert sorted(seen) == sorted(point.id for point in raw.points_of(DeviceId("ahu-1")))
    assert {point.device for point in shaped.points.values() if point.quarantined} == {"ahu-1"}
