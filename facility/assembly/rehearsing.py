"""The parts that look ahead: rehearsals, and how a configuration that was rehearsed comes into force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from facility.assembly.acting import Acting
from facility.assembly.ground import Ground, Trail
from facility.assembly.knowing import Knowing
from facility.assembly.showing import Showing
from facility.config.model import Config
from facility.rehearsal.course import Present
from facility.rehearsals import OUTDOOR, Rehearsals, Scene
from facility.reloading import Reloading
from facility.strategy import Strategy
from schedules.writable import in_celsius

QUARTERS = 96  # of an hour, in a day


def rehearsing(
    ground: Ground, trail: Trail, known: Knowing, acts: Acting, shown: Showing
) -> tuple[Rehearsals, Reloading]:
    """Both of the building as it is whenever somebody asks."""
    clock, zone = ground.clock, ground.config.site.tz

    def today() -> date:
        return clock.now().astimezone(zone).date()

    reloading = Reloading(strategy=acts.strategy, audit=trail.audit, db=ground.db, today=today, wake=acts.wake)

    def present() -> Present:
        decider = acts.planner.decider
        return Present(
            now=clock.now(),
            zone=zone,
            book=known.book,
            readings=known.store.snapshot(),
            feeds=acts.feeds(),
            held=dict(acts.hands.held()),
            memories=decider.memories(),
            steady=decider.steady,
            judge=acts.judge,
        )

    def strategy(config: Config | None) -> Strategy:
        return acts.strategy.twin(config or acts.strategy.config, today())

    async def weather(since: datetime) -> Sequence[tuple[datetime, float]]:
        points = [point for point in known.book.current.points.values() if point.point_class == OUTDOOR]
        if shown.history is None or not points:
            return ()
        buckets = await shown.history.trend(points[0].id, since, clock.now(), QUARTERS)
        read = ((bucket.start, bucket.mean) for bucket in buckets)
        celsius = ((begin, in_celsius(points[0], mean)) for begin, mean in read if mean is not None)
        return [(begin, warm) for begin, warm in celsius if warm is not None]

    scene = Scene(present=present, strategy=strategy, weather=weather)
    return Rehearsals(scene, reloading.drafted, lambda: acts.strategy.config, clock), reloading
