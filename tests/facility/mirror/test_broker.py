"""The demo broker, in its own process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import aiomqtt
import orjson
import pytest
from mirror_building import Building, make_point, reader, running, until

from facility.broker import HOST, PASSWORD_VARIABLE, Broker, BrokerTrouble, local_broker

POINTS = 2_000


def login(broker: Broker) -> dict[str, str]:
    return {"username": broker.username, "password": broker.password}


def command_line(pid: int) -> str:
    file = Path(f"/proc/{pid}/cmdline")
    return file.read_text() if file.exists() else ""


async def by_hand(*arguments: str, **options: object) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "facility.broker", *arguments), stdin=pipe, stdout=pipe, stderr=pipe, **options
    )


async def test_it_mirrors_two_thousand_points_end_to_end_in_mqtt_3_1_1(building: Building):
    names = [f"ahu-{number % 40}/p-{number}" for number in range(POINTS)]
    building.has(*(make_point(name) for name in names))
    for place, name in enumerate(names):
        building.reads(name, float(place))
    program = shutil.which("mosquitto_sub")
    assert program, "mosquitto_sub is missing: `.ci/run` installs it"
    async with local_broker() as broker:
        mirror = building.mirror(broker.port, **login(broker))
        async with running(mirror):
            assert "MQTT 3.1.1" in mirror.link().text
            assert mirror.topics == POINTS + 40 + 1
            one = f"fac/v1/main/one/state/{names[7]}"
            fresh = await asyncio.create_subprocess_exec(
                *(program, "-h", HOST, "-p", str(broker.port), "-t", one, "-q", "1", "-C", "1", "-W", "30"),
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await fresh.communicate()
            assert fresh.returncode == 0
            assert orjson.loads(out)["v"] == 7.0
            async with reader(broker.port, "fac/v1/+/+/state/#") as hears:
                await until(lambda: all(hears.has(f"state/{name}") for name in names))
                building.reads(names[0], -1.0)
                await until(lambda: hears.has(f"state/{names[0]}") and hears.of(f"state/{names[0]}")["v"] == -1.0)


async def test_leftovers_are_cleared_and_the_last_will_is_sent_here_too(building: Building):
    building.has(make_point("ahu-1/temp"), make_point("ahu-1/old"))
    async with local_broker() as broker:
        async with running(building.mirror(broker.port, **login(broker))):
            pass
        building.has(make_point("ahu-1/temp"))
        async with running(building.mirror(broker.port, **login(broker))), reader(broker.port) as hears:
            await until(lambda: hears.has("state/ahu-1/temp") and hears.has("status"))
            assert not hears.has("state/ahu-1/old")
            assert hears.of("status")["state"] == "online"
        async with reader(broker.port) as hears:
            await until(lambda: hears.has("status"))
            assert hears.of("status")["state"] == "offline"


async def test_everyone_may_read_and_only_the_agent_may_write():
    async with local_broker() as broker:
        async with aiomqtt.Client(HOST, broker.port) as stranger:
            await stranger.publish("t/stranger", b"forged", qos=1, retain=True)
        async with aiomqtt.Client(HOST, broker.port, **login(broker)) as agent:
            await agent.publish("t/agent", b"true", qos=1, retain=True)
        async with aiomqtt.Client(HOST, broker.port) as someone:
            await someone.subscribe("t/#")
            message = await anext(aiter(someone.messages))
            assert (message.topic.value, message.payload) == ("t/agent", b"true")
            assert len(someone.messages) == 0
        with pytest.raises(aiomqtt.MqttError, match=r"(?i)not authori"):
            async with aiomqtt.Client(HOST, broker.port, username=broker.username, password="guessed"):
                pass


async def test_a_port_in_use_is_told_in_one_line():
    async with local_broker() as broker:
        second = await by_hand("--port", str(broker.port))
        out, err = await second.communicate()
        assert (second.returncode, out) == (2, b"")
        assert err.decode().splitlines() == [
            f"Port {broker.port} of {HOST} is in use: choose another, or stop what uses it."
        ]
        with pytest.raises(BrokerTrouble, match="in use"):
            async with local_broker(port=broker.port):
                pass


async def test_a_missing_amqtt_is_told_with_the_extra_to_install(tmp_path: Path):
    (tmp_path / "amqtt.py").write_text("raise ImportError\n")
    path = os.pathsep.join((str(tmp_path), *sys.path))
    process = await by_hand("--port", "0", env=os.environ | {"PYTHONPATH": path})
    out, err = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert len(err.splitlines()) == 1
    assert b"facility-controller-agent[demo]" in err


async def test_by_hand_it_tells_its_password_and_ends_with_its_input():
    process = await by_hand("--port", "0", env={**os.environ, PASSWORD_VARIABLE: ""})
    assert process.stdout is not None
    ready = Broker(**json.loads(await process.stdout.readline()))
    assert ready.pid == process.pid
    async with aiomqtt.Client(HOST, ready.port, **login(ready)):
        assert ready.password not in command_line(ready.pid)
    async with asyncio.timeout(30):
        out, err = await process.communicate(b"")  # closes its input
    assert (process.returncode, out, err) == (0, b"", b"")


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_when_asked(asked: signal.Signals):
    process = await by_hand("--port", "0")
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(asked)
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    await process.communicate()


async def test_nothing_is_left_when_the_context_ends():
    async with local_broker() as broker:
        assert "facility.broker" in command_line(broker.pid)
        assert broker.password not in command_line(broker.pid)
    assert not command_line(broker.pid)


async def test_a_newcomer_is_told_only_what_it_subscribed_to():
    async with (
        local_broker() as broker,
        aiomqtt.Client(broker.host, broker.port, **login(broker), protocol=aiomqtt.ProtocolVersion.V311) as agent,
    ):
        await agent.subscribe("catalog/#")
        await agent.publish("catalog/ahu-1", b"c", qos=1, retain=True)
        await agent.publish("state/ahu-1", b"s", qos=1, retain=True)
        async with aiomqtt.Client(broker.host, broker.port, protocol=aiomqtt.ProtocolVersion.V311) as newcomer:
            await newcomer.subscribe("state/#")
            await newcomer.subscribe("end")
            await agent.publish("end", b"", qos=1)
            heard = []
            async with asyncio.timeout(30):
                async for message in newcomer.messages:
                    if message.topic.value == "end":
                        break
                    heard.append(message.topic.value)
    assert heard == ["state/ahu-1"]
