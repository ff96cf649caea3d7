"""A whole agent that is attacked by everything that can be sent to it: no mark of a person is found afterwards.

It runs with asyncio's debug mode, which shows more of what is under way than anybody would switch on, and its log is
that of the level debug. What is on disk is looked at while it runs, and after it has ended.
"""

import asyncio
import contextlib
import json
import random

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from ward import BASE, MARKS, Ward, bed, booking, hl7, listen, stamp, traces

V5 = aiomqtt.ProtocolVersion.V5
DEBUG = {"PYTHONASYNCIODEBUG": "1", "PYTHONDEVMODE": "1"}
EVENTS = f"{BASE}/demand-response"
GOOD = hl7().removeprefix(b"\x0b").removesuffix(b"\x1c\r")


def frame(message):
    return b"\x0b" + message + b"\x1c\r"


def frames(mark):
    """HL7 as nobody should send it, each with a mark in it."""
    code, segments = mark.encode(), GOOD.split(b"\r")
    header, event, status = segments[:3]
    yield from (
        frame(b"\r".join([header, event, b"%s|1||%s^^^MERCY^MR||DOE^%s" % (name, code, code), status, b""]))
        for name in (b"PID", b"PV1", b"OBX", b"NK1", b"DG1", b"ZXX", b"ADD", b"NTE", b"GT1", code)
    )
    yield frame(GOOD.replace(b"|^~\\&|", b"|" + code[:4] + b"|"))  # unusual encoding characters
    yield frame(GOOD.replace(b"^~\\&", b"#~\\&").replace(b"^301^", b"#" + code + b"#"))
    yield frame(GOOD.replace(b"MSH|", b"MSH" + code[:1]))
    yield frame(GOOD.replace(b"4EAST", b"4EAST\\X" + code.hex().encode() + b"\\"))  # escapes
    yield frame(GOOD.replace(b"4EAST", b"\\H\\" + code + b"\\N\\"))
    yield frame(GOOD.replace(b"|O\r", b"|O~" + code + b"\r"))  # repetition, subcomponents, more fields
    yield frame(GOOD.replace(b"|O\r", b"|O&" + code + b"\r"))
    yield frame(GOOD.replace(b"|O\r", b"|O||||" + code + b"\r"))
    yield frame(GOOD.replace(b"301^A", b"301^A^" + code))
    yield frame(GOOD.replace(b"301^A", b"301^A\x00" + code))
    yield frame(GOOD.replace(b"|C1|", b"|" + code + b" JOHN|"))  # control ids
    yield frame(GOOD.replace(b"|C1|", b"|C1^" + code + b"|"))
    yield frame(GOOD.replace(b"|P|2.5", b"|P^" + code + b"|2.5"))
    yield frame(GOOD.replace(b"|P|2.5", b"|P|2.5|||" + code))
    yield frame(GOOD.replace(b"\r", b"\n") + code)
    yield frame(b"FHS|^~\\&\rBHS|^~\\&\r" + GOOD + b"PID|||" + code + b"\rBTS|1\rFTS|1\r")
    yield frame(GOOD.decode().replace("4EAST", mark).encode("utf-16"))
    yield frame(GOOD.decode().replace("4EAST", mark).encode("utf-16-le"))
    yield frame(GOOD.replace(b"4EAST", mark.encode("latin-1")))
    yield frame(b"\xef\xbb\xbf" + GOOD + code)
    yield frame(GOOD + b"\x0b" + code)  # a frame in a frame
    yield frame(GOOD + code * 5000)
    yield frame(b"") + code
    yield b"\x0b" + GOOD + b"\x1c" + code  # frames that do not end
    yield b"\x0b" + GOOD + code
    yield b"\x1c\r\x0b" + code
    yield b"\x16\x03\x01\x02\x00\x01" + code  # TLS, HTTP, and nothing at all
    yield b"POST /" + code + b" HTTP/1.1\r\nHost: " + code + b"\r\n\r\n"
    yield b"\x00" * 100 + code


def payloads(mark):
    """JSON and other things, each with a mark in it."""
    said = bed().decode()
    yield said.replace('"U"', f'"{mark}"').encode()
    yield (said[:-1] + f', "space": "{mark}"}}').encode()  # a key twice
    yield (said[:-1] + f', "\\u0000{mark}": NaN}}').encode()
    yield said.replace('"U"', f'"\\u0055", "{mark}": 1e999').encode()
    yield said.replace('"U"', f'["{mark}"]').encode()
    yield (b'{"a":' * 60) + f'"{mark}"'.encode() + b"}" * 60
    yield b"[" * 400 + mark.encode()
    yield b'{"state": %s, "%s": 1}' % (b"9" * 300, mark.encode())
    yield json.dumps({"space": "room-301", "state": "U", "time": f"{stamp()[:-1]}.{mark}Z"}).encode()
    yield said.encode("utf-16") + mark.encode("utf-16-le")
    yield b"\x00" + mark.encode()
    yield mark.encode() * 1000
    yield mark.encode() * 10_000


