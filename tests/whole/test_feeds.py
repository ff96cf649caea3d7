"""Feeds of a whole agent, on a real broker and a real socket: what is fed with people leaves no trace of them."""

import asyncio
import json
import random

import pytest
from ward import BASE, MARKS, Ward, bed, booking, hl7, listen, traces


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
            b'{"space": "' + mark.encode() * 1000 + b'"}',
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


@pytest.fixture
async def ward(tmp_path, mosquitto):
    ward = Ward(tmp_path, mosquitto)
    async with ward.facility:
        try:
            await ward.start()
            yield ward
        finally:
            await ward.stop()


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
    kept = ward.files()
    assert any(b"room-301" in content for content in kept.values())
    said = {"mqtt": "".join(seen).encode(), "api": repr(told).encode(), "mllp": answers}
    assert traces(kept | said) == []


async def test_a_restart_knows_the_beds_and_what_the_broker_kept(ward):
    await ward.publish([(f"{BASE}/bed/room-301", bed("O"))])
    await ward.counted("feeds_beds", 1)
    await ward.stop()
    await ward.start()
    assert (await ward.stats())["feeds_beds"] == 1
