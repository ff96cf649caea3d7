"""The composition root: the only place that knows all classes, and the order in which they come and go.

Coming: lock and state, BACnet, what was known before; then the services. Going: the planner lets go of
what policies hold while everything else still runs, then the rest ends; operators' holds stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from facility import __version__
from facility.agreement import Agreement
from facility.alarms import AlarmBook
from facility.api import Api, Health
from facility.audit import Audit
from facility.audit.anchoring import Anchoring
from facility.audit.checking import Checking
from facility.audit.configuration import note_configuration
from facility.audit.doors import Refusals
from facility.audit.jumps import Jumps
from facility.audit.keys import open_key
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.compliance import Compliance
from facility.config import Config
from facility.consents import Consents
from facility.consents import load as load_consents
from facility.courses import Courses
from facility.database import StateDatabase, open_state
from facility.demand import DemandWatch
from facility.effects import Effects
from facility.explain import Explainer
from facility.foreign import ForeignSweep
from facility.guard import Limits
from facility.hands import PolicyHands
from facility.heap import Heap
from facility.judgement import Judge
from facility.leases import Leases
from facility.links import Gauges
from facility.mirror.service import Mirror
from facility.overview import Overseer
from facility.passports import PassportKeeper
from facility.port import FacilityError
from facility.preview import Previews
from facility.profiles import Limit
from facility.profiles.model import CommandRule
from facility.recognition import Recognition
from facility.relaxations import Gate
from facility.requests import Requests
from facility.rooms import Rooms
from facility.session import Parts, Session
from facility.settings import (
    discovery_plan,
    mirror_settings,
    must_be_usable,
    overrule,
    roster,
    stack_settings,
    state_folder,
)
from facility.shape import shape_of
from facility.strategy import Strategy, rules_of
from facility.supervisor import Roll, Service, supervise
from facility.survey import Survey
from facility.users import Caller, stranger
from facility.watcher import EnvelopeWatcher
from points.bacnet.stack import Stack, open_stack
from points.catalog import CatalogBook
from points.clock import Clock, SystemClock
from points.events import Events
from points.freshness import Freshness
from points.history import History, Keep
from points.model import DeviceId, Point, PointId, Slots, Space
from points.passport import Passports
from points.store import PointStore
from schedules.planner import Planner
from schedules.policy import View
from schedules.wakeups import Wakeups

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """What runs. A failing vital service ends the process; any other is run again."""

    desk: CommandDesk
    history: History | None
    planner: Service
    vital: Sequence[Service]
    services: Sequence[Service]
    clock: Clock
    roll: Roll

    async def run(self) -> None:
        """Lasts until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for service in self.vital:
                tasks.create_task(supervise(service, self.clock, self.roll, vital=True), name=service.name)
            for service in self.services:
                tasks.create_task(supervise(service, self.clock, self.roll), name=service.name)
            # in the group's own task: cancelled first, it lets go while the others still run
            await supervise(self.planner, self.clock, self.roll)


@asynccontextmanager
async def open_agent(config: Config) -> AsyncIterator[Agent]:
    """An agent with its databases and its BACnet socket open. Raises `PointsError` with what to do."""
    clock = SystemClock()
    must_be_usable(config)
    with open_state(state_folder(config)) as db:
        anchoring = Anchoring(
            agent=f"{config.site.id}/{config.agent.id}",
            db=db,
            key=open_key(config.audit_key),
            file=config.anchor_file,
            every=timedelta(minutes=config.audit.anchor_minutes),
            clock=clock,
        )
        keeper = await PassportKeeper.open(db, overrule(config), clock)
        async with open_stack(stack_settings(config, patient=True), keeper.passports) as stack:
            audit = Audit(db, clock)
            await audit.note(by="agent", action="start", target="agent", reason=f"version {__version__}")
            await note_configuration(audit, db, config)
            agent = await _assembled(config, clock, db, stack, audit, keeper, anchoring)
            try:
                yield agent
            finally:
                await agent.desk.settle()
                await keeper.save()  # what was learned while the services ended
                if agent.history is not None:
                    agent.history.close()
                await audit.note(by="agent", action="stop", target="agent")
                await anchoring.anchor()


@asynccontextmanager
async def open_survey(config: Config) -> AsyncIterator[tuple[Survey, CatalogBook]]:
    """Only what it takes to look through the building and to store what is found; for a site without an agent yet."""
    clock, book = SystemClock(), CatalogBook()
    with open_state(state_folder(config)) as db:
        keeper = await PassportKeeper.open(db, overrule(config), clock)
        async with open_stack(stack_settings(config, patient=False), keeper.passports) as stack:
            passports = keeper.passports
            gate = Consents(config.profiles, await load_consents(db)).gate
            survey = _survey(
                config, stack, book, db, Events(), clock, gate=gate, changed=lambda: None, passports=passports
            )
            await survey.restore()
            try:
                yield survey, book
            finally:
                await keeper.save()


