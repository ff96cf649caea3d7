"""Makes the hospital live: physics in steps of one simulated second, shown on the network as it changes."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence

from facility.simulation.objects import Face
from facility.simulation.site import Site
from facility.simulation.spec import Kind, Value
from facility.simulation.station import Station

STEP = 1.0  # simulated seconds; fixed, so that a seed gives the same hospital at any speed
SLOWEST_TICK = 1.0  # wall seconds between two looks at the network
FASTEST_TICK = 0.5
CHURN_TICK = 0.05
STEPS_AT_A_STRETCH = 10  # a few milliseconds


async def live(stations: Sequence[Station], site: Site, speed: float) -> None:
    """Runs the equipment until cancelled; `speed` simulated seconds per second.

    On a machine that cannot keep up the simulated clock falls behind rather than the network.
    """
    loop = asyncio.get_running_loop()
    tick = max(FASTEST_TICK, min(SLOWEST_TICK, STEP / speed))
    owed, before = 0.0, loop.time()
    warning = [face for station in stations for face in station.faces.values() if face.spec.egress_seconds]
    while True:
        await asyncio.sleep(tick)
        now = loop.time()
        owed = min(owed + (now - before) * speed, 2 * tick * speed + STEP)
        before = now
        steps, owed = divmod(owed, STEP)
        await _advance(stations, site, int(steps))
        for station in stations:
            await station.timers.keep(site.now)
        for face in warning:
            await face.keep(site.now)


async def _advance(stations: Sequence[Station], site: Site, steps: int) -> None:
    """Some steps with the commands as they stand, then shows where that has led.

    Its own controllers act in every step, or a fast hospital would swing where a slow one rests.
    """
    commands = [station.commands() for station in stations]
    following = [station.following() for station in stations]
    values: list[Mapping[str, Value]] = []
    for step in range(steps):
        site.advance(STEP)
        values = [station.spec.equipment.step(STEP, now, site) for station, now in zip(stations, commands, strict=True)]
        for now, asked, free in zip(commands, values, following, strict=True):
            now.update((role, float(asked[role])) for role in free & asked.keys())
        if step % STEPS_AT_A_STRETCH == 0:
            await asyncio.sleep(0)  # the network has its turn
    if values:
        for station, shown in zip(stations, values, strict=True):
            station.show(shown)


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
