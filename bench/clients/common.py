"""What all Python clients share: how they are told what to do and how they count.

`python -m bench.clients.NAME CASE JSON` does one case with one client and prints a line of JSON. In the case "cov"
it prints {"ready": subscriptions} first, then answers each line of its standard input: "count" with how many
notifications came since the last line and how many different ones, "times" with when each one came, "end" by ending.
`bench/node/client.js` does the same for the npm clients.

Nothing but the standard library is imported here: BAC0 runs in an environment of its own.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

WARM_UP = 0.5  # seconds of reading before counting begins
ANALOG_INPUT, PRESENT_VALUE = 0, 85

Job = dict[str, Any]
Read = Callable[[], Awaitable[Sequence[Any]]]


class Arrivals:
    """The notifications that a client's handler got, by the sequence number that is their value."""

    def __init__(self) -> None:
        self.times: dict[int, float] = {}
        self.received = 0

    def note(self, value: float) -> None:
        self.received += 1
        self.times.setdefault(int(value), time.monotonic())

    def taken(self) -> dict[str, Any]:
        answer = {"received": self.received, "distinct": len(self.times), "last": max(self.times.values(), default=0.0)}
        self.times, self.received = {}, 0
        return answer


async def read_in_parallel(readers: Sequence[Read], job: Job) -> Job:
    """Each reader in a loop of its own for `job["seconds"]`; the values that came, counted between two moments."""
    count, running = 0, True
    first: list[Sequence[float]] = [[] for _ in readers]
    last: list[Sequence[float]] = [[] for _ in readers]

    async def repeat(position: int, read: Read) -> None:
        nonlocal count
        while running:
            values = await read()
            if len(values) != job["values"]:
                raise ValueError(f"{len(values)} values instead of {job['values']}")
            count += len(values)
            first[position] = first[position] or values
            last[position] = values

    tasks = [asyncio.create_task(repeat(*each)) for each in enumerate(readers)]
    await _pause(WARM_UP, tasks)
    before, started, cpu = count, time.perf_counter(), _cpu()
    await _pause(job["seconds"], tasks)
    elapsed, cpu, counted = time.perf_counter() - started, _cpu() - cpu, count - before
    running = False
    await asyncio.wait(tasks, timeout=1.0)
    early, late = ([list(map(float, values)) for values in samples] for samples in (first, last))
    return {"values": counted, "seconds": elapsed, "cpu": cpu, "early": early, "late": late}


async def _pause(seconds: float, tasks: list[asyncio.Task[None]]) -> None:
    """Sleeps, unless a task ends before: then it has failed."""
    for done in (await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED))[0]:
        done.result()


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def reader_plan(job: Job) -> list[int]:
    """The device that each request in flight asks, by its position in the job."""
    return [position % len(job["devices"]) for position in range(job["in_flight"])]


async def answer_questions(arrivals: Arrivals, subscriptions: int) -> None:
    """The second half of the case "cov", once everything is subscribed."""
    say({"ready": subscriptions})
    async for line in _lines():
        if line == "count":
            say(arrivals.taken())
        elif line == "times":
            say({"times": sorted(arrivals.times.items())})
        elif line == "end":
            return


async def _lines() -> AsyncIterator[str]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().strip()


def say(answer: Job) -> None:
    print(json.dumps(answer), flush=True)


def run(cases: dict[str, Callable[[Job], Awaitable[Job | None]]]) -> None:
    """What each client's module calls. uvloop where it is installed; most users of a library would do the same."""
    case, job = sys.argv[1], json.loads(sys.argv[2])
    if case not in cases:
        say({"cannot": case})
        return
    answer = _runner()(cases[case](job))
    if answer is not None:
        say(answer)


def _runner() -> Callable[[Any], Any]:
    try:
        import uvloop  # noqa: PLC0415 (an extra)
    except ImportError:
        return asyncio.run
    return uvloop.run
