"""What deciding costs: 5 000 policies over 50 000 points, asked all at once, a few of them, and not at all; and the
week to come rehearsed with all of them while the event loop has something else to do.

`python -m bench --only planning`. Everything is the agent's own; only the hands confirm at once.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from facility.config.errors import ConfigError
from facility.config.model import Config
from facility.judgement import Judge
from facility.model import Claim
from facility.rehearsal.course import Present
from facility.rehearsals import Draft, Rehearsals, Scene
from facility.strategy import Strategy
from facility.users import User
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.model import (
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Priority,
    Quality,
    Reading,
    Ref,
    Safety,
    Source,
    Space,
    SpaceId,
    Value,
)
from points.store import PointStore
from schedules.feeds import NOTHING_HEARD
from schedules.plan import LEASE, Slot, Standing
from schedules.planner import Planner
from schedules.policy import Demand, View

SPACES = 5_000
SPACES_OF_A_DEVICE = 10
START = datetime(2026, 11, 23, 18, tzinfo=UTC)  # Monday noon in Chicago
DAYS = 7
ROUNDS = 5
FEW = 50  # policies, of 5 000
ENGINEER = User(name="bench", role="engineer")

_POINTS: Sequence[tuple[str, str, Value, bool]] = (  # class, unit, reading, commandable
    ("heating-setpoint", "degrees-celsius", 16.0, True),
    ("cooling-setpoint", "degrees-celsius", 30.0, True),
    ("zone-temperature", "degrees-celsius", 21.5, False),
    ("zone-humidity", "percent-relative-humidity", 40.0, False),
    ("occupancy", "", False, False),
    ("lighting-command", "", False, True),
    ("lighting-level", "percent", 0.0, True),
    ("co2", "parts-per-million", 500.0, False),
    ("illuminance", "luxes", 300.0, False),
    ("valve", "percent", 20.0, False),
)


def building() -> tuple[Catalog, dict[PointId, Reading]]:
    """5 000 offices of ten points."""
    points: list[Point] = []
    readings: dict[PointId, Reading] = {}
    for number in range(SPACES):
        device = DeviceId(f"vav-{number // SPACES_OF_A_DEVICE}")
        for place, (point_class, unit, value, commandable) in enumerate(_POINTS):
            id_ = PointId(f"{device}/{number}-{point_class}")
            address = DeviceRef(network=0, address=str(device), instance=number // SPACES_OF_A_DEVICE)
            points.append(
                Point(
                    id=id_,
                    device=device,
                    ref=Ref(device=address, object_type="analog-value", instance=number * len(_POINTS) + place),
                    name=id_,
                    kind=Kind.BINARY if isinstance(value, bool) else Kind.ANALOG,
                    unit=unit,
                    point_class=point_class,
                    space=SpaceId(f"office-{number}"),
                    safety=Safety.COMFORT,
                    commandable=commandable,
                )
            )
            readings[id_] = _reading(id_, value, START)
    spaces = [Space(id=SpaceId(f"office-{number}"), name=str(number), type="admin_office") for number in range(SPACES)]
    return Catalog.of([], points, spaces), readings


def configuration() -> Config:
    """A policy for each office: half of them weekly, the others of four kinds that look at readings."""
    kinds = ("weekly", "occupancy-standby", "weekly", "lighting-sweep", "weekly", "optimal-start", "weekly", "setback")
    policies = [_policy(kinds[number % len(kinds)], number) for number in range(SPACES)]
    programme = {
        "name": "office",
        "weekdays": ["07:00 occupied", "19:00 unoccupied"],
        "saturday": ["09:00 occupied", "12:00 unoccupied"],
        "holidays": [],
    }
    site = {"id": "bench", "zone": "America/Chicago", "country": "US"}
    return Config.model_validate({"site": site, "programmes": [programme], "policies": policies})


def _policy(kind: str, number: int) -> dict[str, Any]:
    here = f"space:office-{number}"
    zone = {"heating": f"{here} class:heating-setpoint", "cooling": f"{here} class:cooling-setpoint"}
    own: dict[str, Any]
    match kind:
        case "weekly":
            own = {"points": zone["heating"], "values": {"occupied": 21.0, "unoccupied": 16.0}}
        case "lighting-sweep":
            own = {"points": f"{here} class:lighting-command", "sweep_state": "unoccupied"}
        case "setback":
            own = {**zone, "points": f"{here} class:lighting-level", "values": {"set-back": 50.0}}
        case _:
            own = zone
    return {"kind": kind, "name": f"{kind}-{number}", "programme": "office", **own}


def _reading(point: PointId, value: Value, at: datetime) -> Reading:
    return Reading(point=point, value=value, time=at, at=at, quality=Quality.GOOD, source=Source.COV)


class _Time:
    """Stands, but for whoever moves it."""

    def __init__(self) -> None:
        self.present = START

    def now(self) -> datetime:
        return self.present

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class _Hands:
    """Everything is confirmed at once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.standing: dict[Slot, Standing] = {}

    def held(self) -> Mapping[Slot, Standing]:
        return self.standing

    async def hold(self, demand: Demand, until: datetime) -> None:
        slot = (demand.point, demand.priority)
        self.standing[slot] = Standing(value=demand.value, policy=demand.policy, until=until)

    async def release(self, point: PointId, priority: Priority, reason: str) -> None:
        self.standing.pop((point, priority), None)

    async def settle(self) -> None:
        """Nothing is ever under way."""


