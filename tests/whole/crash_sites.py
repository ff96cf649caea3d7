"""What `test_crash_*` kill: the process at every commit and at every write that it sends, one after the other.

On real devices, and past the agent: what was written is seen by a relay between the two, what the slots hold by
another BACnet client. After each death the agent is started again on what it left, once with nobody else about and
once after somebody else has taken every slot that it held.
"""

import asyncio
import json
import shutil
import sqlite3
import struct
import sys
import tempfile
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from crasher import written
from rusty_bacnet import BACnetServer

from facility.simulation.network import VIRTUAL_NETWORK
from facility.simulation.process import simulated_hospital
from points.bacnet.port import Property
from points.bacnet.stack import StackSettings, open_stack
from points.model import DeviceRef, Ref

CRASHER = Path(__file__).with_name("crasher.py")
SLOTS = (("a", 8), ("b", 15), ("c", 8))  # all that the story writes
TAKEN = ("b", 15)  # by somebody else, in the middle of it
THEIRS = 25.5
FEWEST = 70  # instants: the story has so many at least, so that it was a sweep
NULL = b"\x00"


class Relay(asyncio.DatagramProtocol):
    """Between an agent and its device: keeps every write that goes to the device."""

    def __init__(self, device):
        self.writes = []
        self._device = device
        self._ways = {}

    def connection_made(self, transport):
        self._transport = transport
        host, port = transport.get_extra_info("sockname")
        self.address = f"{host}:{port}"
        self._as_octets = bytes(map(int, host.split("."))) + port.to_bytes(2, "big")

    def datagram_received(self, octets, sender):
        if (write := written(octets)) is not None:
            self.writes.append(write)
        if sender not in self._ways:
            self._ways[sender] = asyncio.ensure_future(self._way_for(sender))
        self._ways[sender].add_done_callback(lambda way: way.result().sendto(octets))

    async def _way_for(self, agent):
        relay = self

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, octets, _sender):
                if octets[1] == 0x04:  # forwarded: the agent must come back through us
                    octets = octets[:4] + relay._as_octets + octets[10:]
                relay._transport.sendto(octets, agent)

        way, _ = await asyncio.get_running_loop().create_datagram_endpoint(Back, remote_addr=self._device)
        return way

    def close(self):
        self._transport.close()
        for way in self._ways.values():
            way.result().close()


@asynccontextmanager
async def a_relay(address):
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    _, relay = await loop.create_datagram_endpoint(lambda: Relay((host, int(port))), local_addr=("127.0.0.1", 0))
    try:
        yield relay
    finally:
        relay.close()


class Site:
    """A device, its relay, and somebody else who sees and writes its slots."""

    def __init__(self, stack, refs, relay, crasher):
        self._stack, self._refs, self.relay, self._crasher = stack, refs, relay, crasher
        self.names = {(2, ref.instance): name for name, ref in refs.items()}  # 2: analog-value

    async def slots(self):
        return {(name, level): (await self._stack.read_slots(self._refs[name]))[level] for name, level in SLOTS}

    async def write(self, key, value):
        name, level = key
        await self._stack.write(self._refs[name], value, level)

    async def put(self, slots):
        for key, value in slots.items():
            await self.write(key, value)

    async def live(self, **asked):
        """One life of the agent: what it told, the end included."""
        told = {}
        self._crasher.stdin.write(json.dumps(asked).encode() + b"\n")
        async with asyncio.timeout(30):
            while "ended" not in told:
                said = json.loads(await self._crasher.stdout.readline())
                told |= said
                if "foreign" in said:
                    await self.write(TAKEN, THEIRS)
                    self._crasher.stdin.write(b"{}\n")
        return told


