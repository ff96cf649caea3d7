"""Makes the hospital live: physics in steps of one simulated second, shown on the network as it changes."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Sequence

from facility.simulation.objects import Face
from facility.simulation.site import Site
from facility.simulation.spec import Kind
from facility.simulation.station import Station

STEP = 1.0  # simulated seconds; fixed, so that a seed gives the same hospital at any speed
SLOWEST_TICK = 1.0  # wall seconds between two looks at the network
FASTEST_TICK = 0.5
CHURN_TICK = 0.05


async def live(stations: Sequence[Station], site: Site, speed: float) -> None:
    """Runs the equipment until cancelled; `speed` simulated seconds per second."""
    loop = asyncio.get_running_loop()
    tick = max(FASTEST_TICK, min(SLOWEST_TICK, STEP / speed))
    started = loop.time()
    done = 0
    while True:
        due = int((loop.time() - started) * speed / STEP)
        if due > done:
            advance(stations, site, due - done)
            done = due
        await asyncio.sleep(tick)


def advance(stations: Sequence[Station], site: Site, steps: int) -> None:
    """Some steps with the commands as they stand, then shows where that has led."""
    commands = [station.commands() for station in stations]
    for _ in range(steps):
        site.advance(STEP)
        shown = [station.spec.equipment.step(STEP, now, site) for station, now in zip(stations, commands, strict=True)]
    for station, values in zip(stations, shown, strict=True):
        station.show(values)


async def churn(stations: Sequence[Station], changes_per_second: float, seed: int) -> None:
    """Lets analog inputs jitter by a little more than their COV increment, for load tests."""
    noise = random.Random(seed)
    inputs = [face for station in stations for face in station.faces.values() if _jitters(face)]
    noise.shuffle(inputs)
    loop = asyncio.get_running_loop()
    turn = itertools.cycle(inputs)
    started, done = loop.time(), 0
    while True:
        due = int((loop.time() - started) * changes_per_second)
        for face in itertools.islice(turn, due - done):
            face.jitter(noise)
        done = due
        await asyncio.sleep(CHURN_TICK)


def _jitters(face: Face) -> bool:
    return face.spec.kind is Kind.AI and not face.spec.faulty
