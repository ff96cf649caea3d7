"""A whole agent that takes beds, bookings and events of the utility, and what has to be looked for afterwards."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import sys
from datetime import timedelta

import aiohttp
import aiomqtt
from broker_process import free_port

from facility.client import RemoteFacility
from facility.port import FacilityError
from points.clock import SystemClock

MARKS = ("ZEBRAFINCH", "MRN0098765", "QUETZALÄ", "SEPSIS417")
BASE = "fac/v1/ward/main/in"
CONFIG = """
[site]
id = "ward"
[agent]
log = "debug"
[bacnet]
address = "127.0.0.1/24:0"
rediscover_hours = 0
sweep_minutes = 0
[mqtt]
port = {mqtt}
[demand_response]
mqtt = true
[feeds]
beds = true
bookings = true
[feeds.hl7]
address = "127.0.0.1:{hl7}"
[feeds.hl7.beds]
"4EAST^301^A" = "room-301"
[[spaces]]
id = "room-301"
name = "Room 301"
type = "patient_room"
[[spaces]]
id = "or-1"
name = "Theatre 1"
type = "operating_room"
"""


def stamp(minutes=0):
    return f"{SystemClock().now() + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def bed(state="U", **more):
    return json.dumps({"space": "room-301", "state": state, "time": stamp(), **more}).encode()


def booking(**more):
    return json.dumps({"space": "or-1", "start": stamp(60), "end": stamp(120), **more}).encode()


def hl7(*more, state="O", control="C1", bed="4EAST^301^A"):
    at = f"{SystemClock().now():%Y%m%d%H%M%S}+0000"
    segments = [f"MSH|^~\\&|||||{at}||ADT^A20|{control}|P|2.5", f"EVN|A20|{at}", *more, f"NPU|{bed}|{state}"]
    return b"\x0b" + ("\r".join(segments) + "\r").encode() + b"\x1c\r"


async def until(question, within=30):
    async with asyncio.timeout(within):
        while True:
            with contextlib.suppress(FacilityError):
                if answer := await question():
                    return answer
            await asyncio.sleep(0.05)


class Ward:
    def __init__(self, folder, broker):
        self.state = folder / "state"
        self.hl7 = free_port()
        self.mqtt = broker.port
        self.config = folder / "ward.toml"
        self.config.write_text(CONFIG.format(mqtt=broker.port, hl7=self.hl7))
        self.facility = RemoteFacility(self.state / "agent.sock")
        self.log = folder / "agent.log"

    def files(self):
        """All that the agent has on disk at this moment, its log among it."""
        found = {}
        for path in self.state.rglob("*"):
            with contextlib.suppress(OSError):  # a socket; a file that has just been taken away
                found[path] = path.read_bytes()
        return found | {"log": self.log.read_bytes()}

    async def start(self, **environment):
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *("-m", "facility", "run", "--config", str(self.config)),
                env={**os.environ, "FACILITY_AGENT__STATE_DIR": str(self.state), **environment}, stdout=log, stderr=log,
            )  # fmt: skip
        await until(self._hears)

    async def _hears(self):
        assert self.process.returncode is None, self.log.read_text()
        return "MQTT" not in (link := await self.link()).text and link.state != "down"

    async def link(self):
        return next(link for link in (await self.facility.overview()).links if link.name == "feeds")

    async def stats(self):
        connector = aiohttp.UnixConnector(path=str(self.state / "agent.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://agent/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return {name.removeprefix("facility_"): float(value) for name, value in (line.split() for line in lines)}

    async def counted(self, name, at_least):
        async def enough():
            return (await self.stats()).get(name, 0) >= at_least

        await until(enough)

    async def publish(self, messages):
        async with aiomqtt.Client("127.0.0.1", self.mqtt) as client:
            for topic, payload in messages:
                await client.publish(topic, payload, qos=1)

    async def send(self, octets, size=64):
        """In pieces; what is answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.hl7)
        said = b""
        with contextlib.suppress(OSError):
            for i in range(0, len(octets), size):
                writer.write(octets[i : i + size])
                await writer.drain()
            writer.write_eof()
            async with asyncio.timeout(30):
                said = await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return said

    async def stop(self):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.process.wait()


async def listen(port, seen):
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("#", qos=1)
        async for message in client.messages:
            if not message.topic.value.startswith(f"{BASE}/"):
                seen.append(f"{message.topic.value} {bytes(message.payload or b'')!r} {message.properties}")


def forms(mark):
    """As it may stand in a file, whoever wrote it."""
    yield from (mark.encode(code, "ignore") for code in ("utf-8", "utf-16-le", "utf-16-be", "latin-1"))
    yield repr(mark)[1:-1].encode()
    yield json.dumps(mark)[1:-1].encode()
    yield mark.encode().hex().encode()
    yield base64.b64encode(mark.encode())[:-4]


def traces(kept):
    """Where any of the marks stands."""
    found = [
        (str(where), form)
        for where, content in kept.items()
        for mark in MARKS
        for form in forms(mark)
        if form in content
    ]
    return sorted(set(found))
