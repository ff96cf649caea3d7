"""`python -m facility.simulation`: runs the pretend hospital until told to stop.

Prints one line of JSON when every device answers. A line on its standard input is the name of a scenario to
play now; it is answered by a line of JSON once that has begun. Ends when its standard input does, so that it
never outlives whoever started it, and on SIGTERM and SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime

from facility.simulation.inventory import hospital
from facility.simulation.network import VIRTUAL_NETWORK, Internetwork, PortInUse
from facility.simulation.running import churn, live
from facility.simulation.scenarios import SCENARIOS, play
from facility.simulation.site import Site

CANNOT_START = 2


def main() -> int:
    wanted = _arguments()
    if wanted.scenario == "list":
        for name, scenario in SCENARIOS.items():
            sys.stdout.write(f"{name:14} {scenario.tells}\n")
        return 0
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(_run(wanted))
    except PortInUse as refused:
        sys.stderr.write(f"{refused} Choose another with --port.\n")
        return CANNOT_START
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m facility.simulation", description="A hospital on BACnet/IP.")
    parser.add_argument("--host", default="127.0.0.1", help="IPv4 address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=udp_port, default=47808, help="UDP port of the router and BBMD")
    parser.add_argument("--speed", type=speed, default=1.0, help="simulated seconds per second")
    parser.add_argument("--scenario", choices=[*SCENARIOS, "list"], help="a story to play; `list` tells them")
    parser.add_argument("--scenario-after", type=float, default=10.0, metavar="SECONDS", help="when it begins")
    parser.add_argument("--churn", type=rate, default=0.0, metavar="N", help="changes a second, for load tests")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same hospital")
    return parser.parse_args()


def udp_port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a UDP port (1 to 65535)")
    return port


def speed(text: str) -> float:
    number = float(text)
    if not 0 < number <= 600:
        raise argparse.ArgumentTypeError("the speed is above 0 and at most 600")
    return number


def rate(text: str) -> float:
    number = float(text)
    if not 0 <= number <= 100_000:
        raise argparse.ArgumentTypeError("the rate is from 0 to 100000 changes a second")
    return number


async def _run(wanted: argparse.Namespace) -> None:
    stop, asked = _ears()
    network = Internetwork(wanted.host, wanted.port, hospital())
    await network.listening()
    site = Site(datetime.now(UTC).astimezone(), wanted.seed)
    stations = list(network.stations.values())
    async with asyncio.TaskGroup() as parts:
        running = [parts.create_task(live(stations, site, wanted.speed))]
        if wanted.churn:
            running.append(parts.create_task(churn(stations, wanted.churn, wanted.seed)))
        if wanted.scenario:
            running.append(parts.create_task(play(wanted.scenario, network, site, wanted.scenario_after)))
        running.append(parts.create_task(_obey(asked, network, site)))
        ready = {
            "ready": True,
            "bbmd": f"{wanted.host}:{wanted.port}",
            "network": VIRTUAL_NETWORK,
            "devices": network.devices,
            "points": network.points,
        }
        _say(ready)
        await stop.wait()
        for part in running:
            part.cancel()
    network.close()


async def _obey(asked: asyncio.Queue[str], network: Internetwork, site: Site) -> None:
    """Plays every scenario that is asked for, each from when it is asked for."""
    async with asyncio.TaskGroup() as stories:
        while True:
            name = await asked.get()
            if name not in SCENARIOS:
                _say({"refused": f"There is no scenario {name!r}; `--scenario list` tells them."})
                continue
            stories.create_task(SCENARIOS[name].happens(network, site))
            await asyncio.sleep(0)  # what happens at once has happened
            _say({"playing": name})


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _ears() -> tuple[asyncio.Event, asyncio.Queue[str]]:
    """Set by a signal, or when standard input ends: that is how we learn that our parent is gone. And its lines."""
    loop = asyncio.get_running_loop()
    stop, asked = asyncio.Event(), asyncio.Queue[str]()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watcher = threading.Thread(target=_read_to_the_end, args=(loop, stop, asked), daemon=True)  # a tty has no poll
    watcher.start()
    return stop, asked


def _read_to_the_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event, asked: asyncio.Queue[str]) -> None:
    rest = b""
    with suppress(RuntimeError):  # the loop may have ended for another reason
        while chunk := os.read(sys.stdin.fileno(), 4096):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                loop.call_soon_threadsafe(asked.put_nowait, line.decode(errors="replace").strip())
        loop.call_soon_threadsafe(stop.set)


if __name__ == "__main__":
    sys.exit(main())
