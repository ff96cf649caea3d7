"""What a safe write costs: `python -m bench.writes [--rounds 5] [--answer-ms 10]`.

500 commandable points on 50 real devices (rusty-bacnet, processes of their own). The desk, with its guard, claims and
audit on disk, holds all of them as the planner does: devices side by side, one point after the other at each. Beside
it, in turn, the same round trips by the plain stack and nothing else: priority array and relinquish default, write,
priority array and relinquish default, present value. Everything is opened as the agent opens it, with its budgets.

The devices answer at once, which none in a building does: with --answer-ms each answer is given so much later.

Meanwhile 200 points with a deadline of 15 s are read at the same devices: how old the oldest of them became, with and
without the writes.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench.fleet import FIRST_RUSTY, RUSTY_PORT, process
from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.database import open_state
from facility.judgement import Judge
from facility.model import Command, Held
from points.bacnet.datagrams import Datagrams, Sender
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.clock import SystemClock
from points.events import Events
from points.freshness import Freshness
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Priority, Ref, Safety, Source
from points.store import PointStore
from schedules.errands import AT_ONCE

DEVICES, EACH, CRITICAL = 50, 10, 4  # of each device: points written, points that must stay fresh
PROCESSES = 2
DEADLINE_S, USUAL_S = 15.0, 300.0
WATCHED_S = 20.0  # longer than the deadline


@dataclass(slots=True)
class Wire:
    """What this process has sent."""

    datagrams: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What writes and reads in one agent."""

    stack: Stack
    desk: CommandDesk
    freshness: Freshness
    store: PointStore
    written: Sequence[Sequence[Point]]  # by device
    critical: Sequence[Point]


async def measure(*, rounds: int, at_once: int = AT_ONCE, answer_s: float = 0.0) -> dict[str, float]:
    """Runs all of it; figures are medians of the rounds."""
    with _devices(), _wire(answer_s) as wire, tempfile.TemporaryDirectory() as folder, open_state(Path(folder)) as db:
        async with open_stack(StackSettings(address="127.0.0.1/32:0")) as stack:
            clock, events, store, book = SystemClock(), Events(), PointStore(), CatalogBook(_catalog())
            claims = await Claims.load(db)
            freshness = Freshness(stack, book, store, clock=clock, deadline=_deadline, events=events)
            desk = CommandDesk(
                bacnet=stack,
                reader=freshness,
                catalog=book,
                store=store,
                claims=claims,
                audit=Audit(db, clock),
                events=events,
                clock=clock,
                judge=Judge(book, store, claims, clock),
            )
            points = book.current.points.values()
            by_device = [
                [point for point in points if point.device == id_ and point.commandable] for id_ in book.current.devices
            ]
            parts = Parts(
                stack=stack,
                desk=desk,
                freshness=freshness,
                store=store,
                written=by_device,
                critical=[point for point in points if not point.commandable],
            )
            found = await _rounds(parts, wire, rounds, at_once)
            return {**found, **await _ages(parts, at_once)}


async def _rounds(parts: Parts, wire: Wire, rounds: int, at_once: int) -> dict[str, float]:
    raw, desk, sent = [], [], []
    for number in range(rounds + 1):
        by_stack, by_desk = (partial(by, parts, value=20.0 + number) for by in (_by_stack, _by_desk))
        took, _ = await _timed(wire, _each(parts, at_once, by_stack))
        await _each(parts, at_once, partial(_let_go, parts))
        spent, datagrams = await _timed(wire, _each(parts, at_once, by_desk))
        await _each(parts, at_once, partial(_by_desk, parts, value=None))
        if number:  # the first warms up
            raw.append(took)
            desk.append(spent)
            sent.append(datagrams / (DEVICES * EACH))
    return {
        "raw_s": statistics.median(raw),
        "desk_s": statistics.median(desk),
        "ratio": statistics.median(one / other for one, other in zip(desk, raw, strict=True)),
        "round_trips": statistics.median(sent),
    }


async def _ages(parts: Parts, at_once: int) -> dict[str, float]:
    """How old the oldest critical point became, first without writes, then with them."""
    polling = asyncio.create_task(parts.freshness.run())
    await asyncio.sleep(DEADLINE_S)
    alone = await _oldest(parts)
    writing = asyncio.create_task(_without_end(parts, at_once))
    beside = await _oldest(parts)
    for task in (writing, polling):
        task.cancel()
    await asyncio.gather(writing, polling, return_exceptions=True)
    return {"age_alone_s": alone, "age_with_writes_s": beside, "deadline_s": DEADLINE_S}


async def _oldest(parts: Parts) -> float:
    worst, until = 0.0, time.monotonic() + WATCHED_S
    while time.monotonic() < until:
        now = datetime.now(UTC)
        for point in parts.critical:
            reading = parts.store.get(point.id)
            worst = max(worst, (now - reading.at).total_seconds() if reading else float("inf"))
        await asyncio.sleep(0.1)
    return worst