def _survey(
    config: Config,
    stack: Stack,
    book: CatalogBook,
    db: StateDatabase,
    events: Events,
    clock: Clock,
    *,
    gate: Gate,
    changed: Callable[[], None],
    passports: Passports,
    lost: Callable[[], Iterable[DeviceId]] = tuple,
) -> Survey:
    hours = config.bacnet.rediscover_hours
    return Survey(
        bacnet=stack,
        plan=discovery_plan(config),
        book=book,
        db=db,
        shape=shape_of(*rules_of(config), gate),
        events=events,
        clock=clock,
        every=timedelta(hours=hours) if hours else None,
        changed=changed,
        passports=passports,
        lost=lost,
    )


async def _assembled(
    config: Config,
    clock: Clock,
    db: StateDatabase,
    stack: Stack,
    audit: Audit,
    keeper: PassportKeeper,
    anchoring: Anchoring,
) -> Agent:
    book, store, events = CatalogBook(), PointStore(), Events()
    consents = Consents(config.profiles, await load_consents(db))
    profiles = consents.profiles
    strategy = Strategy(config, clock.now().astimezone(config.site.tz).date())

    def space_of(point: Point) -> Space | None:
        return book.current.spaces.get(point.space) if point.space else None

    def deadline(point: Point) -> float:
        return profiles.deadline(point, space_of(point))

    def limits(point: Point) -> Limits | None:
        return _limits(profiles.limits(point, space_of(point)))

    def command_limits(point: Point) -> Limits | None:
        return _limits(profiles.command_limits(point, space_of(point)))

    def rule(point: Point) -> CommandRule:
        return profiles.command_rule(point, space_of(point))

    def critical(space: Space) -> bool:
        profile = profiles.of(space.type)
        return profile is not None and profile.critical

    def view() -> View:
        return View(now=clock.now(), zone=config.site.tz, catalog=book.current, readings=store.snapshot())

    def revised(device: DeviceId) -> None:
        survey.revised(device)

    def holds_at(device: DeviceId) -> int:
        return sum(claim.point.startswith(f"{device}/") for claim in claims.standing())

    def told(device: DeviceId, identity: Mapping[str, str]) -> None:
        recognition.heard(device, identity)

    async def recognises(device: DeviceId) -> bool:
        return await recognition.recognises(device)

    def seen(point: PointId, slots: Slots, now: datetime) -> None:
        foreign.saw(point, slots, now)

    freshness = Freshness(
        stack,
        book,
        store,
        clock=clock,
        deadline=deadline,
        events=events,
        passports=keeper.passports,
        revised=revised,
        told=told,
    )
    claims = await Claims.load(db)
    rooms = Rooms(profiles, store, held=lambda point: bool(claims.of(point)))
    judge = Judge(book, store, claims, clock, limits=command_limits, rule=rule, room=rooms.of)
    desk = CommandDesk(
        bacnet=stack,
        reader=freshness,
        catalog=book,
        store=store,
        claims=claims,
        audit=audit,
        events=events,
        clock=clock,
        judge=judge,
        recognises=recognises,
        seen=seen,
    )
    effects = Effects(
        book=book,
        store=store,
        claims=claims,
        read=freshness.read_now,
        slots=desk.slots,
        audit=audit,
        events=events,
        clock=clock,
    )
    compliance, wakeups = Compliance(profiles), Wakeups(clock)
    alarms = AlarmBook(
        store=store,
        catalog=book,
        compliance=compliance,
        devices=freshness.devices,
        db=db,
        events=events,
        clock=clock,
        holds=holds_at,
        effects=effects.troubles,
    )
    survey = _survey(
        config,
        stack,
        book,
        db,
        events,
        clock,
        gate=consents.gate,
        changed=wakeups.ring,
        passports=keeper.passports,
        lost=freshness.lost,
    )
    recognition = Recognition(stack, book, survey, keeper.passports)
    await survey.restore()
    consents.tell()
    planner = Planner(
        policies=lambda: strategy.policies,
        view=view,
        store=store,
        hands=PolicyHands(desk, clock),
        clock=clock,
        tell=events.tell,
        wakeups=wakeups,
    )
    history = _history(config, store, clock)
    mirror = _mirror(config, anchoring, store=store, book=book, events=events, alarms=alarms, clock=clock)
    watch = DemandWatch(
        book,
        deadline=deadline,
        passports=keeper.passports,
        remote=config.bacnet.requests_per_second,
        local=config.bacnet.local_requests_per_second,
        events=events,
        clock=clock,
    )
    roll = Roll()
    sweep_minutes = config.bacnet.sweep_minutes
    foreign = ForeignSweep(
        bacnet=stack,
        book=book,
        store=store,
        claims=claims,
        db=db,
        audit=audit,
        events=events,
        clock=clock,
        every=timedelta(minutes=sweep_minutes) if sweep_minutes else None,
        lost=freshness.lost,
        passports=keeper.passports,
    )
    gauges = Gauges(
        roll=roll,
        config=config,
        stack=stack,
        freshness=freshness,
        mirror=mirror,
        history=history,
        audit=audit,
        anchoring=anchoring,
        planner=planner,
        events=events,
        claims=claims,
        alarms=alarms,
        book=book,
        short=lambda: watch.short,
        foreign=foreign.slots,
        relaxations=consents.waiting,
    )
    overseer = Overseer(
        book=book,
        store=store,
        freshness=freshness,
        compliance=compliance,
        alarms=alarms,
        claims=claims,
        strategy=strategy,
        clock=clock,
        failed_commands=lambda: len(planner.troubles),
        blind=gauges.blind,
        links=gauges.links,
        banners=gauges.banners,
        foreign=foreign.count,
        overrides=foreign.strongest,
        effect=effects.of,
    )
    parts = Parts(
        config=config,
        clock=clock,
        started=clock.now(),
        book=book,
        store=store,
        freshness=freshness,
        deadline=deadline,
        limits=limits,
        critical=critical,
        history=history,
        claims=claims,
        audit=audit,
        alarms=alarms,
        desk=desk,
        announce=effects.announce,
        explainer=Explainer(
            clock=clock,
            book=book,
            store=store,
            freshness=freshness,
            claims=claims,
            audit=audit,
            alarms=alarms,
            desk=desk,
            strategy=strategy,
            planning=planner,
            rule=rule,
            foreign=foreign.of,
            effect=effects.of_point,
        ),
        previews=Previews(desk, clock),
        requests=Requests(clock, audit, events),
        survey=survey,
        agreement=Agreement(consents, db, desk, audit, clock, survey.reshape),
        strategy=strategy,
        overseer=overseer,
        passports=keeper.passports,
        topic=mirror.topic_of if mirror else (lambda _point: ""),
        stats=gauges.stats,
        overrides=foreign.overrides,
        check=Checking(db.path, config.anchor_file, anchoring.key, clock).check,
    )
    known = roster(config)

    def session(caller: Caller) -> Session:
        user = known.user(caller)
        if user is None:
            raise FacilityError("not-allowed", stranger(caller))
        return Session(parts, user)

    api = Api(
        config.socket,
        session,
        Health(ready=lambda: _not_ready(book, store), metrics=gauges.metrics),
        group=config.api.group,
        refused=Refusals(audit, clock).note,
    )
    optional: list[Service | None] = [history, mirror]
    return Agent(
        desk=desk,
        history=history,
        planner=planner,
        vital=[
            Leases(desk, audit, clock, events=events, bacnet=stack),
            EnvelopeWatcher(rooms, desk, store, book, events, clock),
        ],
        services=[
            freshness,
            survey,
            alarms,
            api,
            Courses(desk, clock),
            effects,
            Heap(book, clock),
            watch,
            recognition,
            foreign,
            keeper,
            anchoring,
            Jumps(audit, events),
            *(service for service in optional if service is not None),
        ],
        clock=clock,
        roll=roll,
    )


def _limits(limit: Limit | None) -> Limits | None:
    return None if limit is None else Limits(low=limit.low, high=limit.high, source=limit.source)


def _history(config: Config, store: PointStore, clock: Clock) -> History | None:
    if not config.history.enabled:
        return None
    keep = Keep(raw=timedelta(days=config.history.raw_days), rollups=timedelta(days=366 * config.history.rollup_years))
    return History(config.state_dir / "history.db", store, clock, keep)


def _mirror(
    config: Config,
    heads: Anchoring,
    *,
    store: PointStore,
    book: CatalogBook,
    events: Events,
    alarms: AlarmBook,
    clock: Clock,
) -> Mirror | None:
    settings = mirror_settings(config)
    if settings is None:
        return None
    return Mirror(
        settings,
        store=store,
        book=book,
        events=events,
        alarms=alarms,
        clock=clock,
        version=__version__,
        heads=heads,
    )


def _not_ready(book: CatalogBook, store: PointStore) -> str | None:
    if not book.current.points:
        return "no points are known yet"
    return None if len(store) else "no point has been read yet"
