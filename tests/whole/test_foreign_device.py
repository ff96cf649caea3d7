"""The whole agent against a device that nobody here wrote, on a site that is configured by hand.

No broadcast, no simulator: one rusty-bacnet device with a fixed address, found by `facility discover`
before any agent runs, then read, subscribed to and commanded by the agent.
"""

import asyncio
import json
import multiprocessing
import os
import subprocess
import sys
from contextlib import contextmanager

from rusty_bacnet import BACnetServer
from stage import AgentProcess, agent_process, free_udp_port, until

INSTANCE = 7001
SETPOINT = "ahu-9/sat-sp"


def _device(port: int, ready) -> None:
    async def serve() -> None:
        server = BACnetServer(INSTANCE, "AHU-9", interface="127.0.0.1", port=port, broadcast_address="127.0.0.255")
        server.add_analog_value(1, "AHU-9 SAT-SP", 62)
        server.add_analog_input(1, "AHU-9 SAT", 62)
        server.add_binary_value(1, "AHU-9 SF-C")
        await server.start()
        ready.set()
        await asyncio.Event().wait()

    asyncio.run(serve())


@contextmanager
def foreign_device(port: int):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_device, args=(port, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(30)
        yield
    finally:
        process.terminate()
        process.join(10)


async def test_it_is_discovered_before_an_agent_runs_then_read_and_commanded(tmp_path):
    port, state = free_udp_port(), tmp_path / "state"
    config = tmp_path / "facility.toml"
    config.write_text(
        f"""
[site]
id = "hand"
[bacnet]
address = "127.0.0.1:{free_udp_port()}"
low = 1
high = 1
devices = [{{ instance = {INSTANCE}, address = "127.0.0.1:{port}" }}]
[mqtt]
enabled = false
[[points]]
match = "{SETPOINT}"
safety = "comfort"
limit_high = 20.0
"""
    )
    environment = {**os.environ, "FACILITY_AGENT__STATE_DIR": str(state)}
    with foreign_device(port):
        found = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "facility", "discover", "--json", "--config", str(config)],
            capture_output=True,
            text=True,
            env=environment,
            timeout=60,
            check=True,
        )
        assert [device["instance"] for device in json.loads(found.stdout)["devices"]] == [INSTANCE]

        async with agent_process(state, {}, config) as agent:
            await agent.start(points=3)
            assert (await agent.facility.discover(start=False)).started is None
            await _is_commanded(agent)


async def _is_commanded(agent: AgentProcess) -> None:
    points = {point.id: point for point in await agent.facility.points()}
    assert points[SETPOINT].access == "commandable"
    assert (await agent.facility.read("ahu-9/sat")).value == 0.0

    refused = await agent.facility.preview(_wish(21.0))
    assert refused.verdict == "refused"
    assert "20" in refused.why

    assert (await agent.command(SETPOINT, 17.0, minutes=30)).status == "held"

    async def told():
        values = {value.id: value for value in await agent.facility.values()}
        return values[SETPOINT].value == 17.0 and values[SETPOINT].held.startswith("8 ")

    await until(told)
    assert (await agent.command(SETPOINT, None, minutes=None)).status == "released"
    assert (await agent.facility.read(SETPOINT)).value == 0.0
    assert agent.errors() == []


def _wish(value: float):
    from facility.wire import Wish  # noqa: PLC0415 - the device's process imports this module too

    return Wish(point=SETPOINT, value=value, minutes=30, reason="a test")
