"""The parts that act on the building, and those that look after what is held: nothing else reaches a device's slots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from facility.agreement import Agreement
from facility.assembly.ground import Ground, Trail
from facility.assembly.knowing import Knowing
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.courses import Courses
from facility.effects import Effects
from facility.feeds.book import FeedBook
from facility.feeds.vacated import BedRooms, BedWatcher
from facility.flight.recorder import FOLDER, Recorder
from facility.foreign import ForeignSweep
from facility.hands import PolicyHands
from facility.judgement import Judge, Judging
from facility.leases import Leases
from facility.memories import Memories
from facility.rooms import Rooms
from facility.special_events import SpecialEvents
from facility.special_events import load as load_events
from facility.strategy import Strategy
from facility.watcher import EnvelopeWatcher
from points.clock import Clock
from points.model import SpaceId
from points.store import PointStore
from schedules.feeds import Feeds
from schedules.planner import Planner
from schedules.policy import View
from schedules.wakeups import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """The desk, what it has promised, and everybody who comes to it by himself."""

    claims: Claims
    foreign: ForeignSweep
    desk: CommandDesk
    leases: Leases
    watcher: EnvelopeWatcher
    beds: BedWatcher
    vacated: Callable[[], frozenset[SpaceId]]
    """The rooms where patients sleep whose beds are surely free."""
    courses: Courses
    effects: Effects
    judge: Judging
    """The guard as it is for the desk, for other readings and another time."""
    strategy: Strategy
    special_events: SpecialEvents
    hands: PolicyHands
    planner: Planner
    recorder: Recorder | None
    feeds: Callable[[], Feeds]
    """What policies see of what others told."""
    wake: Callable[[], None]
    """Has the planner look at the strategy again."""
    agreement: Agreement


async def acting(
    ground: Ground, trail: Trail, known: Knowing, wakeups: Wakeups, told: FeedBook | None = None
) -> Acting:
    """With the claims that stood when the agent last ran. `told`: what others tell; without it, nobody does."""
    clock, audit = ground.clock, trail.audit
    told = told or FeedBook(clock)
    claims = await Claims.load(ground.db)
    profiles = known.consents.profiles
    rooms = Rooms(profiles, known.store, held=lambda point: bool(claims.of(point)))
    foreign = _foreign(ground, trail, known, claims)
    bed_rooms = BedRooms(told.feeds, known.store, known.book, clock, profiles.vacated_rules)

    def judge(store: PointStore, clock: Clock, heard: Callable[[], Feeds]) -> Judge:
        rules = known.rules
        return Judge(
            known.book,
            store,
            claims,
            clock,
            limits=rules.command_limits,
            rule=rules.command_rule,
            room=rooms.of,
            beds=BedRooms(heard, store, known.book, clock, profiles.vacated_rules).of,
        )

    desk = _desk(ground, trail, known, claims=claims, judge=judge(known.store, clock, told.feeds), foreign=foreign)
    strategy = Strategy(ground.config, clock.now().astimezone(ground.config.site.tz).date())
    announced = await load_events(ground.db)
    special = SpecialEvents(ground.db, audit, clock, strategy, known.book, wake=wakeups.ring, announced=announced)
    memories = await Memories.open(ground.db, strategy.policies)
    hands = PolicyHands(desk, clock)
    recorder = _recorder(ground, strategy, hands)
    planner = _planner(ground, known, hands, strategy, wakeups, memories, told, recorder)
    told.follow(planner.hear)
    return Acting(
        claims=claims,
        foreign=foreign,
        desk=desk,
        leases=Leases(desk, audit, clock, events=ground.events, bacnet=ground.bacnet),
        watcher=EnvelopeWatcher(rooms, desk, known.store, known.book, ground.events, clock),
        vacated=bed_rooms.vacated,
        beds=BedWatcher(bed_rooms, desk, known.book, told, ground.events, clock),
        courses=Courses(desk, clock),
        effects=_effects(ground, trail, known, desk),
        judge=judge,
        strategy=strategy,
        special_events=special,
        hands=hands,
        planner=planner,
        recorder=recorder,
        feeds=told.feeds,
        wake=wakeups.ring,
        agreement=Agreement(known.consents, ground.db, desk, audit, clock, known.survey.reshape),
    )


def _desk(
    ground: Ground,
    trail: Trail,
    known: Knowing,
    *,
    claims: Claims,
    judge: Judge,
    foreign: ForeignSweep,
) -> CommandDesk:
    return CommandDesk(
        bacnet=ground.bacnet,
        reader=known.freshness,
        catalog=known.book,
        store=known.store,
        claims=claims,
        audit=trail.audit,
        events=ground.events,
        clock=ground.clock,
        judge=judge,
        recognises=known.recognition.recognises,
        seen=foreign.saw,
    )


def _foreign(ground: Ground, trail: Trail, known: Knowing, claims: Claims) -> ForeignSweep:
    minutes = ground.config.bacnet.sweep_minutes
    return ForeignSweep(
        bacnet=ground.bacnet,
        book=known.book,
        store=known.store,
        claims=claims,
        db=ground.db,
        audit=trail.audit,
        events=ground.events,
        clock=ground.clock,
        every=timedelta(minutes=minutes) if minutes else None,
        lost=known.freshness.lost,
        passports=ground.passports,
    )


def _effects(ground: Ground, trail: Trail, known: Knowing, desk: CommandDesk) -> Effects:
    return Effects(
        book=known.book,
        store=known.store,
        claims=desk.claims,
        read=known.freshness.read_now,
        slots=desk.slots,
        audit=trail.audit,
        events=ground.events,
        clock=ground.clock,
    )


def _planner(
    ground: Ground,
    known: Knowing,
    hands: PolicyHands,
    strategy: Strategy,
    wakeups: Wakeups,
    memories: Memories,
    told: FeedBook,
    recorder: Recorder | None,
) -> Planner:
    def view() -> View:
        return View(
            now=ground.clock.now(),
            zone=ground.config.site.tz,
            catalog=known.book.current,
            readings=known.store.snapshot(),
            outside=told.feeds,
        )

    return Planner(
        policies=lambda: strategy.policies,
        view=view,
        store=known.store,
        hands=hands,
        clock=ground.clock,
        tell=ground.events.tell,
        wakeups=wakeups,
        remembering=memories,
        record=recorder,
    )


def _recorder(ground: Ground, strategy: Strategy, hands: PolicyHands) -> Recorder | None:
    recording = ground.config.recorder
    if not recording.enabled:
        return None
    return Recorder(
        ground.config.state_dir / FOLDER,
        ground.clock,
        keep=timedelta(days=recording.days),
        config=lambda: strategy.config,
        events=lambda: strategy.events,
        held=hands.held,
    )
