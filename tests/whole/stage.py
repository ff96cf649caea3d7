"""A whole agent in its own process, as `facility run` starts it, and eyes that look at it from outside."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from broker_process import free_port

from facility.client import RemoteFacility
from facility.demo.play import CONFIG
from facility.port import FacilityError
from facility.wire import Record, Result, Wish
from points.bacnet.port import Property
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.model import DeviceRef, Ref, Slots

SOON = 30.0  # seconds; a loaded machine with two cores


def free_udp_port() -> int:
    return free_port(socket.SOCK_DGRAM)


async def until(question: Callable[[], Awaitable[object]], *, within: float = SOON):
    """Asks until the answer is true, and returns it. An agent that does not answer yet has not answered true."""
    async with asyncio.timeout(within):
        while True:
            try:
                if answer := await question():
                    return answer
            except FacilityError:
                pass
            await asyncio.sleep(0.1)


class AgentProcess:
    """`facility run`, its screens' end, and its log."""

    def __init__(self, state: Path, environment: dict[str, str], config: Path = CONFIG) -> None:
        self.state = state
        self.log = state / "agent.log"
        self._config = config
        self._environment = {**os.environ, **environment, "FACILITY_AGENT__STATE_DIR": str(state)}
        self._process: asyncio.subprocess.Process | None = None
        self.facility = RemoteFacility(state / "agent.sock")

    async def start(self, *, points: int = 900) -> None:
        """Returns when it answers and has read at least so many points."""
        self.state.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "facility",
                "run",
                "--config",
                str(self._config),
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        await until(lambda: self._has_read(points), within=60)

    async def _has_read(self, points: int) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log.read_text()
        return (await self.facility.overview()).points["read"] >= points

    async def kill(self) -> None:
        """kill -9: no farewell of any kind."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM, and what it exits with."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(SOON):
                await self._process.wait()
        return int(self._process.returncode or 0)

    async def command(self, point: str, value: object, *, minutes: float | None, reason: str = "a test") -> Result:
        """What a person at a screen does: preview, then commit."""
        plan = await self.facility.preview(Wish(point=point, value=value, minutes=minutes, reason=reason))
        assert plan.verdict != "refused", plan.why
        return await self.facility.commit(plan.id)

    async def records(self, target: str) -> list[Record]:
        return await self.facility.audit(target)

    def errors(self) -> list[str]:
        """Lines of the log that say error, or that are no line of ours (a stack trace)."""
        return [
            line
            for line in self.log.read_text().splitlines()
            if '"level": "error"' in line or '"level": "critical"' in line or not line.startswith("{")
        ]


@asynccontextmanager
async def agent_process(state: Path, environment: dict[str, str], config: Path = CONFIG) -> AsyncIterator[AgentProcess]:
    agent = AgentProcess(state, environment, config)
    try:
        yield agent
    finally:
        await agent.stop()
        await agent.facility.__aexit__()


def on_the_hospital(bbmd: str, mqtt_port: int | None) -> dict[str, str]:
    """The environment of an agent that is a foreign device of the simulated hospital."""
    environment = {"FACILITY_BACNET__ADDRESS": f"127.0.0.1:{free_udp_port()}", "FACILITY_BACNET__FOREIGN": bbmd}
    if mqtt_port is None:
        return {**environment, "FACILITY_MQTT__ENABLED": "false"}
    return {**environment, "FACILITY_MQTT__PORT": str(mqtt_port)}


class Witness:
    """Somebody else on the BACnet network: sees what the devices hold, and can take a slot itself."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    async def slots(self, ref: Ref) -> Slots:
        return await self._stack.read_slots(ref)

    async def value(self, ref: Ref) -> object:
        return await self._stack.read(ref.device, Property(ref.object_type, ref.instance, "present-value"))

    async def write(self, ref: Ref, value: object, priority: int) -> None:
        await self._stack.write(ref, value, priority)  # type: ignore[arg-type]

    async def find(self, instance: int) -> DeviceRef:
        return (await self._stack.who_is(instance, instance, wait=2.0))[0].device


@asynccontextmanager
async def witness(bbmd: str) -> AsyncIterator[Witness]:
    settings = StackSettings(address=f"127.0.0.1:{free_udp_port()}", instance=4_191_111, foreign=bbmd)
    async with open_stack(settings) as stack:
        yield Witness(stack)