async def _without_end(parts: Parts, at_once: int) -> None:
    for value in itertools.cycle((30.0, 31.0)):
        await _each(parts, at_once, partial(_by_desk, parts, value=value))


async def _each(parts: Parts, at_once: int, write: Callable[[Point], Awaitable[None]]) -> None:
    """Devices side by side, so many at once; at each, one point after the other."""
    turn = asyncio.Semaphore(at_once)

    async def visit(points: Sequence[Point]) -> None:
        async with turn:
            for point in points:
                await write(point)

    async with asyncio.TaskGroup() as tasks:
        for points in parts.written:
            tasks.create_task(visit(points))


async def _by_stack(parts: Parts, point: Point, value: float) -> None:
    await parts.stack.read_slots(point.ref)
    await parts.stack.write(point.ref, value, Priority.OCCUPANCY)
    await parts.stack.read_slots(point.ref)
    await parts.freshness.read_now(point.id, source=Source.READBACK)


async def _let_go(parts: Parts, point: Point) -> None:
    await parts.stack.write(point.ref, None, Priority.OCCUPANCY)


async def _by_desk(parts: Parts, point: Point, value: float | None) -> None:
    command = Command(
        point=point.id,
        value=value,
        priority=Priority.OCCUPANCY,
        by="policy:bench",
        reason="how long it takes",
        lasts=None if value is None else timedelta(hours=1),
    )
    outcome = await parts.desk.submit(command)
    if not isinstance(outcome, Held):
        raise SystemExit(f"a write did not hold: {outcome}")


async def _timed(wire: Wire, work: Awaitable[None]) -> tuple[float, int]:
    before, began = wire.datagrams, time.perf_counter()
    await work
    return time.perf_counter() - began, wire.datagrams - before


@contextmanager
def _wire(answer_s: float) -> Iterator[Wire]:
    """Counts every datagram at the socket, and has those that arrive wait."""
    wire, send, begin = Wire(), Datagrams.send, Datagrams.__init__

    def counted(self: Datagrams, octets: bytes, address: tuple[str, int]) -> None:
        wire.datagrams += 1
        send(self, octets, address)

    def delayed(self: Datagrams, opened: socket.socket, arrived: Callable[[bytes, Sender], None]) -> None:
        later = asyncio.get_running_loop().call_later
        begin(self, opened, lambda octets, sender: later(answer_s, arrived, octets, sender) and None)

    Datagrams.send = counted  # type: ignore[method-assign]
    if answer_s:
        Datagrams.__init__ = delayed  # type: ignore[method-assign]
    try:
        yield wire
    finally:
        Datagrams.send, Datagrams.__init__ = send, begin  # type: ignore[method-assign]


@contextmanager
def _devices() -> Iterator[None]:
    with ExitStack() as stack:
        for first in range(0, DEVICES, DEVICES // PROCESSES):
            argv = [sys.executable, "-m", "bench.devices.rusty", "--port", str(RUSTY_PORT), "--first", str(first)]
            more = ["--devices", str(DEVICES // PROCESSES), "--values", str(CRITICAL), "--setpoints", str(EACH)]
            stack.enter_context(process([*argv, *more]))
        yield


def _catalog() -> Catalog:
    devices, points = [], []
    for number in range(DEVICES):
        where = DeviceRef(network=0, address=f"127.0.0.1:{RUSTY_PORT + number}", instance=FIRST_RUSTY + number)
        device = Device(
            id=DeviceId(f"unit-{number}"), ref=where, name=f"Unit {number}", max_apdu=1476, serves_cov=False
        )
        devices.append(device)
        points += [_point(device, "analog-value", instance) for instance in range(1, EACH + 1)]
        points += [_point(device, "analog-input", instance) for instance in range(1, CRITICAL + 1)]
    return Catalog.of(devices, points)


def _point(device: Device, kind: str, instance: int) -> Point:
    return Point(
        id=PointId(f"{device.id}/{kind}-{instance}"),
        device=device.id,
        ref=Ref(device=device.ref, object_type=kind, instance=instance),
        name=f"{kind} {instance}",
        kind=Kind.ANALOG,
        commandable=kind == "analog-value",
        safety=Safety.COMFORT,
    )


def _deadline(point: Point) -> float:
    return USUAL_S if point.commandable else DEADLINE_S


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.writes", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="devices side by side, by default as the planner")
    parser.add_argument("--answer-ms", type=float, default=0.0, help="how much later each answer is given")
    arguments = parser.parse_args()
    with suppress(KeyboardInterrupt):
        work = measure(rounds=arguments.rounds, at_once=arguments.at_once, answer_s=arguments.answer_ms / 1000)
        found = asyncio.run(work)
        print(json.dumps({name: round(value, 3) for name, value in found.items()}, indent=1))


if __name__ == "__main__":
    main()
