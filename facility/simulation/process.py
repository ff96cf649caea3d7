"""The pretend hospital as a child process: up within the `async with`, gone after it."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

START_TIMEOUT = 30.0  # s; a loaded machine takes a few
STOP_TIMEOUT = 5.0
LOOPBACK = "127.0.0.1"
NOT_GIVEN_AWAY = range(20_000, 32_000)  # below what a kernel gives to whoever asks for any port


class HospitalFailed(Exception):
    """The simulated hospital did not start; the text says what it had to say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hospital:
    """A running simulation."""

    bbmd: str  # "127.0.0.1:47899", where to register as a foreign device
    port: int
    network: int  # number of the virtual network behind it
    devices: int  # that answer a Who-Is, the router included
    points: int
    pid: int
    process: asyncio.subprocess.Process

    async def play(self, scenario: str) -> None:
        """Returns when the story has begun; raises `HospitalFailed` if there is no such story."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{scenario}\n".encode())
        async with asyncio.timeout(START_TIMEOUT):
            answer = await self.process.stdout.readline()
        told = json.loads(answer) if answer else {"refused": "The simulated hospital has ended."}
        if "refused" in told:
            raise HospitalFailed(told["refused"])


@asynccontextmanager
async def simulated_hospital(
    *,
    port: int | None = None,
    speed: float = 1.0,
    scenario: str | None = None,
    scenario_after: float = 10.0,
    churn: float = 0,
    seed: int = 1,
) -> AsyncIterator[Hospital]:
    """Starts the hospital on loopback (on a free port unless one is given) and ends it on the way out."""
    port = port or free_port()
    arguments: dict[str, float | str] = {
        "port": port,
        "speed": speed,
        "scenario-after": scenario_after,
        "churn": churn,
        "seed": seed,
    }
    if scenario:
        arguments["scenario"] = scenario
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "facility.simulation",
        *(word for name, value in arguments.items() for word in (f"--{name}", str(value))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for the one who started it; this one ends with its stdin
    )
    said: list[str] = []
    listening = asyncio.create_task(_listen(process, said))
    try:
        yield await _ready(process, listening, said)
    finally:
        await _end(process)
        await listening


def free_port() -> int:
    """A UDP port nobody has at this moment, and nobody who asks for any before the one it is for has started."""
    for port in (*random.sample(NOT_GIVEN_AWAY, 100), 0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            found: int = probe.getsockname()[1]
            return found
    raise HospitalFailed("There is no free UDP port on this machine.")


async def _ready(process: asyncio.subprocess.Process, listening: asyncio.Task[None], said: list[str]) -> Hospital:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT):
            line = await process.stdout.readline()
            if not line:
                await listening
    except TimeoutError:
        raise HospitalFailed(f"The simulated hospital was not ready within {START_TIMEOUT:.0f} s.") from None
    if not line:
        raise HospitalFailed("The simulated hospital did not start: " + (" ".join(said) or "it said nothing."))
    told = json.loads(line)
    return Hospital(
        bbmd=told["bbmd"],
        port=int(told["bbmd"].rpartition(":")[2]),
        network=told["network"],
        devices=told["devices"],
        points=told["points"],
        pid=process.pid,
        process=process,
    )


async def _listen(process: asyncio.subprocess.Process, said: list[str]) -> None:
    """Keeps the last words of the process; a pipe nobody reads would stop it."""
    assert process.stderr is not None
    async for line in process.stderr:
        said.append(line.decode(errors="replace").strip())
        del said[:-20]


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
