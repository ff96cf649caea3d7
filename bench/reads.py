"""Values read by ReadPropertyMultiple: 72 values a request, 2 devices, 8 requests in flight.

Each client runs by itself for some seconds a round, all clients in turn in each round. What they read is checked: every
value has to belong to the object that was asked for, and to differ between two moments where all values change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.contenders import RAW, Failed, run
from bench.devices.building import AI, whole_part
from bench.fleet import Job

VALUES, DEVICES, IN_FLIGHT = 72, 2, 8
TIMEOUT = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    per_second: float
    cpu: float  # cores that the client used


def rate(client: str, job: Job, *, seconds: float, changing: bool) -> Rate:
    """One round of one client."""
    asked = {**job, "values": VALUES, "in_flight": IN_FLIGHT, "seconds": seconds}
    answer = run(client, "rpm", asked, timeout=seconds + TIMEOUT)
    if client != RAW:
        check(answer, changing=changing)
    return Rate(per_second=answer["values"] / answer["seconds"], cpu=answer["cpu"] / answer["seconds"])


def check(answer: Job, *, changing: bool) -> None:
    """Raises Failed unless the client has decoded what the devices said."""
    early, late = answer["early"], answer["late"]
    if len(early) != IN_FLIGHT or not all(late):
        raise Failed("a request in flight was never answered")
    for position, (before, after) in enumerate(zip(early, late, strict=True)):
        device = position % DEVICES
        wanted = [whole_part(device, (AI, instance)) for instance in range(1, VALUES + 1)]
        if [math.floor(value) for value in after] != wanted or [math.floor(value) for value in before] != wanted:
            raise Failed(f"wrong values of device {device}")
        if not changing and before != after:
            raise Failed("values changed that do not")
    if changing and all(before == after for before, after in zip(early, late, strict=True)):
        raise Failed("all values are the old ones")
