"""What policies remember: kept before anything is done, forgotten with the policy, and never in the way of control."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from pretend_office import HEAT, NOON, SENSOR, view
from pretend_stage import Stage, running

from points.model import Priority
from schedules.decider import Decider
from schedules.planner import Planner
from schedules.policy import Decision, Demand, Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Memory):
    count: int


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Remembers how often it was asked."""

    kind: ClassVar[str] = "counts"
    remembers: ClassVar[type[Memory] | None] = Count
    name: str = "one"
    every: timedelta | None = timedelta(minutes=1)
    priority: Priority = Priority.SCHEDULE

    def bind(self, _catalog):
        def decide(looked, memory):
            count = 1 if memory is None else memory.count + 1
            on = bool(looked[SENSOR.id] and looked[SENSOR.id].value)
            want = Demand(point=HEAT.id, value=float(on), priority=self.priority, policy=self.name, reason="as told")
            return Decision(demands=(want,), until=self.every and looked.now + self.every, memory=Count(count=count))

        return decide


class CountsOtherwise(Counts):
    kind: ClassVar[str] = "counts-otherwise"


class Forgets(Counts):
    kind: ClassVar[str] = "forgets"
    remembers: ClassVar[type[Memory] | None] = None

    def bind(self, _catalog):
        return lambda _looked, _memory: Decision()


class Disk:
    """Keeps, or refuses to."""

    def __init__(self, stage=None):
        self.stage = stage
        self.kept, self.calls, self.refuses, self.during = {}, 0, None, None

    def load(self):
        return {}

    def carried(self):
        return None

    async def keep(self, memories):
        self.calls += 1
        if self.refuses is not None:
            raise self.refuses
        if self.during is not None:
            during, self.during = self.during, None
            await during()
        self.kept |= memories

    async def carry(self, _carried):
        if self.refuses is not None:
            raise self.refuses


def staged(policies, **how):
    stage = Stage(NOON, policies)
    stage.disk = Disk()
    stage.planner = Planner(
        policies=lambda: stage.policies, view=stage.view, store=stage.store, hands=stage.hands, clock=stage.time,
        tell=stage.told.append, wakeups=stage.time, remembering=stage.disk, **how,
    )  # fmt: skip
    return stage


async def test_a_disk_that_refuses_is_told_once_and_ends_nothing():
    stage = staged([Counts()])
    stage.disk.refuses = OSError("disk full")
    async with running(stage):
        assert stage.hands.values() == {(HEAT.id, Priority.SCHEDULE): 0.0}
        stage.read(SENSOR, value=True)
        await stage.time.until(NOON + timedelta(minutes=5))
        assert stage.hands.values() == {(HEAT.id, Priority.SCHEDULE): 1.0}
        assert [event.text for event in stage.told] == [
            "What policies remember cannot be kept (disk full); a restart would forget it"
        ]
        stage.disk.refuses = None
        await stage.time.until(NOON + timedelta(minutes=7))
        assert stage.disk.kept["one"].count >= 6
        assert stage.told[-1].text == "What policies remember is kept again"


async def test_a_record_that_raises_ends_nothing():
    def record(*_):
        raise ZeroDivisionError("a mistake of the recorder")

    async with running(staged([Counts()], record=record)) as stage:
        await stage.time.until(NOON + timedelta(minutes=3))
        assert stage.hands.values() == {(HEAT.id, Priority.SCHEDULE): 0.0}


async def test_what_changes_while_a_memory_is_being_forgotten_is_not_lost():
    """The disk takes its time; meanwhile somebody comes in."""
    stage = staged([Counts(name="two", every=None), Counts(every=None)])

    async def somebody_comes():
        stage.read(SENSOR, value=True)
        for _ in range(10):
            await asyncio.sleep(0)

    async with running(stage):
        stage.read(SENSOR, value=False)
        await stage.time.until(NOON + timedelta(seconds=10))
        stage.disk.during = somebody_comes
        stage.policies = [Counts(every=None)]
        await stage.time.until(NOON + timedelta(seconds=80))
        assert stage.disk.during is None
        assert stage.hands.values() == {(HEAT.id, Priority.SCHEDULE): 1.0}
        assert stage.disk.kept["two"] is None


async def test_another_kind_of_the_same_name_begins_anew_on_disk_too():
    async with running(staged([Counts()])) as stage:
        await stage.time.until(NOON + timedelta(minutes=3))
        assert stage.disk.kept["one"].count > 2
        stage.policies = [Forgets()]
        await stage.time.until(NOON + timedelta(minutes=5))
        assert stage.disk.kept["one"] is None


def test_another_kind_does_not_take_over_what_one_of_its_name_remembered():
    decider = Decider(NOON)
    decider.adopt([Counts()])
    decider.decide(view())
    assert decider.memories() == {"one": Count(count=1)}
    assert decider.adopt([CountsOtherwise()]) == ["one"]
    decider.decide(view())
    assert decider.memories() == {"one": Count(count=1)}
