"""The parts that judge, keep and show what is known; nothing of them changes the building."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from facility import __version__
from facility.alarms import AlarmBook
from facility.assembly.acting import Acting
from facility.assembly.ground import Ground, Trail
from facility.assembly.hearing import Hearing
from facility.assembly.knowing import Knowing
from facility.compliance import Compliance
from facility.links import Gauges
from facility.mirror.service import Mirror
from facility.overview import Overseer
from facility.settings import mirror_settings
from facility.supervisor import Roll
from points.bacnet.stack import Stack
from points.clock import SystemClock
from points.history import History, Keep


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """The alarms, the history, the broker's picture, and the accounts that everybody gives of himself."""

    alarms: AlarmBook
    history: History | None
    mirror: Mirror | None
    gauges: Gauges
    overseer: Overseer


def showing(
    ground: Ground, trail: Trail, known: Knowing, hears: Hearing, acts: Acting, roll: Roll, stack: Stack
) -> Showing:
    """What the configuration does not want is None."""
    compliance = Compliance(known.consents.profiles, acts.vacated)
    alarms = AlarmBook(
        store=known.store,
        catalog=known.book,
        compliance=compliance,
        devices=known.freshness.devices,
        db=ground.db,
        events=ground.events,
        clock=ground.clock,
        holds=acts.claims.held_at,
        effects=acts.effects.troubles,
    )
    hears.utility.watch_alarms(lambda: [alarm.since for alarm in alarms.all()])
    history, mirror = _history(ground, known), _mirror(ground, trail, known, alarms)
    gauges = Gauges(
        roll=roll,
        config=ground.config,
        stack=stack,
        freshness=known.freshness,
        mirror=mirror,
        history=history,
        audit=trail.audit,
        anchoring=trail.anchoring,
        planner=acts.planner,
        recorder=acts.recorder,
        events=ground.events,
        claims=acts.claims,
        alarms=alarms,
        book=known.book,
        short=lambda: known.demand.short,
        foreign=acts.foreign.slots,
        relaxations=known.consents.waiting,
        feeds=hears.account,
    )
    overseer = _overseer(ground, known, acts, compliance=compliance, alarms=alarms, gauges=gauges)
    return Showing(alarms=alarms, history=history, mirror=mirror, gauges=gauges, overseer=overseer)


def _overseer(
    ground: Ground, known: Knowing, acts: Acting, *, compliance: Compliance, alarms: AlarmBook, gauges: Gauges
) -> Overseer:
    return Overseer(
        book=known.book,
        store=known.store,
        freshness=known.freshness,
        compliance=compliance,
        alarms=alarms,
        claims=acts.claims,
        strategy=acts.strategy,
        clock=ground.clock,
        failed_commands=lambda: len(acts.planner.troubles),
        blind=gauges.blind,
        links=gauges.links,
        banners=gauges.banners,
        foreign=acts.foreign.count,
        overrides=acts.foreign.strongest,
        effect=acts.effects.of,
    )


def _history(ground: Ground, known: Knowing) -> History | None:
    config = ground.config
    if not config.history.enabled:
        return None
    keep = Keep(raw=timedelta(days=config.history.raw_days), rollups=timedelta(days=366 * config.history.rollup_years))
    steady = time.monotonic if isinstance(ground.clock, SystemClock) else None
    return History(config.state_dir / "history.db", known.store, ground.clock, keep, steady=steady)


def _mirror(ground: Ground, trail: Trail, known: Knowing, alarms: AlarmBook) -> Mirror | None:
    settings = mirror_settings(ground.config)
    if settings is None:
        return None
    return Mirror(
        settings,
        store=known.store,
        book=known.book,
        events=ground.events,
        alarms=alarms,
        clock=ground.clock,
        version=__version__,
        heads=trail.anchoring,
    )
