"""What acts of an agent, in a process that ends by SIGKILL at a chosen instant: `crasher.py SITE`.

SITE is JSON: where the device is, and its points "a", "b" and "c". Each line on standard input is one life:

{"folder": ..., "life": "story", "crash_at": 7}   one command after the other, killed at the seventh instant; lived in
                                                    a fork of this process
{"folder": ..., "life": "afterwards", "ahead": 0}  a later start, by a clock ahead so many minutes, and once more
                                                    after every expiry; nobody kills it, so that it needs no fork

An instant is before and after every COMMIT and every datagram that carries a WriteProperty. In the story a line
{"foreign": true} asks for somebody else's write, and goes on after any line. {"ended": 0} is the end of a life, or
{"ended": -9}.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.database import StateDatabase, open_state
from facility.hands import NotDone, PolicyHands
from facility.judgement import Judge
from facility.leases import Leases
from facility.model import Command
from facility.profiles.model import CommandRule
from points.bacnet.datagrams import Datagrams
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.events import Events
from points.freshness import Freshness
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Priority, Ref, Safety, Value
from points.store import PointStore
from schedules.policy import Demand

PATIENCE = 2.0  # seconds a device has to answer on loopback
RAMPED = "c"
LATER = 20.0  # minutes: one of the story's holds is over by then
WRITE = bytes((0x0F,))  # WriteProperty's number among the confirmed services


class Fate:
    """Counts the instants, and is there at the last."""

    def __init__(self) -> None:
        self.passed = 0
        self.crash_at = 0
        self.armed = False

    def instant(self) -> None:
        if not self.armed:
            return
        self.passed += 1
        if self.passed == self.crash_at:
            os.kill(os.getpid(), signal.SIGKILL)


fate = Fate()


def watch_over_commits_and_writes() -> None:
    commit, send = SQLiteDialect_pysqlite.do_commit, Datagrams.send

    def do_commit(self: Any, connection: Any) -> None:
        changed = connection.in_transaction
        if changed:
            fate.instant()
        commit(self, connection)
        if changed:
            fate.instant()

    def send_(self: Datagrams, octets: bytes, address: tuple[str, int]) -> None:
        is_write = written(octets) is not None
        if is_write:
            fate.instant()
        send(self, octets, address)
        if is_write:
            fate.instant()

    SQLiteDialect_pysqlite.do_commit = do_commit  # type: ignore[method-assign]
    Datagrams.send = send_  # type: ignore[method-assign]


def written(octets: bytes) -> tuple[int, int, bytes, int] | None:
    """Object type, instance, value as encoded and priority of a WriteProperty in a B/IP datagram; else None."""
    if octets[:2] != b"\x81\x0a" or octets[5] & 0x80:
        return None
    at, control = 6, octets[5]
    if control & 0x20:
        at += 3 + octets[at + 2]
    if control & 0x08:
        at += 3 + octets[at + 2]
    if control & 0x20:
        at += 1
    apdu = octets[at:]
    if apdu[0] >> 4 != 0 or apdu[3:4] != WRITE:
        return None
    body = apdu[4:]  # [0] object, [1] property, [3] value, [4] priority (clause 15.9)
    number = int.from_bytes(body[1:5], "big")
    opened = body.index(b"\x3e", 5)
    return number >> 22, number & 0x3FFFFF, bytes(body[opened + 1 : -3]), body[-1]


class ShiftedClock:
    """The machine's clock, ahead by so much."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def catalog_of(site: dict[str, Any]) -> Catalog:
    where = DeviceRef(**site["device"])
    device = Device(id=DeviceId("device"), ref=where, name="device", max_apdu=1476)
    return Catalog.of(
        [device],
        [
            Point(
                id=PointId(f"device/{name}"),
                device=device.id,
                ref=Ref(device=where, object_type="analog-value", instance=instance),
                name=name,
                kind=Kind.ANALOG,
                low=-40.0,
                high=60.0,
                commandable=True,
                safety=Safety.COMFORT,
            )
            for name, instance in site["points"].items()
        ],
    )


def rule_of(point: Point) -> CommandRule:
    return CommandRule(ramp_per_minute=24.0) if point.name == RAMPED else CommandRule()


