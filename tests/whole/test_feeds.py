"""Feeds of a whole agent, on a real broker and a real socket: what is fed with people leaves no trace of them."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
from datetime import timedelta

import aiohttp
import aiomqtt
import pytest

from facility.client import RemoteFacility
from facility.demo.processes import free_port
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
address = "127.0.0.1/24:{bacnet}"
rediscover_hours = 0
sweep_minutes = 0
[mqtt]
port = {mqtt}
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


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


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


def dirty(dice):
    """Whatever clinical systems might send by mistake, each with a name or a number of a person in it."""
    mark = dice.choice(MARKS)
    segments = [
        f"PID|1||{mark}^^^MERCY^MR||{mark}^JOHN||19500101|M",
        f"NK1|1|{mark}^JANE|SPO",
        f"PV1|1|I|4EAST^301^A||||1234^{mark}",
        f"OBX|1|TX|||{mark}",
        f"DG1|1||A41.9^{mark}",
        f"ZXX|{mark}",
    ]
    topics = {
        f"{BASE}/bed/room-301": [
            bed(name=mark),
            bed(state=mark),
            bed(space=mark),
            bed(time=mark),
            mark.encode(),
            mark.encode("utf-16"),
            json.dumps({mark: bed().decode()}).encode(),
            "\r".join(segments).encode(),
            bed()[:-1] + f', "state": "{mark}"}}'.encode(),
            b'{"space": "' + mark.encode() * 5000 + b'"}',
        ],
        f"{BASE}/booking/or-1": [booking(id=mark), booking(surgeon=mark), booking(space=mark), booking(start=mark)],
        f"{BASE}/bed/{mark}": [bed(), b""],
        f"{BASE}/booking/{mark}": [booking()],
    }
    frames = [
        hl7(dice.choice(segments)),
        hl7(bed=f"4EAST^301^A^{mark}"),
        hl7(state=f"O^{mark}"),
        hl7(control=f"{mark} JOHN"),
        hl7(*segments),
        b"\x0b" + mark.encode() * 1000 + b"\x1c\r",
        b"\x0b" + "\r".join(segments).encode() + b"\x1c\r",
        mark.encode(),
    ]
    return [(topic, payload) for topic, payloads in topics.items() for payload in payloads], frames


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
        self.hl7 = free_port(0)
        self.mqtt = broker.port
        self.config = folder / "ward.toml"
        self.config.write_text(CONFIG.format(bacnet=free_udp_port(), mqtt=broker.port, hl7=self.hl7))
        self.facility = RemoteFacility(self.state / "agent.sock")
        self.log = folder / "agent.log"

    async def start(self):
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *("-m", "facility", "run", "--config", str(self.config)),
                env={**os.environ, "FACILITY_AGENT__STATE_DIR": str(self.state)}, stdout=log, stderr=log,
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
            async with asyncio.timeout(20):
                said = await reader.read()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return said

    async def stop(self):
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        await self.process.wait()


@pytest.fixture
async def ward(tmp_path, mosquitto):
    ward = Ward(tmp_path, mosquitto)
    async with ward.facility:
        try:
            await ward.start()
            yield ward
        finally:
            await ward.stop()


async def listen(port, seen):
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("#", qos=1)
        async for message in client.messages:
            if not message.topic.value.startswith(f"{BASE}/"):
                seen.append(f"{message.topic.value} {bytes(message.payload or b'')!r} {message.properties}")


async def test_beds_and_bookings_arrive_and_people_leave_no_trace(ward):
    seen, answers = [], b""
    listening = asyncio.create_task(listen(ward.mqtt, seen))
    await ward.publish([(f"{BASE}/bed/room-301", bed("U")), (f"{BASE}/booking/or-1", booking())])
    assert b"MSA|AA|C1\r" in await ward.send(hl7())
    await ward.counted("feeds_taken", 3)

    dice, sent = random.Random(1), 0
    for _ in range(3):
        messages, frames = dirty(dice)
        await ward.publish(messages)
        for frame in frames:
            answers += await ward.send(frame, size=dice.choice([1, 7, 64, 4096]))
        sent += len(messages) + len(frames)
    await ward.counted("feeds_refused", sent)

    stats, link = await ward.stats(), await ward.link()
    assert stats["feeds_taken"] == 3
    assert stats["feeds_refused"] == sum(value for name, value in stats.items() if name.startswith("feeds_refused_"))
    assert link.state == "ok"
    assert "3 taken" in link.text
    told = [await ward.facility.overview(), await ward.facility.audit(), await ward.facility.alarms(), stats, link]
    await ward.stop()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert seen
    kept = {path: path.read_bytes() for path in ward.state.rglob("*") if path.is_file()}
    assert any(b"room-301" in content for content in kept.values())
    kept |= {"log": ward.log.read_bytes(), "mqtt": "".join(seen).encode(), "api": repr(told).encode(), "mllp": answers}
    for mark in MARKS:
        forms = [mark.encode(code, "ignore") for code in ("utf-8", "utf-16-le", "latin-1")] + [
            repr(mark)[1:-1].encode()
        ]
        assert [str(where) for where, content in kept.items() if any(form in content for form in forms)] == []


async def test_a_restart_knows_the_beds_and_what_the_broker_kept(ward):
    await ward.publish([(f"{BASE}/bed/room-301", bed("O"))])
    await ward.counted("feeds_beds", 1)
    await ward.stop()
    await ward.start()
    assert (await ward.stats())["feeds_beds"] == 1