@asynccontextmanager
async def a_crasher(site):
    process = await asyncio.create_subprocess_exec(
        sys.executable, CRASHER, json.dumps(site), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.stdin.close()
        await process.wait()


@asynccontextmanager
async def rusty_bacnet():
    server = BACnetServer(
        device_instance=1234,
        device_name="AHU-1",
        interface="127.0.0.1",
        port=0,
        broadcast_address="127.255.255.255",
    )
    for instance in (1, 2, 3):
        server.add_analog_value(instance, f"AV {instance}", 62)
    await server.start()
    try:
        address = await server.local_address()
        settings = StackSettings(address="127.0.0.1/32:0", instance=4_191_112)
        async with a_relay(address) as relay, open_stack(settings) as stack:
            refs = _refs(DeviceRef(network=0, address=address, instance=1234), a=1, b=2, c=3)
            reached = {"network": 0, "address": relay.address, "instance": 1234}
            site = {"foreign": None, "device": reached, "points": {"a": 1, "b": 2, "c": 3}}
            async with a_crasher(site) as crasher:
                yield Site(stack, refs, relay, crasher)
    finally:
        await server.stop()


@asynccontextmanager
async def hospital():
    """Corridors' setpoints in the simulated hospital: behind a router, by way of its BBMD."""
    async with simulated_hospital() as simulated, a_relay(simulated.bbmd) as relay:
        settings = StackSettings(address="127.0.0.1/32:0", instance=4_191_112, foreign=simulated.bbmd)
        async with open_stack(settings) as stack:
            (corridors,) = await stack.who_is(10130, 10130, wait=0.5)
            device = corridors.device
            assert device.network == VIRTUAL_NETWORK
            named = await _objects(stack, device)
            points = {"a": named["MC1C101__ASH"], "b": named["MC1C102__ASH"], "c": named["MC1C103__ASH"]}
            reached = {"network": device.network, "address": device.address, "instance": device.instance}
            site = {"foreign": relay.address, "device": reached, "points": points}
            async with a_crasher(site) as crasher:
                yield Site(stack, _refs(device, **points), relay, crasher)


async def _objects(stack, device):
    names = {}
    for instance in range(1, 10):
        name = await stack.read(device, Property("analog-value", instance, "object-name"))
        names[name] = instance
    return names


def _refs(device, **points):
    return {
        name: Ref(device=device, object_type="analog-value", instance=instance) for name, instance in points.items()
    }


async def must_survive_every_death(tmp_path, a_site):
    """A site for each file of tests: they are run side by side."""
    async with a_site() as site:
        fresh = tmp_path / "fresh"
        await start_later(site, fresh)
        for crash_at in range(1, 500):
            await site.put(dict.fromkeys(SLOTS))
            site.relay.writes.clear()
            folder = shutil.copytree(fresh, tmp_path / f"{crash_at}")
            told = await site.live(folder=str(folder), life="story", crash_at=crash_at)
            assert told["ended"] in (0, -9), told
            assert_all_recorded(site, folder)
            found = await site.slots()
            untouchable = {TAKEN: THEIRS} if "foreign" in told else {}

            ahead = told.get("ahead", 0.0)
            copy = shutil.copytree(folder, tmp_path / f"{crash_at}-taken")
            await start_later(site, folder, ahead)
            assert await site.slots() == {**dict.fromkeys(SLOTS), **untouchable}, f"instant {crash_at}"

            if theirs := {key: THEIRS + 1 for key, value in found.items() if value is not None}:
                await site.put({**found, **theirs})
                site.relay.writes.clear()
                await start_later(site, copy, ahead)
                assert await site.slots() == {**found, **theirs}, f"instant {crash_at}"
                assert site.relay.writes == []
            if told["ended"] == 0:
                assert told["instants"] == crash_at - 1 >= FEWEST
                return
    pytest.fail("the story never ended")


async def start_later(site, folder, ahead=0.0):
    told = await site.live(folder=str(folder), life="afterwards", ahead=ahead)
    assert told == {"standing": [], "ended": 0}
    assert_all_recorded(site, folder)


def assert_all_recorded(site, folder):
    """Every write that came to the device has its own committed row, whatever became of the process."""
    with tempfile.TemporaryDirectory() as elsewhere:  # whoever opens it puts it in order; the next start is to do that
        db = sqlite3.connect(shutil.copytree(folder, Path(elsewhere) / "state") / "state.db")
        rows = db.execute("SELECT target, value, priority FROM audit WHERE kind = 'intent'").fetchall()
        db.close()
    intents = Counter(
        (target.removeprefix("device/"), None if value is None else float(json.loads(value)), priority)
        for target, value, priority in rows
    )
    writes = Counter(
        (site.names[kind, instance], _number(value), priority) for kind, instance, value, priority in site.relay.writes
    )
    assert writes <= intents


def _number(encoded):
    """NULL, or a REAL as the priority array shows it."""
    return None if encoded == NULL else float(struct.unpack(">f", encoded[1:])[0])