class Agent:
    """What acts, and nothing else of the agent."""

    def __init__(self, site: dict[str, Any], db: StateDatabase, stack: Stack, clock: ShiftedClock) -> None:
        self._db, self._stack, self.clock = db, stack, clock
        self._book = CatalogBook(catalog_of(site))

    async def start(self) -> Agent:
        """As a new process finds things: from the disk, compared with the device."""
        clock, events, store = self.clock, Events(), PointStore()
        audit = Audit(self._db, clock)
        self.claims = await Claims.load(self._db)
        reader = Freshness(self._stack, self._book, store, clock=clock, deadline=lambda _: 60.0, events=events)
        self.desk = CommandDesk(
            bacnet=self._stack,
            reader=reader,
            catalog=self._book,
            store=store,
            claims=self.claims,
            audit=audit,
            events=events,
            clock=clock,
            judge=Judge(self._book, store, self.claims, clock, rule=rule_of),
        )
        self.hands = PolicyHands(self.desk, clock)
        self.leases = Leases(self.desk, audit, clock, events=events, bacnet=self._stack)
        await self.leases.reconcile()
        return self

    async def command(self, point: str, value: Value | None, minutes: float | None = None) -> None:
        wish = Command(
            point=PointId(f"device/{point}"),
            value=value,
            priority=Priority.OPERATOR,
            by="user:mchen",
            reason="too warm",
            role="operator",
            lasts=None if minutes is None else timedelta(minutes=minutes),
        )
        await self.desk.submit(wish)

    async def demand(self, point: str, value: Value) -> None:
        demand = Demand(
            point=PointId(f"device/{point}"),
            value=value,
            priority=Priority.SCHEDULE,
            policy="day",
            reason="office hours",
        )
        try:
            await self.hands.hold(demand, self.clock.now() + timedelta(minutes=15))
        except NotDone as refused:
            tell(refused=str(refused))


@asynccontextmanager
async def opened(site: dict[str, Any], folder: Path, ahead: float = 0.0) -> AsyncIterator[Agent]:
    settings = StackSettings(
        address="127.0.0.1/32:0", foreign=site["foreign"], apdu_timeout=PATIENCE, retries=0, instance=4_190_000
    )
    with open_state(folder) as db:
        async with open_stack(settings) as stack:
            yield await Agent(site, db, stack, ShiftedClock(timedelta(minutes=ahead))).start()


async def story(site: dict[str, Any], folder: Path, crash_at: int) -> None:
    async with opened(site, folder) as agent:
        fate.armed, fate.crash_at = True, crash_at
        await agent.command("a", 18.5, minutes=120)
        await agent.command("a", 22.0, minutes=120)
        await agent.demand("b", 21.0)
        await agent.command(RAMPED, 30.0, minutes=15)
        await agent.desk.advance((PointId(f"device/{RAMPED}"), Priority.OPERATOR))
        tell(foreign=True)
        listen()
        await agent.command("a", None)
        await agent.demand("b", 20.5)
        agent.clock.ahead = timedelta(minutes=LATER)
        tell(ahead=LATER)
        await agent.start()  # another start, with an expired claim and one that was taken
        fate.armed = False
    tell(instants=fate.passed)


async def afterwards(site: dict[str, Any], folder: Path, ahead: float) -> None:
    async with opened(site, folder, ahead) as agent:
        agent.clock.ahead = timedelta(hours=3)
        await agent.leases.reconcile()
        tell(standing=[f"{claim.point} {int(claim.priority)}" for claim in agent.claims.standing()])


async def warm_up(site: dict[str, Any], folder: Path) -> None:
    async with opened(site, folder):
        pass


def tell(**what: object) -> None:
    os.write(1, json.dumps(what).encode() + b"\n")


def listen() -> dict[str, Any]:
    """The next line of standard input, and not an octet more: whoever forks shares it."""
    line = b""
    while not line.endswith(b"\n"):
        octet = os.read(0, 1)
        if not octet:
            os._exit(0)
        line += octet
    asked: dict[str, Any] = json.loads(line)
    return asked


def live(site: dict[str, Any], asked: dict[str, Any]) -> int:
    """How it ended, as a process would."""
    folder = Path(asked["folder"])
    try:
        if asked["life"] == "story":
            asyncio.run(story(site, folder, asked["crash_at"]))
        else:
            asyncio.run(afterwards(site, folder, asked["ahead"]))
    except Exception:  # noqa: BLE001 - whoever asked has to be told that it ended
        traceback.print_exc()
        return 1
    return 0


def live_in_a_fork(site: dict[str, Any], asked: dict[str, Any]) -> int:
    child = os.fork()
    if child == 0:
        os._exit(live(site, asked))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    site = json.loads(sys.argv[1])
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    watch_over_commits_and_writes()
    with tempfile.TemporaryDirectory() as folder:  # whatever is imported at first use is imported once, here
        asyncio.run(warm_up(site, Path(folder)))
    gc.freeze()
    while True:
        asked = listen()
        tell(ended=live_in_a_fork(site, asked) if asked["life"] == "story" else live(site, asked))


if __name__ == "__main__":
    main()
