"""What others publish for the agent, on a real broker: handed on once, marked as kept; a gap is told."""

import asyncio
from contextlib import asynccontextmanager

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from facility.mirror.inbox import Inbox
from facility.mirror.service import BrokerLost
from facility.mirror.settings import MirrorSettings
from points.clock import SystemClock

BASE = "fac/v1/ward/main/in"


def inbox_of(broker, got, missed=list):
    settings = MirrorSettings(host="127.0.0.1", port=broker.port, site="ward", agent="main")
    return Inbox(settings, {"bed": got.append}, SystemClock(), missed=missed)


@asynccontextmanager
async def running(inbox):
    task = asyncio.create_task(inbox.run())
    try:
        await until(lambda: inbox.connected or task.done())
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def publish(broker, topic, payload, **options):
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.publish(topic, payload, qos=1, **options)


async def test_a_message_is_handed_on_without_being_shown(mosquitto):
    got, missed = [], []
    async with running(inbox_of(mosquitto, got, lambda: missed.append(1))):
        await publish(mosquitto, f"{BASE}/other/room-1", b"no")
        await publish(mosquitto, f"{BASE}/bed/room-1/deeper", b"no")
        await publish(mosquitto, f"{BASE}/bed/room-1", b"ZEBRA")
        await until(lambda: got)
    assert [(each.place, each.payload, each.retained, each.bare) for each in got] == [("room-1", b"ZEBRA", False, True)]
    assert ("ZEBRA" in repr(got), "room-1" in repr(got)) == (False, False)
    assert missed == [1]


async def test_what_the_broker_kept_says_so(mosquitto):
    got = []
    await publish(mosquitto, f"{BASE}/bed/room-1", b"old", retain=True)
    async with running(inbox_of(mosquitto, got)):
        await until(lambda: got)
    assert got[0].retained


@pytest.mark.parametrize("name", ["UserProperty", "ContentType", "ResponseTopic", "CorrelationData"])
async def test_properties_that_could_carry_text_are_told(mosquitto, name):
    properties = Properties(PacketTypes.PUBLISH)
    setattr(properties, name, {"UserProperty": ("a", "DOE"), "CorrelationData": b"DOE"}.get(name, "DOE"))
    got = []
    async with running(inbox_of(mosquitto, got)):
        await publish(mosquitto, f"{BASE}/bed/room-1", b"{}", properties=properties)
        await until(lambda: got)
    assert not got[0].bare


async def test_a_lost_broker_ends_the_run_and_the_next_one_says_that_some_may_be_missing(mosquitto):
    got, missed = [], []
    inbox = inbox_of(mosquitto, got, lambda: missed.append(1))
    async with running(inbox) as task:
        await mosquitto.stop()
        with pytest.raises(BrokerLost):
            async with asyncio.timeout(30):
                await task
    assert (inbox.connected, bool(inbox.trouble)) == (False, True)
    await mosquitto.start()
    async with running(inbox):
        assert missed == [1, 1]


async def test_more_than_there_is_room_for_ends_the_connection(mosquitto, monkeypatch):
    monkeypatch.setattr("facility.mirror.inbox.ROOM", 1)
    got, missed = [], []
    inbox = inbox_of(mosquitto, got, lambda: missed.append(1))
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        for number in range(50):
            await client.publish(f"{BASE}/bed/room-{number}", b"{}", qos=1, retain=True)
    with pytest.raises(BrokerLost, match="more came than there was room for"):
        async with asyncio.timeout(30):
            await inbox.run()
    assert len(missed) == 2
