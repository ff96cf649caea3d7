"""The door through which people and programs come: who they are, and what they find behind it."""

from __future__ import annotations

from facility.api import Api, Health
from facility.assembly.acting import Acting
from facility.assembly.ground import Ground, Trail
from facility.assembly.hearing import Hearing
from facility.assembly.knowing import Knowing
from facility.assembly.rehearsing import rehearsing
from facility.assembly.showing import Showing
from facility.audit.checking import Checking
from facility.audit.denials import Denials
from facility.audit.doors import Refusals
from facility.audit.holds import PastHolds
from facility.audit.pages import Pages
from facility.device_schedules import DeviceSchedules
from facility.energy.gathering import Sources
from facility.energy.live import shedding
from facility.energy.reports import Reports
from facility.explain import Explainer
from facility.feeds.utility_desk import UtilityDesk
from facility.months import Months
from facility.permits import must
from facility.policy_states import PolicyStates
from facility.port import FacilityError
from facility.preview import Previews
from facility.requests import Requests
from facility.schedule_looks import ScheduleLooks
from facility.schedule_writer import ScheduleWriter
from facility.session import Parts, Session
from facility.settings import roster
from facility.users import Caller, Permission, User, stranger
from points.bacnet.port import Constructed
from schedules.policy import View


def door(
    ground: Ground,
    trail: Trail,
    known: Knowing,
    hears: Hearing,
    acts: Acting,
    shown: Showing,
    constructed: Constructed,
) -> Api:
    """Every caller whom the site knows gets a session of his own."""
    parts = _parts(ground, trail, known, hears, acts, shown, constructed)
    users = roster(ground.config)

    def known_as(caller: Caller) -> User:
        user = users.user(caller)
        if user is None:
            raise FacilityError("not-allowed", stranger(caller))
        return user

    def session(caller: Caller) -> Session:
        return Session(parts, known_as(caller))

    def metrics(caller: Caller) -> str:
        must(known_as(caller), Permission.SEE)
        return shown.gauges.metrics()

    return Api(
        ground.config.socket,
        session,
        Health(ready=lambda: _not_ready(known), metrics=metrics),
        group=ground.config.api.group,
        refused=Refusals(trail.audit, ground.clock).note,
    )


def _parts(
    ground: Ground, trail: Trail, known: Knowing, hears: Hearing, acts: Acting, shown: Showing, constructed: Constructed
) -> Parts:
    config, clock, audit = ground.config, ground.clock, trail.audit
    rehearsals, reloading = rehearsing(ground, trail, known, acts, shown)
    return Parts(
        config=config,
        clock=clock,
        started=clock.now(),
        book=known.book,
        store=known.store,
        freshness=known.freshness,
        deadline=known.rules.deadline,
        limits=known.rules.limits,
        command_limits=known.rules.command_limits,
        critical=known.rules.critical,
        history=shown.history,
        claims=acts.claims,
        audit=audit,
        alarms=shown.alarms,
        desk=acts.desk,
        announce=acts.effects.announce,
        explainer=_explainer(ground, trail, known, acts, shown),
        previews=Previews(acts.desk, clock),
        requests=Requests(clock, audit, ground.events),
        denials=Denials(audit, clock),
        survey=known.survey,
        agreement=acts.agreement,
        months=Months(clock=clock, book=known.book, strategy=acts.strategy),
        policy_states=_policy_states(ground, known, acts),
        special_events=acts.special_events,
        utility=UtilityDesk(hears.utility, config.demand_response.accounts),
        rehearsals=rehearsals,
        reloading=reloading,
        overseer=shown.overseer,
        device_schedules=_device_schedules(ground, trail, known, acts, constructed),
        passports=ground.passports,
        topic=shown.mirror.topic_of if shown.mirror else (lambda _point: ""),
        stats=shown.gauges.stats,
        overrides=acts.foreign.overrides,
        check=Checking(ground.db.path, config.anchor_file, trail.anchoring.key, clock, trail.anchoring.checked).check,
        page=Pages(ground.db.path, trail.anchoring.key).page,
        reports=_reports(ground, known, acts, shown),
    )


def _policy_states(ground: Ground, known: Knowing, acts: Acting) -> PolicyStates:
    return PolicyStates(
        clock=ground.clock,
        book=known.book,
        strategy=acts.strategy,
        planning=acts.planner,
        claims=acts.claims,
        freshness=known.freshness,
        foreign=acts.foreign.of,
        rule=known.rules.command_rule,
        limits=known.rules.command_limits,
    )


def _view(ground: Ground, known: Knowing) -> View:
    return View(
        now=ground.clock.now(),
        zone=ground.config.site.tz,
        catalog=known.book.current,
        readings=known.store.snapshot(),
    )


def _reports(ground: Ground, known: Knowing, acts: Acting, shown: Showing) -> Reports:
    return Reports(
        sources=Sources(
            config=ground.config,
            clock=ground.clock,
            history=shown.history,
            claims=acts.claims,
            past=PastHolds(ground.db.path),
            holidays=lambda: acts.strategy.config.holidays,
        ),
        book=known.book,
        store=known.store,
        profiles=known.consents.profiles,
        shedding=lambda: shedding(acts.strategy.policies, acts.planner.decider.memories(), _view(ground, known)),
    )


def _device_schedules(
    ground: Ground, trail: Trail, known: Knowing, acts: Acting, constructed: Constructed
) -> DeviceSchedules:
    looks = ScheduleLooks(constructed, known.book, ground.clock)
    return DeviceSchedules(
        sections=lambda: acts.strategy.config.device_schedules,
        looks=looks,
        writer=ScheduleWriter(
            bacnet=constructed,
            looks=looks,
            audit=trail.audit,
            events=ground.events,
            clock=ground.clock,
            recognises=known.recognition.recognises,
        ),
        desk=acts.desk,
        strategy=acts.strategy,
        book=known.book,
        clock=ground.clock,
        zone=ground.config.site.tz,
    )


def _explainer(ground: Ground, trail: Trail, known: Knowing, acts: Acting, shown: Showing) -> Explainer:
    return Explainer(
        clock=ground.clock,
        book=known.book,
        store=known.store,
        freshness=known.freshness,
        claims=acts.claims,
        audit=trail.audit,
        alarms=shown.alarms,
        desk=acts.desk,
        strategy=acts.strategy,
        planning=acts.planner,
        feeds=acts.feeds,
        rule=known.rules.command_rule,
        foreign=acts.foreign.of,
        effect=acts.effects.of_point,
    )


def _not_ready(known: Knowing) -> str | None:
    if not known.book.current.points:
        return "no points are known yet"
    return None if len(known.store) else "no point has been read yet"
