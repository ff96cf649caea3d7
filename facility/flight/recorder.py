"""Writes every round of the planner to a file a day, beside everything else.

The planner only hands over what it has; a thread writes it within seconds, so that a crash costs seconds of the record
and nothing of control. What cannot be recorded costs the record alone, is counted and told, and the record begins anew
after it: nothing on file rests on what is not. Days that are over are packed; those older than is kept are deleted, and
with them the catalogs that only they speak of. Nobody but the agent's account may read them.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import orjson
import structlog
from pydantic import TypeAdapter

from facility.config.model import Config
from facility.flight.frames import Frame, Said, Seen, Start, Turn, Why, form_of, line
from points.catalog import Catalog
from points.clock import Clock
from points.model import Point, PointId, Space
from schedules.calendar import SpecialEvent
from schedules.decider import Asked, Decider, Round
from schedules.feeds import NOTHING_HEARD, Feeds
from schedules.plan import Slot, Standing
from schedules.policy import Demand, Memory, Remark, View

log = structlog.get_logger(__name__)

WRITE_EVERY_S = 2.0
FOLDER = "flight"
MOST_WAITING = 20_000  # frames: a disk that hangs costs the record, not the memory


_POINTS, _SPACES = TypeAdapter(list[Point]), TypeAdapter(list[Space])
_EVENTS = TypeAdapter(dict[str, list[SpecialEvent]])


class Recorder:
    """The service that writes, and what the planner tells it."""

    name = "recorder"

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        keep: timedelta,
        config: Callable[[], Config],
        events: Callable[[], Mapping[str, Sequence[SpecialEvent]]],
        held: Callable[[], Mapping[Slot, Standing]],
    ) -> None:
        """`config`, `events`, `held`: as they are now; asked at every new beginning."""
        self._folder = folder
        self._clock = clock
        self._keep = keep
        self._config = config
        self._events = events
        self._held = held
        self._waiting: list[Frame] = []
        self._catalogs: list[tuple[str, Catalog]] = []
        self._catalog: Catalog | None = None
        self._digest = ""
        self._why: Why | None = "start"
        self._inputs: dict[PointId, Seen] = {}
        self._demands: dict[str, tuple[Demand, ...]] = {}
        self._remarks: dict[str, tuple[Remark, ...]] = {}
        self._feeds: Feeds | None = None
        self._day = ""
        self._in_force: Config | None = None
        self._announced: Mapping[str, Sequence[SpecialEvent]] | None = None
        self.trouble = ""
        self.lost = 0

    def __call__(self, view: View, decided: Round, decider: Decider) -> None:
        """`schedules.planner.Record`. Never raises."""
        try:
            self._take_down(view, decided, decider)
        except Exception as error:
            log.exception("not recorded")
            self._lose(1, f"{type(error).__name__}: {error}")

    def _take_down(self, view: View, decided: Round, decider: Decider) -> None:
        day = view.now.date().isoformat()
        if view.catalog is not self._catalog:
            self._why = self._why or "catalog"
            self._take(view.catalog)
        if self._why is None and day != self._day:
            self._why = "day"
        self._day = day
        if self._config() is not self._in_force or self._events() is not self._announced:
            self._in_force, self._announced = self._config(), self._events()
            self._why = self._why or "configuration"
        if len(self._waiting) >= MOST_WAITING:
            self._lose(0, "the disk does not keep up")
        if self._why is not None:
            self._note(self._start(view, decided, decider, self._why))
            if self._why not in ("start", "catalog"):  # with those, everybody is asked anew
                self._note(self._recap(view, decided, decider))
            self._why = None
        self._note(self._turn(view, decided.asked, decider, at=decided.at))

    async def run(self) -> None:
        tidied = ""
        try:
            while True:
                if tidied != (today := self._clock.now().date().isoformat()):
                    tidied = today
                    await asyncio.to_thread(self._tidy)
                await self._clock.sleep(WRITE_EVERY_S)
                await self.flush()
        finally:
            waiting, catalogs = self._taken()
            self._write(waiting, catalogs)

    async def flush(self) -> None:
        """Everything that was told until now is on disk."""
        waiting, catalogs = self._taken()
        if not waiting and not catalogs:
            return
        trouble = await asyncio.to_thread(self._write, waiting, catalogs)
        if trouble:
            self._catalogs = [*catalogs, *self._catalogs]
            self._lose(len(waiting), trouble)
        elif self._why != "lost":
            self.trouble = ""

    def _lose(self, frames: int, why: str) -> None:
        """What waits rests on what is lost, so it is lost as well."""
        self.lost += frames + len(self._waiting)
        self._waiting = []
        self._why = "lost"
        self.trouble = f"what policies decide is not recorded: {why}"

    def _start(self, view: View, decided: Round, decider: Decider, why: Why) -> Start:
        """Everything is written anew after it."""
        self._inputs, self._demands, self._remarks, self._feeds = {}, {}, {}, None
        self._catalogs.append((self._digest, view.catalog))
        given = {asked.policy: asked.remembered for asked in decided.asked}
        remembered = {name: given.get(name, memory) for name, memory in decider.memories().items()}
        remembered |= given
        return Start(
            at=view.now,
            why=why,
            config=self._config().model_dump(mode="json"),
            events=_EVENTS.dump_python({name: list(each) for name, each in self._events().items()}, mode="json"),
            catalog=self._digest,
            memories={policy: plain(memory) for policy, memory in remembered.items() if memory is not None},
            held={slot: (standing.value, standing.policy) for slot, standing in self._held().items()},
        )

    def _recap(self, view: View, decided: Round, decider: Decider) -> Turn:
        """What those said who are not asked now."""
        now = {asked.policy for asked in decided.asked}
        said = (decider.said(name) for name in decider.names if name not in now)
        recap = self._turn(view, [asked for asked in said if asked is not None], decider, at=decided.at)
        return replace(recap, recap=True)

    def _turn(self, view: View, everybody: Sequence[Asked], decider: Decider, *, at: datetime) -> Turn:
        inputs: dict[PointId, Seen] = {}
        for asked in everybody:
            for point, reading in asked.inputs.items():
                seen = Seen(reading=reading, since=decider.steady.get(point))
                if self._inputs.get(point) != seen:
                    self._inputs[point] = inputs[point] = seen
        feeds: Feeds | None = None
        if any(asked.listened for asked in everybody):
            heard = view.feeds
            if heard != (self._feeds or NOTHING_HEARD):
                feeds = self._feeds = heard
        return Turn(at=at, inputs=inputs, said=tuple(map(self._said, everybody)), feeds=feeds)

    def _said(self, asked: Asked) -> Said:
        decision, name = asked.decision, asked.policy
        demands = None if self._demands.get(name) == decision.demands else decision.demands
        remarks = None if self._remarks.get(name, ()) == decision.remarks else decision.remarks
        self._demands[name], self._remarks[name] = decision.demands, decision.remarks
        fault = "" if asked.fault is None else f"{type(asked.fault).__name__}: {asked.fault}"
        return Said(policy=name, until=decision.until, demands=demands, remarks=remarks, fault=fault, stood=asked.stood)

    def _take(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._digest = digest_of(catalog)

    def _note(self, frame: Frame) -> None:
        self._waiting.append(frame)

    def _taken(self) -> tuple[list[Frame], list[tuple[str, Catalog]]]:
        waiting, self._waiting = self._waiting, []
        catalogs, self._catalogs = self._catalogs, []
        return waiting, catalogs

    def _write(self, waiting: Sequence[Frame], catalogs: Sequence[tuple[str, Catalog]]) -> str:
        """Why they could not be written; "" if they were."""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            for digest, catalog in catalogs:
                write_catalog(self._folder, digest, catalog, self._clock.now())
            days: dict[str, list[bytes]] = {}
            for each in waiting:
                days.setdefault(each.at.date().isoformat(), []).append(line(each))
            for day, lines in days.items():
                append(self._folder / f"{day}.jsonl", lines)
        except (OSError, TypeError, ValueError) as error:  # orjson's are of the latter two
            log.warning("not recorded", why=str(error))
            return str(error)
        return ""

    def _tidy(self) -> None:
        """Packs the days that are over and forgets the oldest."""
        today, oldest = (when.date().isoformat() for when in (self._clock.now(), self._clock.now() - self._keep))
        for path in sorted(self._folder.glob("*.jsonl*")):
            day = path.name.split(".")[0]
            try:
                if day < oldest:
                    path.unlink(missing_ok=True)
                elif day < today and path.suffix == ".jsonl":
                    pack(path)
            except OSError as error:
                log.warning("not packed", day=day, why=str(error))
        for path in self._folder.glob("catalog-*"):
            try:
                if datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat() < oldest:
                    path.unlink(missing_ok=True)
            except OSError as error:
                log.warning("not forgotten", file=path.name, why=str(error))


def plain(memory: Memory) -> Any:
    """What a policy remembers, as JSON."""
    return form_of(type(memory)).dump_python(memory, mode="json")


def digest_of(catalog: Catalog) -> str:
    """By what the catalog says of points and spaces, not by how it is written."""
    digest = hashlib.sha256()
    for point in catalog.points.values():
        digest.update(repr(point).encode())
    for space in catalog.spaces.values():
        digest.update(repr(space).encode())
    return digest.hexdigest()[:16]


def write_catalog(folder: Path, digest: str, catalog: Catalog, now: datetime) -> None:
    """Once for each; its file is as old as what last spoke of it."""
    path = folder / f"catalog-{digest}.json.gz"
    if path.exists():
        os.utime(path, (now.timestamp(), now.timestamp()))
        return
    document = {
        "points": _POINTS.dump_python(list(catalog.points.values()), mode="json"),
        "spaces": _SPACES.dump_python(list(catalog.spaces.values()), mode="json"),
    }
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    with _private(part) as file:
        file.write(gzip.compress(orjson.dumps(document), compresslevel=6))
    os.utime(part, (now.timestamp(), now.timestamp()))
    part.replace(path)


def append(path: Path, lines: Sequence[bytes]) -> None:
    """Behind what is there. A line that was torn, by a crash or a full disk, does not take the next one with it."""
    with _private(path) as file:
        if (size := os.fstat(file.fileno()).st_size) and os.pread(file.fileno(), 1, size - 1) != b"\n":
            file.write(b"\n")
        file.writelines(lines)


def pack(path: Path) -> None:
    """A day's file as a smaller one; what is there of it already is in front."""
    packed = path.with_suffix(".jsonl.gz")
    with _private(packed) as file, gzip.open(file, "wb") as zipped:
        zipped.write(path.read_bytes())
    path.unlink()


def _private(path: Path) -> BinaryIO:
    """To write behind what is there; for the agent's account alone."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600), "ab")
