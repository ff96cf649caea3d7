"""The contract with aiomqtt: what we rely on, and what we mended, against a real mosquitto."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest
from broker_process import HERE, Mosquitto
from mirror_building import Building, make_point, reader, running, until

from facility.mirror.strict import V5, V311, PublishRejected, StrictClient

RULES = """user agent
topic readwrite fac/v1/main/one/#
topic deny fac/v1/main/one/state/secret/#
user blind
topic write fac/v1/main/one/#
user reader
topic read fac/v1/#
"""


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A mosquitto with users (any password: there is no password file) and access rules."""
    rules = tmp_path / "acl"
    rules.write_text(RULES)
    broker = Mosquitto(tmp_path, f"allow_anonymous true\nacl_file {rules}")
    await broker.start()
    yield broker
    await broker.stop()


def client(broker: Mosquitto, **options: object) -> StrictClient:
    return StrictClient(HERE, broker.port, **({"identifier": "strict", "username": "agent"} | options))


async def test_a_denied_publish_is_rejected_where_aiomqtt_says_nothing(guarded: Mosquitto):
    denied = "fac/v1/other/one/status"
    async with aiomqtt.Client(HERE, guarded.port, username="agent", protocol=V5) as stock:
        await stock.publish(denied, b"x", qos=1)  # the reason for StrictClient: no error
    async with client(guarded) as strict:
        with pytest.raises(PublishRejected, match="Not authorized") as rejection:
            await strict.publish(denied, b"x", retain=True)
        assert rejection.value.topic == denied
        await strict.publish("fac/v1/main/one/status", b"x", retain=True)


@pytest.mark.parametrize("protocol", [V5, V311])
async def test_an_unacknowledged_message_comes_again_and_an_acknowledged_one_does_not(
    mosquitto: Mosquitto, protocol: aiomqtt.ProtocolVersion
):
    """Seen from the broker: it keeps sending within its window of 20 only as far as we acknowledge."""
    async with client(mosquitto, protocol=protocol) as strict, aiomqtt.Client(HERE, mosquitto.port) as other:
        await strict.subscribe("t/#", qos=1)
        for number in range(60):
            await other.publish(f"t/{number}", b"x", qos=1)
        got: list[str] = []

        async def collect() -> None:
            async for message in strict.messages:
                got.append(message.topic.value)
                if len(got) > 20:
                    strict.ack(message)

        task = asyncio.create_task(collect())
        await until(lambda: len(got) == 20)
        await strict.publish("elsewhere", b"x", retain=False)  # a round trip: nothing more was on its way
        assert len(got) == 20
        task.cancel()


async def test_there_is_room_for_so_many_and_the_rest_is_counted_and_not_acknowledged(mosquitto: Mosquitto):
    async with client(mosquitto, room=5) as strict, aiomqtt.Client(HERE, mosquitto.port) as other:
        await strict.subscribe("t/#", qos=1)
        for number in range(12):
            await other.publish(f"t/{number}", b"x", qos=1)
        await until(lambda: strict.refused == 7)
        assert len(strict.messages) == 5


async def test_a_publish_fails_at_once_when_the_connection_is_lost(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("facility.mirror.strict.ANSWER", 600.0)  # that is not what ends it
    async with client(mosquitto) as strict:
        with mosquitto.frozen():
            waiting = asyncio.create_task(strict.publish("t", b"x", retain=False))
            await until(lambda: bool(strict._answers))
            await mosquitto.stop()
        async with asyncio.timeout(30):
            with pytest.raises(aiomqtt.MqttError, match="lost"):
                await waiting


async def test_the_brokers_receive_maximum_is_kept(tmp_path: Path):
    broker = Mosquitto(tmp_path, "allow_anonymous true\nmax_inflight_messages 7")
    await broker.start()
    try:
        async with client(broker) as strict:
            assert strict.window == 7
            async with asyncio.TaskGroup() as tasks:
                for _ in range(7):
                    tasks.create_task(strict.publish("t", b"x", retain=False))
    finally:
        await broker.stop()


async def test_the_mirror_counts_rejections_says_so_and_goes_on(guarded: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"), make_point("secret/temp"))
    building.reads("ahu-1/temp", 1.0)
    building.reads("secret/temp", 2.0)
    mirror = building.mirror(guarded.port, username="agent", password="any")
    async with running(mirror) as task, reader(guarded.port, username="reader") as hears:
        await until(lambda: mirror.rejected == 1, task)
        assert mirror.link().state == "degraded"
        assert "Not authorized" in mirror.link().text
        building.reads("ahu-1/temp", 3.0)
        await until(lambda: hears.has("state/ahu-1/temp") and hears.of("state/ahu-1/temp")["v"] == 3.0, task)
        assert not hears.has("state/secret/temp")


async def test_an_agent_that_may_not_read_its_own_topics_still_mirrors(
    guarded: Mosquitto, building: Building, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("facility.mirror.leftovers.LOOKING", 0.3)
    building.has(make_point("ahu-1/temp"))
    building.reads("ahu-1/temp", 1.0)
    async with (
        running(building.mirror(guarded.port, username="blind")),
        reader(guarded.port, username="reader") as hears,
    ):
        await until(lambda: hears.has("state/ahu-1/temp") and hears.has("status"))
        assert hears.of("status")["state"] == "online"


async def test_a_socket_that_closed_meanwhile_is_not_watched():
    loop = asyncio.get_running_loop()
    faults = []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    client = StrictClient(HERE, 1, identifier="test")
    with socket.socket() as closed:
        client._on_socket_register_write(client._client, None, closed)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert faults == []


@pytest.mark.parametrize("protocol", [V5, V311])
async def test_a_broker_brings_no_longer_packet_than_it_was_told(
    mosquitto: Mosquitto, protocol: aiomqtt.ProtocolVersion
):
    async with client(mosquitto, protocol=protocol, longest=500) as strict, aiomqtt.Client(HERE, mosquitto.port) as own:
        await strict.subscribe("t/#", qos=1)
        for size in (100_000, 10, 100_000, 400):
            await own.publish("t/1", b"x" * size, qos=1)
        await own.publish("t/2", b"end", qos=1)
        lengths = []
        async for message in strict.messages:
            strict.ack(message)
            lengths.append(len(message.payload))
            if message.topic.value == "t/2":
                break
        assert lengths == ([10, 400, 3] if protocol is V5 else [100_000, 10, 100_000, 400, 3])


async def test_a_topic_that_is_none_is_in_no_error():
    """As a broker might send it that checks nothing."""

    async def broker(hears: asyncio.StreamReader, says: asyncio.StreamWriter) -> None:
        await hears.read(1000)
        topic = b"in/bed/ZEBRAFINCH/+x"
        rest = len(topic).to_bytes(2, "big") + topic + b"\x00" + b"{}"
        says.write(b"\x20\x03\x00\x00\x00")
        await connected.wait()
        says.write(bytes((0x30, len(rest))) + rest)
        await hears.read(1000)
        says.close()
        await says.wait_closed()
        ended.set()

    connected, ended = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(broker, HERE, 0)
    async with server:
        strict = StrictClient(HERE, server.sockets[0].getsockname()[1], identifier="strict")
        errors: list[BaseException | None] = []
        async with strict:
            connected.set()
            with pytest.raises(aiomqtt.MqttError) as lost:
                await anext(strict.messages)
        await ended.wait()
        errors.append(lost.value)
        while errors[-1] is not None:
            errors.append(errors[-1].__cause__ or errors[-1].__context__)
        assert "what is no message" in repr(errors)
        assert "ZEBRAFINCH" not in repr(errors)
