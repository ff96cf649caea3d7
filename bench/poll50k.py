"""What a large site costs the agent: `python -m bench.poll50k [--changing SHARE] [--mqtt HOST:PORT] [--seconds S]`.

500 devices of 100 objects (`bench.devices.farm`, a process of its own), no COV, every point polled every ten
seconds by the agent as its users run it: `facility run` in its own process, with store, history, alarms,
compliance, overview, planner and one watcher attached over the socket. Measured from outside, once everything has
been read: processor time of the agent's process, its memory, what was read, and what was not read in time.

--profile SECONDS runs the same agent under cProfile instead, for whoever wants to know where it goes.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.tui import cpu_seconds
from facility.client import RemoteFacility
from facility.port import FacilityError

DEVICES, OBJECTS = 500, 100
PERIOD_S = 10.0  # between two polls of a point
DEADLINE_S = 2 * PERIOD_S  # the age at which a point is stale: the agent polls twice as often as that
FIRST_PORT = 61_001  # the farm's devices, its door at the port before: above those that Linux gives away
READ_WITHIN_S = 240.0  # discovery and the first reading of every point
SETTLE_S = 15.0

CONFIG = """
[site]
id = "farm"
name = "{devices} devices"

[agent]
state_dir = "{state}"
log = "warning"

[bacnet]
address = "127.0.0.1:{port}"
foreign = "127.0.0.1:{door}"
rediscover_hours = 0

[mqtt]
{mqtt}

