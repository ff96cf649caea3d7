"""Starts and ends the benchmark's devices, and talks to the farm's door."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FARM_PORT, RUSTY_PORT, CLIENT_PORT = 51_000, 50_600, 52_001
FIRST_FARM, FIRST_RUSTY = 100_000, 200_000

Job = dict[str, Any]


@contextmanager
def process(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A device process that has said "ready"."""
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        try:
            if child.stdout is None or child.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{' '.join(argv)} did not start")
            yield child
        finally:
            child.kill()


class Farm:
    """The farm's door: see `bench.devices.farm`."""

    def __init__(self, devices: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(10)
        self.devices = devices
        self.door = FARM_PORT - 1

    def ask(self, **command: object) -> Any:
        self._socket.sendto(json.dumps(command).encode(), ("127.0.0.1", self.door))
        return json.loads(self._socket.recv(65_536))

    def job(self, devices: int) -> Job:
        """What a client has to know to talk to the first `devices` of them."""
        return {
            "devices": [f"127.0.0.1:{FARM_PORT + i}" for i in range(devices)],
            "instances": [FIRST_FARM + i for i in range(devices)],
            "port": CLIENT_PORT,
        }

    def tell(self, rate: float, seconds: float) -> tuple[int, int, float]:
        """Notifications for so long: the first sequence number, the one behind the last, the rate that was reached."""
        first, count = self.ask(do="stats")["notifications"], max(1, int(rate * seconds))
        self.ask(do="cov", rate=rate, count=count)
        time.sleep(seconds)
        while (stats := self.ask(do="stats"))["telling"]:
            time.sleep(0.02)
        return first, stats["notifications"], count / stats["cov microseconds"] * 1e6

    def times(self, first: int, end: int) -> list[float]:
        """When each of the notifications was sent."""
        found: list[float] = []
        while first + len(found) < end:
            found += self.ask(do="times", **{"from": first + len(found)})
        return found[: end - first]


@contextmanager
def farm(devices: int, *more: str) -> Iterator[Farm]:
    argv = [sys.executable, "-m", "bench.devices.farm", "--port", str(FARM_PORT), "--devices", str(devices), *more]
    with process(argv):
        yield Farm(devices)


@contextmanager
def rusty(devices: int, values: int) -> Iterator[Job]:
    """rusty-bacnet servers, each in a process of its own."""
    with ExitStack() as stack:
        for place in range(devices):
            argv = [sys.executable, "-m", "bench.devices.rusty", "--devices", "1", "--first", str(place)]
            stack.enter_context(process([*argv, "--port", str(RUSTY_PORT), "--values", str(values)]))
        yield {
            "devices": [f"127.0.0.1:{RUSTY_PORT + i}" for i in range(devices)],
            "instances": [FIRST_RUSTY + i for i in range(devices)],
            "port": CLIENT_PORT,
        }
