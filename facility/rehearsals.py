"""Rehearsals that people ask for: one at a time, beside everything else, and what came of the latest of them.

With changes, the days are rehearsed twice from the same present: as the configuration is, and as it would be. Nothing
is written to the building, nothing is stored. Only what somebody was shown may be saved (`facility.reloading`).

The agent goes on beside it: what takes long is done in a thread or in small pieces. What a rehearsal has found is told
once, when it has come to its end, and only that is kept; until then it says how far it is.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from facility.config.difference import differences
from facility.config.errors import ConfigError
from facility.config.model import Config
from facility.port import FacilityError
from facility.rehearsal import telling
from facility.rehearsal.course import Present, Rehearsal
from facility.rehearsal.forecast import AsNow, Forecast, Thermal
from facility.rehearsal.model import Difference, difference
from facility.strategy import Strategy
from facility.users import User
from facility.wire import ClashInfo, RefusalInfo, RehearsalDay, RehearsalInfo, WriteInfo
from facility.wire.rehearsals import RehearsalState
from points.catalog import Catalog
from points.clock import Clock
from points.errors import PointsError
from points.store import PointStore
from schedules.calendar import Programme

log = structlog.get_logger(__name__)

LONGEST = 31  # days
KEPT = 8  # rehearsals that are remembered
MOST_WRITES = 500_000  # of one rehearsal: some hundred megabytes, and nobody reads so many
FRESH = timedelta(hours=1)  # a rehearsal older than that is not what would happen now
NOTHING = Difference(new=(), gone=())
WEATHER_FOR = timedelta(days=1)
OUTDOOR = "outdoor-temperature"


class Overtaken(PointsError):
    """It cannot go on: the building is another one, or it would take too much of the agent's memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A configuration that may come into force."""

    base: str  # the file's text that it was made of
    text: str
    config: Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of one that has come to its end, as it travels."""

    days: Sequence[RehearsalDay] = ()
    writes: Sequence[WriteInfo] = ()
    count: int
    new: int = 0
    gone: int = 0
    refused: Sequence[RefusalInfo] = ()
    clashes: Sequence[ClashInfo] = ()
    faults: Sequence[str] = ()
    estimate: Sequence[str] = ()


@dataclass(slots=True)
class Rehearsing:
    """One of them, as far as it is."""

    id: str
    by: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    draft: Draft | None  # what is rehearsed; None where it is the configuration in force
    running: Config  # the one in force when it began
    changes: tuple[str, ...]
    catalog: Catalog  # of the building when it began
    runs: list[Rehearsal] = field(default_factory=list)  # as it is; as it would be
    assumes: str = ""
    at: datetime | None = None
    state: RehearsalState = "running"
    why: str = ""
    count: int = 0  # writes, when it ended
    told: Told | None = None
    shown_to: set[str] = field(default_factory=set)
    task: asyncio.Task[None] | None = None


Drafted = Callable[[str], Draft]
"""The configuration file with some changes in it. Raises `ConfigError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What rehearsals are made of."""

    present: Callable[[], Present]
    strategy: Callable[[Config | None], Strategy]
    """One of its own, by a configuration or (None) by the one in force."""
    weather: Callable[[datetime], Awaitable[Sequence[tuple[datetime, float]]]]
    """Outdoor temperatures in °C since then, as the history has them."""


class Rehearsals:
    """All that were asked for lately."""

    def __init__(self, scene: Scene, drafted: Drafted, running: Callable[[], Config], clock: Clock) -> None:
        """`running`: the configuration in force."""
        self._scene = scene
        self._drafted = drafted
        self._running = running
        self._clock = clock
        self._all: OrderedDict[str, Rehearsing] = OrderedDict()

    async def begin(self, user: User, days: int, changes: str, *, edited: bool, thermal: bool) -> RehearsalInfo:
        """Starts one. `changes`: TOML that is laid over the configuration; `edited`: as its file says now."""
        if not 1 <= days <= LONGEST:
            raise FacilityError("bad-wish", f"A rehearsal is of 1 to {LONGEST} days, not of {days}.")
        self._must_be_free(user)
        draft, running, keys = None, self._running(), tuple[str, ...]()
        if changes.strip() or edited:
            try:
                draft, keys = await asyncio.to_thread(self._draft, changes, running)
            except ConfigError as error:
                raise FacilityError("bad-wish", str(error)) from None
            self._must_be_free(user)  # still
        present = self._scene.present()
        made = Rehearsing(
            id=secrets.token_hex(3),
            by=user.name,
            start=present.now,
            end=present.now + timedelta(days=days),
            zone=present.zone,
            draft=draft,
            running=running,
            changes=keys,
            catalog=present.book.current,
        )
        self._all[made.id] = made
        while len(self._all) > KEPT:
            self._all.popitem(last=False)
        made.task = asyncio.create_task(self._run(made, present, thermal=thermal), name=f"rehearsal {made.id}")
        return self._info(made, user)

    def _must_be_free(self, user: User) -> None:
        busy = next((each for each in self._all.values() if each.state == "running"), None)
        if busy is not None:
            who = "Yours" if busy.by == user.name else f"One of {busy.by}"
            raise FacilityError("busy", f"{who} ({busy.id}) is running; wait for it, or stop it.")

    def _draft(self, changes: str, running: Config) -> tuple[Draft, tuple[str, ...]]:
        """What is to be rehearsed, which keys of it are others, and that policies can be made of it."""
        draft = self._drafted(changes)
        self._scene.strategy(draft.config)
        return draft, tuple(changed_keys(running, draft.config))

    def look(self, user: User, identity: str) -> RehearsalInfo:
        """How far it is, and what it has found."""
        made = self.of(identity)
        if made.state == "done":
            made.shown_to.add(user.name)
        return self._info(made, user)

    def stop(self, user: User, identity: str) -> RehearsalInfo:
        """Ends it where it is."""
        made = self.of(identity)
        if made.task is not None and made.state == "running":
            made.state = "stopped"
            made.task.cancel()
        return self._info(made, user)

    def of(self, identity: str) -> Rehearsing:
        """Raises `FacilityError` for one that is not known."""
        if identity not in self._all:
            raise FacilityError("unknown", f"There is no rehearsal {identity!r}: the latest {KEPT} are kept.")
        return self._all[identity]

    async def _run(self, made: Rehearsing, present: Present, *, thermal: bool) -> None:
        try:
            configs = [None] if made.draft is None else [None, made.draft.config]
            strategies = [await asyncio.to_thread(self._scene.strategy, config) for config in configs]
            forecast = await self._forecasts(present, thermal=thermal)
            for strategy in strategies:
                run = Rehearsal(present, strategy.policies, forecast)
                made.runs.append(run)
                made.assumes = run.forecast.tells
                async for at in run.run(made.end):
                    made.at = at
                    _must_go_on(made, present.book.current, len(run.writes))
            made.told = await asyncio.to_thread(_told, made, strategies[-1].programmes)
            made.state = "done"
        except asyncio.CancelledError:
            made.state = "stopped"
            raise
        except PointsError as error:
            made.state, made.why = "failed", str(error)
        except Exception as error:
            log.exception("rehearsal failed", id=made.id)
            made.state, made.why = "failed", f"{type(error).__name__}: {error}"
        finally:
            made.count = made.told.count if made.told else sum(len(run.writes) for run in made.runs[-1:])
            made.runs.clear()  # what was read and written of a week takes much memory

    async def _forecasts(self, present: Present, *, thermal: bool) -> Callable[[PointStore], Forecast]:
        if not thermal:
            return lambda _store: AsNow()
        catalog = present.book.current
        outdoor = [point for point in catalog.points.values() if point.point_class == OUTDOOR]
        weather = await self._scene.weather(present.now - WEATHER_FOR)
        return lambda store: Thermal(catalog, store, present.now, weather, outdoor)

    def _info(self, made: Rehearsing, user: User) -> RehearsalInfo:
        told = made.told or Told(count=len(made.runs[-1].writes) if made.runs else made.count)
        return RehearsalInfo(
            id=made.id,
            state=made.state,
            why=made.why,
            start=made.start,
            end=made.end,
            at=made.at or made.start,
            share=self._share(made),
            assumes=made.assumes,
            days=list(told.days),
            writes=list(told.writes),
            count=told.count,
            new=told.new,
            gone=told.gone,
            refused=list(told.refused),
            clashes=list(told.clashes),
            faults=list(told.faults),
            estimate=list(told.estimate),
            changes=list(made.changes),
            may_save=self.why_not_saved(made, user),
        )

    def _share(self, made: Rehearsing) -> float:
        if made.state == "done":
            return 1.0
        runs = 2 if made.draft is not None else 1
        part = 0.0 if made.at is None else (made.at - made.start) / (made.end - made.start)
        return min(0.99, (max(len(made.runs) - 1, 0) + part) / runs)

    def why_not_saved(self, made: Rehearsing, user: User) -> str:
        """Why what was rehearsed cannot come into force by this person now; empty if it can."""
        if made.draft is None:
            return "It changes nothing."
        if made.running is not self._running():
            return "Another configuration has come into force since it began; rehearse it again."
        if made.state != "done":
            return "Its rehearsal has not come to its end."
        if user.name not in made.shown_to:
            return f"You have not looked at its rehearsal: `facility rehearsal {made.id}`."
        if not timedelta(0) <= self._clock.now() - made.start <= FRESH:
            return "Its rehearsal is older than an hour; rehearse it again."
        return "" if made.changes else "It changes nothing."


def changed_keys(old: Config, new: Config) -> list[str]:
    """The keys in which two configurations differ, as the audit names them."""
    return [change.key for change in differences(old.model_dump(mode="json"), new.model_dump(mode="json"))]


def _must_go_on(made: Rehearsing, catalog: Catalog, writes: int) -> None:
    if catalog is not made.catalog:
        raise Overtaken("the building's catalog has changed meanwhile; rehearse it again")
    if writes > MOST_WRITES:
        raise Overtaken(f"that are more than {MOST_WRITES:,} writes; rehearse fewer days")


def _told(made: Rehearsing, programmes: Mapping[str, Programme]) -> Told:
    """Everything that was found, in the words of the wire."""
    found = made.runs[-1].found
    apart = difference(made.runs[0].found.writes, found.writes) if len(made.runs) > 1 else NOTHING
    return Told(
        days=telling.days(found, apart, programmes, made.zone),
        writes=telling.writes(found, apart, made.catalog),
        count=len(found.writes),
        new=len(apart.new),
        gone=len(apart.gone),
        refused=telling.refusals(found),
        clashes=telling.clashes(found),
        faults=found.faults,
        estimate=_estimate([run.forecast for run in made.runs]),
    )


def _estimate(forecasts: Sequence[Forecast]) -> Sequence[str]:
    """What the forecast's zones took, where there was one."""
    thermal = [forecast for forecast in forecasts if isinstance(forecast, Thermal)]
    if not thermal:
        return []
    heat, cold = thermal[-1].heat, thermal[-1].cold
    lines = [f"Zones take {heat:,.0f} kWh of heat and give off {cold:,.0f} kWh, as standard rooms (a rough estimate)."]
    if len(thermal) > 1:
        apart = heat + cold - thermal[0].heat - thermal[0].cold
        lines.append(f"That is {apart:+,.0f} kWh against the plan now.")
    unmet = thermal[-1].unmet
    if unmet:
        worst = max(unmet, key=lambda space: unmet[space])
        hours = unmet[worst] / timedelta(hours=1)
        lines.append(
            f"{len(unmet)} spaces are over 1 K outside their setpoints at times, longest {worst}: {hours:.1f} h."
        )
    else:
        lines.append("No space is more than 1 K outside its setpoints.")
    return lines
