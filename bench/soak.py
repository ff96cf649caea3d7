"""Whether the real agent keeps its size: `python -m bench.soak [--minutes N] [--churn N]`.

The demo's hospital changes so many present values a second, the agent takes them in, stores them and answers a
screen's questions, all in earnest. Its memory, file descriptors, threads and tasks are looked at every ten seconds;
after the warm-up the verdict, and the exit code, is the slope of each: the median of the slopes between any two
looks, so that one step of the allocator is no growth, and steady growth is not hidden by noise.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from facility.client import RemoteFacility
from facility.demo.play import DemoOptions, staged

LOOK_EVERY_S = 10.0
WARM_UP = 0.5  # of the run: discovery, subscriptions, caches, and the allocator's first arenas
MEMORY_SLOPE_MB = 12.0  # an hour; a leak that matters in a week shows itself as more
COUNT_SLOPE = 6.0  # an hour, of descriptors, threads or tasks


@dataclass(frozen=True, slots=True)
class Look:
    """At one moment."""

    at: float  # seconds since the start
    memory: float  # MB, resident
    files: int
    threads: int
    tasks: int
    readings: float


async def measure(minutes: float, churn: int) -> bool:
    """Prints what it sees; True if the agent keeps its size."""
    with tempfile.TemporaryDirectory() as folder:
        options = DemoOptions(
            headless=True,
            seconds=None,
            scenario=None,
            speed=1.0,
            churn=churn,
            mqtt=None,
            state=Path(folder),
            theme=None,
            ascii=False,
        )
        async with staged(options) as stage, RemoteFacility(stage.socket) as facility:
            looks = await _looks(facility, stage.agent.pid, minutes * 60)
    return _verdict(looks)


async def _looks(facility: RemoteFacility, pid: int, seconds: float) -> list[Look]:
    loop = asyncio.get_running_loop()
    begun, looks = loop.time(), []
    print(f"{'minute':>7}{'MB':>9}{'files':>7}{'threads':>9}{'tasks':>7}{'readings':>11}")
    while (at := loop.time() - begun) < seconds:
        stats = await facility.stats()
        await facility.overview()
        look = Look(
            at=at,
            memory=_resident(pid),
            files=_files(pid),
            threads=_threads(pid),
            tasks=int(stats["tasks"]),
            readings=stats["readings_cov"] + stats["readings_poll"],
        )
        counts = f"{look.files:7}{look.threads:9}{look.tasks:7}"
        print(f"{at / 60:7.1f}{look.memory:9.1f}{counts}{look.readings:11.0f}", flush=True)
        looks.append(look)
        await asyncio.sleep(LOOK_EVERY_S)
    return looks


def _verdict(looks: list[Look]) -> bool:
    settled = looks[int(len(looks) * WARM_UP) :]
    if len(settled) < 3:
        print("too short a run for a verdict")
        return False

    def an_hour(of: Callable[[Look], float]) -> float:
        return statistics.median((of(b) - of(a)) / (b.at - a.at) * 3600 for a, b in combinations(settled, 2))

    memory, files = an_hour(lambda look: look.memory), an_hour(lambda look: look.files)
    threads, tasks = an_hour(lambda look: look.threads), an_hour(lambda look: look.tasks)
    flat = memory < MEMORY_SLOPE_MB and max(files, threads, tasks) < COUNT_SLOPE
    taken = (settled[-1].readings - settled[0].readings) / (settled[-1].at - settled[0].at)
    counts = f"{files:+.1f} files, {threads:+.1f} threads, {tasks:+.1f} tasks"
    print(f"{taken:.0f} readings a second; an hour adds {memory:+.1f} MB, {counts}")
    print("flat" if flat else "it grows")
    return flat


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def _files(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


def _threads(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/task").iterdir())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--churn", type=int, default=200, help="changes a second in the simulated hospital")
    arguments = parser.parse_args()
    sys.exit(0 if asyncio.run(measure(arguments.minutes, arguments.churn)) else 1)