def events(mark):
    """Events of the utility, with marks where there is no room for any."""
    good = {"id": "e1", "level": 1, "start": stamp(60), "duration_minutes": 15, "expires": stamp(30)}
    for key in good:
        yield json.dumps({**good, key: f"{mark} {mark}"}).encode()
        yield json.dumps({**good, key: {mark: mark}}).encode()
    yield json.dumps({**good, mark: 1}).encode()
    yield json.dumps({**good, "source": mark}).encode()
    yield json.dumps({"cancel": f"{mark} JOHN", "expires": stamp(30)}).encode()
    yield json.dumps({**good, "start": "9999-12-31T23:59:59Z", "source": mark}).encode()


async def by_mqtt(port, dice):
    """Topics, properties, wills, retained ones, at QoS 0 to 2."""
    mark = dice.choice(MARKS)
    will = aiomqtt.Will(f"{BASE}/bed/{mark}", mark.encode(), qos=1)
    with contextlib.suppress(aiomqtt.MqttError):
        async with aiomqtt.Client("127.0.0.1", port, protocol=V5, will=will, identifier=mark, username=mark) as client:
            for topic in (f"{BASE}/bed/room-301", f"{BASE}/booking/or-1", f"{BASE}/bed/{mark}", f"{BASE}/{mark}"):
                for payload in payloads(mark):
                    await client.publish(topic, payload, qos=dice.choice([1, 2]))
            for long in (1000, 10_000, 60_000):
                await client.publish(f"{BASE}/bed/{mark * (long // len(mark.encode()))}", bed(), qos=1)
            for payload in events(mark):
                await client.publish(EVENTS, payload, qos=dice.choice([1, 2]))
            for name, value in (
                ("UserProperty", (mark, mark)),
                ("ContentType", mark),
                ("ResponseTopic", mark),
                ("CorrelationData", mark.encode()),
            ):
                properties = Properties(PacketTypes.PUBLISH)
                setattr(properties, name, value)
                for topic, payload in ((f"{BASE}/bed/room-301", bed()), (EVENTS, mark.encode())):
                    await client.publish(topic, payload, qos=1, properties=properties)
            await client.publish(f"{BASE}/bed/room-301", bed(name=mark), qos=1, retain=True)
            await client.publish(f"{BASE}/booking/or-1", booking(id=mark), qos=2, retain=True)
            client._client.disconnect(ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message"))


async def abandoned(ward, octets):
    """Many connections at once, each gone in the middle of a message."""

    async def one():
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", ward.hl7)
            writer.write(octets)
            writer.transport.abort()

    await asyncio.gather(*(one() for _ in range(150)))


async def by_http(ward, mark):
    """What is no request, or none of ours."""
    code = mark.encode()
    for octets in (
        b"GET /" + code + b" HTTP/1.1\r\n\r\n",
        code + b"\r\n\r\n",
        b"GET / HTTP/9." + code + b"\r\n\r\n",
        b"POST /v1/demand_event HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\n" + code * 30,
        b"POST /v1/demand_event HTTP/1.1\r\nHost: a\r\nContent-Length: " + code + b"\r\n\r\n",
        b"POST /v1/demand_event HTTP/1.1\r\n" + code + b"\x00: x\r\n\r\n",
    ):
        reader, writer = await asyncio.open_unix_connection(str(ward.state / "agent.sock"))
        writer.write(octets)
        writer.write_eof()
        async with asyncio.timeout(30):
            await reader.read()
        writer.close()
        await writer.wait_closed()


@pytest.fixture
async def ward(tmp_path, mosquitto):
    ward = Ward(tmp_path, mosquitto)
    async with ward.facility:
        try:
            await ward.start(**DEBUG)
            yield ward
        finally:
            await ward.stop()


async def test_no_attack_leaves_a_trace(ward):
    seen, dice = [], random.Random(5)
    listening = asyncio.create_task(listen(ward.mqtt, seen))
    answers = b""
    for mark in MARKS[::2]:
        await by_mqtt(ward.mqtt, dice)
        for octets in frames(mark):
            answers += await ward.send(octets, size=dice.choice([1, 64, 4096]) if len(octets) < 500 else 4096)
        await abandoned(ward, b"\x0b" + GOOD + b"PID|||" + mark.encode())
        await by_http(ward, mark)
    await ward.publish([(f"{BASE}/bed/room-301", bed("U"))])  # after all of it, what is right is taken
    assert b"MSA|AA|C2\r" in await ward.send(hl7(control="C2"))
    await ward.counted("feeds_taken", 2)
    stats = await ward.stats()
    assert stats["feeds_taken"] == 2
    told = [await ward.facility.overview(), await ward.facility.audit(), await ward.facility.alarms(), stats]
    told += [await ward.facility.demand_events(), await ward.link()]
    running = ward.files()
    await ward.stop()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert any("out/demand-response" in each for each in seen)
    said = {"mqtt": "".join(seen).encode(), "api": repr(told).encode(), "mllp": answers}
    assert traces(running | said) == []
    assert traces(ward.files()) == []
    assert b"Traceback" not in ward.log.read_bytes()