class Bench:
    """The building, its policies and a planner that nobody runs."""

    def __init__(self) -> None:
        self.catalog, readings = building()
        self.book = CatalogBook(self.catalog)
        began = time.process_time()
        self.strategy = Strategy(configuration(), START.date())
        self.strategy_s = time.process_time() - began
        self.clock = _Time()
        self.store = PointStore()
        for reading in readings.values():
            self.store.put(reading)
        self.hands = _Hands(self.clock)
        self.planner = Planner(
            policies=lambda: self.strategy.policies,
            view=self.view,
            store=self.store,
            hands=self.hands,
            clock=self.clock,
            tell=lambda _event: None,
        )

    def view(self) -> View:
        now = self.clock.now()
        return View(now=now, zone=self.strategy.zone, catalog=self.catalog, readings=self.store.snapshot())

    def decide(self) -> float:
        """Milliseconds of a core for the decisions and for what has to be done about them."""
        decider = self.planner.decider
        began = time.process_time()
        view = self.view()
        decided = decider.decide(view)
        decider.plan(self.hands.held(), view.now, decided.touched)
        return (time.process_time() - began) * 1e3

    def present(self) -> Present:
        decider = self.planner.decider
        return Present(
            now=self.clock.now(),
            zone=self.strategy.zone,
            book=self.book,
            readings=self.store.snapshot(),
            feeds=NOTHING_HEARD,
            held=dict(self.hands.held()),
            memories=decider.memories(),
            steady=decider.steady,
            judge=self.judge,
        )

    def judge(self, store: PointStore, clock: Clock, _heard: object) -> Judge:
        return Judge(self.book, store, _Nobody(), clock)

    def rehearsals(self) -> Rehearsals:
        async def weather(_since: datetime) -> Sequence[tuple[datetime, float]]:
            return ()

        def drafted(_changes: str) -> Draft:
            raise ConfigError("nothing is changed here")

        def twin(config: Config | None) -> Strategy:
            return self.strategy.twin(config or self.strategy.config, START.date())

        scene = Scene(present=self.present, strategy=twin, weather=weather)
        return Rehearsals(scene, drafted, lambda: self.strategy.config, self.clock)


class _Nobody:
    """Holds nothing."""

    def standing(self) -> Sequence[Claim]:
        return ()


@contextmanager
def unswept() -> Iterator[None]:
    """Without the collector's pauses, as the agent arranges it (`facility.heap`)."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def measure() -> dict[str, float]:
    """Milliseconds of a core for each kind of round, medians; seconds of the rehearsal, and its longest stall."""
    bench = Bench()
    found: dict[str, float] = {"policies": len(bench.strategy.policies), "points": len(bench.catalog.points)}
    planner, decider = bench.planner, bench.planner.decider
    found["strategy_s"] = bench.strategy_s
    with unswept():
        decider.adopt(bench.strategy.policies)
        found["planning-bind"] = bench.decide()
        found["planning-everybody"] = _median([_everybody(bench) for _ in range(ROUNDS)])
        found["planning-few"] = _median([_few(bench, number) for number in range(ROUNDS)])
        found["planning-nobody"] = _median([bench.decide() for _ in range(ROUNDS)])
        await planner.round()
        await planner.round()
        found["planning-minute"] = _median([await _idle_minute(bench) for _ in range(ROUNDS)])
        found |= await _rehearse(bench)
    return found


def _everybody(bench: Bench) -> float:
    bench.planner.decider.begin_anew(bench.clock.now())
    return bench.decide()


def _few(bench: Bench, number: int) -> float:
    """In one office of a hundred a sensor says something else."""
    now = bench.clock.now()
    for place in range(FEW):
        space = place * (SPACES // FEW) + 1  # one that has a policy that looks at its sensor
        point = PointId(f"vav-{space // SPACES_OF_A_DEVICE}/{space}-occupancy")
        bench.store.put(reading := _reading(point, number % 2 == 0, now))
        bench.planner.decider.note([reading], now)
    return bench.decide()


async def _idle_minute(bench: Bench) -> float:
    """The tick of the minute: everything that is wanted is compared with what is held; all leases are fresh."""
    bench.clock.present += timedelta(minutes=1)
    until = bench.clock.present + LEASE
    for slot, standing in bench.hands.standing.items():
        bench.hands.standing[slot] = Standing(value=standing.value, policy=standing.policy, until=until)
    began = time.process_time()
    await bench.planner.round()
    return (time.process_time() - began) * 1e3


async def _rehearse(bench: Bench) -> dict[str, float]:
    """A week, looked at four times a second by somebody, and how long nobody else had a turn meanwhile."""
    rehearsals = bench.rehearsals()
    longest = _Longest()
    watching = asyncio.create_task(longest.watch())
    began = time.perf_counter()
    told = await rehearsals.begin(ENGINEER, DAYS, "", edited=False, thermal=False)
    while told.state == "running":
        await asyncio.sleep(0.25)
        told = rehearsals.look(ENGINEER, told.id)
    took = time.perf_counter() - began
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "rehearsal_s": took,
        "rehearsal_writes": float(told.count),
        "rehearsal_stall_ms": longest.work * 1e3,
        "rehearsal_stall_wall_ms": longest.wall * 1e3,
        "peak_mb": peak,
    }


class _Longest:
    """The longest that a task which wants a turn every millisecond had to wait, and what of it was our own work."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.work = 0.0

    async def watch(self) -> None:
        while True:
            wall, work = time.perf_counter(), time.process_time()
            await asyncio.sleep(0.001)
            self.wall = max(self.wall, time.perf_counter() - wall)
            self.work = max(self.work, time.process_time() - work)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]
