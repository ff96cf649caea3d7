"""COV notifications: how many a second are taken in without loss, and how late a change is where it is used.

The value of each notification is its sequence number, so that a lost one shows. A rate counts as borne when every
notification of a burst of some seconds came to the client's handler, the last of them no later than `LAG` after it was
sent. The highest such rate is searched for in steps of a tenth of a decade.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from bench.contenders import Conversation, conversation
from bench.fleet import Farm, Job

DEVICES, OBJECTS = 2, 50
LAG = 0.25  # seconds
STEP = 10**0.1
LOWEST, TOP = 250.0, 27  # notifications a second, and the highest rung: 125 000
LATENCY_RATE, LATENCY_DEVICES, LATENCY_OBJECTS = 1000.0, 10, 72


def highest_rate(client: str, farm: Farm, *, seconds: float, start: float, stride: int) -> float:
    """Notifications a second that the client bears; 0 if it does not even bear the lowest rate."""
    farm.ask(do="forget")
    job = {**farm.job(DEVICES), "objects": OBJECTS}
    with conversation(client, "cov", job) as talk:
        talk.ask("count")

        def bears(rate: float) -> float:
            return _bears(talk, farm, rate, seconds) or _bears(talk, farm, rate, seconds)

        return climb(bears, place=round(math.log(start / LOWEST, STEP)), stride=stride)


def climb(bears: Callable[[float], float], *, place: int, stride: int) -> float:
    """The highest rate that is borne, on a ladder of rates: from `place` in strides until it turns, then step by step.

    `bears` gives the rate that was reached, or 0.
    """
    reached: dict[int, float] = {}

    def holds(rung: int) -> bool:
        reached[rung] = bears(LOWEST * STEP**rung)
        return reached[rung] > 0

    if holds(place):
        while place < TOP and holds(min(TOP, place + stride)):
            place = min(TOP, place + stride)
        fails = min(TOP, place + stride) if place < TOP else TOP + 1
    else:
        fails = place
        while place > 0:
            place = max(0, place - stride)
            if holds(place):
                break
            fails = place
        if not reached[place]:
            return 0.0
    for rung in range(place + 1, fails):
        if not holds(rung):
            break
        place = rung
    return reached[place]


def _bears(talk: Conversation, farm: Farm, rate: float, seconds: float) -> float:
    first, end, reached = farm.tell(rate, seconds)
    time.sleep(LAG)
    came = talk.ask("count")
    last_sent = farm.times(end - 1, end)[0]
    if came["distinct"] == end - first and came["last"] - last_sent <= LAG and reached > rate * 0.9:
        return reached
    time.sleep(0.5)  # what it has not handled yet is not to count for the next rate
    talk.ask("count")
    return 0.0


def latency(client: str, farm: Farm, *, seconds: float) -> float:
    """99th percentile of the seconds from a change at the device to the client's handler; a lost one is never there.

    Ours is measured at the end of `PointStore.watch`, behind Freshness and the store.
    """
    farm.ask(do="forget")
    case = "cov-latency" if client == "facility" else "cov"
    job: Job = {**farm.job(LATENCY_DEVICES), "objects": LATENCY_OBJECTS}
    with conversation(client, case, job) as talk:
        talk.ask("count")
        first, end, _ = farm.tell(LATENCY_RATE, seconds)
        time.sleep(1.0)
        came = {int(number): at for number, at in talk.ask("times")["times"]}
        sent = farm.times(first, end)
    return late([came.get(first + place, float("inf")) - at for place, at in enumerate(sent)])


def late(seconds: list[float]) -> float:
    """The 99th percentile."""
    return sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]