[[points]]
match = "*"
deadline_s = {deadline}
"""


@dataclass(slots=True)
class Watched:
    """What the watcher over the socket was told since `count` was last set to 0."""

    values: int = 0


async def measure(
    *,
    changing: float = 1.0,
    seconds: float = 60.0,
    devices: int = DEVICES,
    objects: int = OBJECTS,
    mqtt: str | None = None,
    profile: float | None = None,
) -> dict[str, float]:
    """Runs all of it once; see the module."""
    with tempfile.TemporaryDirectory() as folder:
        config = _configured(Path(folder), devices, mqtt)
        async with _farm(devices, objects, changing) as farm, _agent(config, profile) as agent:
            started = time.monotonic()
            async with RemoteFacility(Path(folder) / "state" / "agent.sock") as facility:
                await _all_read(facility, (farm, agent), devices * objects)
                first_read = time.monotonic() - started
                watched = Watched()
                watching = asyncio.create_task(_watch(facility, watched))
                await asyncio.sleep(SETTLE_S)
                if profile is not None:
                    agent.send_signal(signal.SIGUSR1)
                    await asyncio.sleep(profile + 1)
                found = await _measured(facility, agent.pid, watched, seconds)
                if watching.done():
                    await watching  # raises what ended it
                watching.cancel()
        return {"changing": changing, "first_read_s": first_read, **found}


async def _measured(facility: RemoteFacility, pid: int, watched: Watched, seconds: float) -> dict[str, float]:
    before, cpu, told, began = await facility.stats(), cpu_seconds(pid), watched.values, time.monotonic()
    memory, lags, not_good = [], [], []
    while time.monotonic() - began < seconds:
        asked = time.monotonic()
        await facility.hello()
        lags.append(time.monotonic() - asked)
        memory.append(_memory(pid, "VmRSS"))
        if len(lags) % 10 == 0:
            points = (await facility.overview()).points
            not_good.append(points["total"] - points["good"])
        await asyncio.sleep(0.2)
    after, took = await facility.stats(), time.monotonic() - began
    points = (await facility.overview()).points
    return {
        "cpu_percent": (cpu_seconds(pid) - cpu) / took * 100,
        "rss_mb": statistics.median(memory),
        "peak_mb": _memory(pid, "VmHWM"),
        "readings_per_s": (after["readings_poll"] - before["readings_poll"]) / took,
        "history_rows_per_s": (after["history_rows"] - before["history_rows"]) / took,
        "mqtt_per_s": (after["mqtt_published"] - before["mqtt_published"]) / took,
        "watcher_values_per_s": (watched.values - told) / took,
        "answer_ms_median": statistics.median(lags) * 1000,
        "answer_ms_worst": max(lags) * 1000,
        "good": points["good"],
        "total": points["total"],
        "stale": max(not_good, default=0),
        "protocol_errors": after["protocol_errors"],
    }


async def _all_read(facility: RemoteFacility, needed: Iterable[asyncio.subprocess.Process], points: int) -> None:
    async with asyncio.timeout(READ_WITHIN_S):
        while True:
            if any(process.returncode is not None for process in needed):
                raise SystemExit("The devices or the agent ended; what they said is above.")
            with suppress(FacilityError):
                counts = (await facility.overview()).points
                if counts["good"] >= points:
                    return
            await asyncio.sleep(0.5)


async def _watch(facility: RemoteFacility, watched: Watched) -> None:
    async with facility.watch() as updates:
        async for update in updates:
            watched.values += len(update.values or ())


def _configured(folder: Path, devices: int, mqtt: str | None) -> Path:
    (folder / "state").mkdir(mode=0o700)
    port = _free_port(FIRST_PORT + devices)
    host, _, number = (mqtt or "").partition(":")
    broker = f'host = "{host}"\nport = {number}' if mqtt else "enabled = false"
    config = folder / "facility.toml"
    config.write_text(
        CONFIG.format(
            devices=devices,
            state=folder / "state",
            port=port,
            door=FIRST_PORT - 1,
            mqtt=broker,
            deadline=DEADLINE_S,
        )
    )
    return config


def _free_port(first: int) -> int:
    """A UDP port of loopback from `first` on, where no device is."""
    for port in range(first, 65_536):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise SystemExit("There is no free UDP port for the agent.")


@asynccontextmanager
async def _farm(devices: int, objects: int, changing: float) -> AsyncIterator[asyncio.subprocess.Process]:
    arguments = [f"--devices={devices}", f"--objects={objects}", f"--port={FIRST_PORT}", f"--changing={changing}"]
    farm = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.devices.farm", *arguments, "--no-cov", stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield farm
    finally:
        await _ended(farm)


@asynccontextmanager
async def _agent(config: Path, profile: float | None) -> AsyncIterator[asyncio.subprocess.Process]:
    started = ["-m", "facility"] if profile is None else ["-m", "bench.poll50k", f"--be-profiled={profile}"]
    agent = await asyncio.create_subprocess_exec(sys.executable, *started, "run", "--config", str(config))
    try:
        yield agent
    finally:
        await _ended(agent)


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        await process.wait()


def _be_profiled(seconds: float, argv: list[str]) -> None:
    """`facility` with `argv`; from SIGUSR1 on, and for so long, under cProfile."""
    import cProfile  # noqa: PLC0415 - for this only
    import pstats  # noqa: PLC0415

    from facility.cli import main  # noqa: PLC0415

    profile = cProfile.Profile()

    def told(*_: object) -> None:
        profile.enable()
        signal.signal(signal.SIGALRM, over)
        signal.setitimer(signal.ITIMER_REAL, seconds)

    def over(*_: object) -> None:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(60)

    signal.signal(signal.SIGUSR1, told)
    sys.argv = ["facility", *argv]
    main()


def _memory(pid: int, what: str) -> float:
    """`VmRSS` now or `VmHWM`, the most it ever was, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(f"{what}:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--changing", type=float, default=1.0, help="share of the objects that change between two polls"
    )
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--objects", type=int, default=OBJECTS)
    parser.add_argument("--mqtt", help="host:port of a broker; without, the mirror is off")
    parser.add_argument("--profile", type=float, metavar="SECONDS")
    parser.add_argument("--be-profiled", type=float, help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args()
    if options.be_profiled is not None:
        _be_profiled(options.be_profiled, rest)
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    found = asyncio.run(
        measure(
            changing=options.changing,
            seconds=options.seconds,
            devices=options.devices,
            objects=options.objects,
            mqtt=options.mqtt,
            profile=options.profile,
        )
    )
    print(f"{options.devices} x {options.objects} points, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    for name, value in found.items():
        print(f"{name:<22}{value:12.1f}")


if __name__ == "__main__":
    main()
