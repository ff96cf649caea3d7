"""A rehearsal that knows how the hospital lives: its forecast is a twin of it, to which the rehearsed writes go."""

import asyncio
import pickle
from datetime import timedelta
from types import SimpleNamespace

from facility.accelerated.network import VirtualNetwork
from facility.accelerated.readings import Showing
from facility.rehearsal.course import Present, Rehearsal


class Twin:
    """`facility.rehearsal.forecast.Forecast`: lives on from the present in the very steps of the real one."""

    tells = "The hospital lives on as it will."

    def __init__(self, agent, store):
        self._hospital = pickle.loads(pickle.dumps(agent.hospital))
        self._step = timedelta(seconds=agent._step)
        network = VirtualNetwork(self._hospital, SimpleNamespace(now=lambda: self._hospital.instant))
        known = {point.id: ref for ref, *_ in network.points for point in [agent.by_ref.get(ref)] if point}
        self._roles = {id_: (unit, role) for ref, unit, role in network.points for id_ in [_id(known, ref)] if id_}
        self._readings = []
        self._store = SimpleNamespace(get=store.get, put=self._put)
        self._real = store
        clock = SimpleNamespace(now=lambda: self._hospital.instant)
        self._showing = Showing(self._hospital, network, self._store, clock)
        self._showing.follow(agent.known.book.current)
        self._readings.clear()
        self.writes = []
        self._done = 0

    def next(self, now):
        return self._hospital.instant + self._step

    def readings(self, now):
        for write in self.writes[self._done :]:
            unit, role = self._roles[write.point]
            unit.write(role, write.value, int(write.priority))
        self._done = len(self.writes)
        self._showing.advance(now)
        told, self._readings = self._readings, []
        return told

    def _put(self, reading):
        self._real.put(reading)
        self._readings.append(reading)


def _id(known, ref):
    return next((id_ for id_, each in known.items() if each == ref), None)


def rehearsed(agent, days):
    """What the rehearsal says, asked now: (time, point, level, value) of every write."""
    agent.by_ref = {point.ref: point for point in agent.known.book.current.points.values()}
    acts, decider = agent.acts, agent.acts.planner.decider
    present = Present(
        now=agent.now,
        zone=agent.config.site.tz,
        book=agent.known.book,
        readings=agent.known.store.snapshot(),
        feeds=acts.feeds(),
        held=dict(acts.hands.held()),
        memories=decider.memories(),
        steady=decider.steady,
        judge=acts.judge,
    )
    strategy = acts.strategy.twin(agent.config, agent.now.astimezone(agent.config.site.tz).date())
    run = Rehearsal(present, strategy.policies, lambda store: Twin(agent, store))
    run.forecast.writes = run.writes

    async def to_the_end():
        async for _ in run.run(agent.now + timedelta(days=days)):
            pass

    asyncio.run(to_the_end())
    found = run.found
    assert found.faults == ()
    return [(write.at, write.point, int(write.priority), write.value) for write in found.writes]
