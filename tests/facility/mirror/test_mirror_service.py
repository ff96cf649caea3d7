"""The mirror against a real mosquitto."""

from __future__ import annotations

import asyncio
import contextlib
import math
import shutil
import socket
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import aiomqtt
import orjson
import pytest
from broker_process import HERE, Mosquitto, free_port
from mirror_building import Building, make_point, reader, running, until

from facility.audit.anchors import Anchor
from facility.mirror import strict
from facility.mirror.payloads import AuditHead
from facility.mirror.service import BrokerLost
from facility.model import Alarm, AlarmKind, Severity
from points.model import Event, EventKind, Quality

BASE = "fac/v1/main/one"


def an_alarm(name: str = "out-of-limits-or-1-pressure", **changes: object) -> Alarm:
    alarm = Alarm(
        id=name,
        kind=AlarmKind.OUT_OF_LIMITS,
        severity=Severity.CRIT,
        about="or-1/pressure",
        where="OR 1",
        text="pressure is low",
        since=datetime.now(UTC),
    )
    return replace(alarm, **changes)


def an_event(number: int) -> Event:
    return Event(kind=EventKind.SYSTEM, time=datetime.now(UTC), about="test", text=f"event {number}")


async def plant(mosquitto: Mosquitto, topic: str, payload: bytes) -> None:
    async with aiomqtt.Client(HERE, mosquitto.port) as client:
        await client.publish(f"{BASE}/{topic}", payload, qos=1, retain=True)


async def test_a_fresh_subscriber_sees_every_point_with_time_and_quality(mosquitto: Mosquitto, building: Building):
    names = [f"ahu-{device}/p-{number}" for device in range(5) for number in range(40)]
    building.has(*(make_point(name) for name in names))
    readings = {name: building.reads(name, float(place)) for place, name in enumerate(names)}
    mirror = building.mirror(mosquitto.port)
    async with running(mirror), reader(mosquitto.port) as hears:
        await until(lambda: sum("/state/" in topic for topic in hears.latest) == len(names))
        for name, reading in readings.items():
            shown = hears.of(f"state/{name}")
            assert shown["v"] == reading.value
            assert datetime.fromisoformat(str(shown["t"])) == reading.time
            assert (shown["q"], shown["u"], shown["src"]) == ("good", "degrees-celsius", "cov")
        assert all(retained for topic, _, retained in hears.all if "/state/" in topic)
        assert hears.of("status")["state"] == "online"
        assert len(hears.of("catalog/ahu-0")["points"]) == 40
        assert mirror.topics == len(names) + 5 + 1  # states, catalog pages, status
        assert mirror.published >= mirror.topics


async def test_mosquitto_sub_sees_live_values(mosquitto: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"))
    building.reads("ahu-1/temp", 18.0)
    program = shutil.which("mosquitto_sub")
    assert program, "mosquitto_sub is missing: `.ci/run` installs it"
    async with running(building.mirror(mosquitto.port)):
        building.reads("ahu-1/temp", 19.5)
        listening = await asyncio.create_subprocess_exec(
            *(program, "-h", HERE, "-p", str(mosquitto.port), "-t", "fac/v1/+/+/state/#", "-v", "-C", "2"),
            stdout=asyncio.subprocess.PIPE,
        )
        assert listening.stdout is not None
        first = (await listening.stdout.readline()).decode()
        building.reads("ahu-1/temp", 20.5)
        second = (await listening.stdout.readline()).decode()
        await listening.wait()
    assert first.startswith(f"{BASE}/state/ahu-1/temp ")
    assert orjson.loads(first.split(" ", 1)[1])["v"] in (18.0, 19.5)
    assert orjson.loads(second.split(" ", 1)[1])["v"] in (19.5, 20.5)


async def test_a_point_that_was_never_read_is_unknown_not_what_it_once_was(mosquitto: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"))
    await plant(mosquitto, "state/ahu-1/temp", b'{"v":21.0,"t":"2020-01-01T00:00:00Z","q":"good","n":1}')
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: hears.has("state/ahu-1/temp"))
        shown = hears.of("state/ahu-1/temp")
        assert (shown["v"], shown["q"], shown["qr"]) == (None, "bad", "never-read")


async def test_a_value_that_stays_as_it_is_is_told_again_once_in_a_while(mosquitto: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"), make_point("ahu-1/other"))
    first = building.reads("ahu-1/temp", 18.0)

    def told(point: str) -> list[bytes]:
        return [payload for topic, payload, _ in hears.all if topic.endswith(f"state/ahu-1/{point}")]

    async def after(seconds: float, **changes: object) -> None:
        later = first.time + timedelta(seconds=seconds)
        building.store.put(replace(first, time=later, at=later, **changes))
        mark = building.reads("ahu-1/other", seconds).value  # comes after it: then that has been told, or never will
        await until(lambda: told("other") and orjson.loads(told("other")[-1])["v"] == mark)

    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: told("temp"))
        for seconds in (10, 20, 59):
            await after(seconds)
        assert len(told("temp")) == 1
        await after(60)
        assert len(told("temp")) == 2
        await after(61, value=18.5)
        await after(62, value=18.5, quality=Quality.UNCERTAIN, reason="overridden")
        assert [orjson.loads(payload)["q"] for payload in told("temp")[2:]] == ["good", "uncertain"]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
async def test_nan_is_null_and_bad(mosquitto: Mosquitto, building: Building, value: float):
    building.has(make_point("ahu-1/temp"))
    building.reads("ahu-1/temp", value)
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: hears.has("state/ahu-1/temp"))
        shown = hears.of("state/ahu-1/temp")
        assert (shown["v"], shown["q"]) == (None, "bad")


async def test_a_stale_reading_keeps_its_value_and_its_time_marked(mosquitto: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"))
    good = building.reads("ahu-1/temp", 21.0)
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        building.store.put(replace(good, quality=Quality.STALE, reason="offline", at=datetime.now(UTC)))
        await until(lambda: hears.has("state/ahu-1/temp") and hears.of("state/ahu-1/temp")["q"] == "stale")
        shown = hears.of("state/ahu-1/temp")
        assert (shown["v"], shown["qr"]) == (21.0, "offline")
        assert datetime.fromisoformat(str(shown["t"])) == good.time


async def test_the_broker_says_offline_when_we_are_cut_off(
    mosquitto: Mosquitto, building: Building, monkeypatch: pytest.MonkeyPatch
):
    clients: list[strict.StrictClient] = []
    entered = strict.StrictClient.__aenter__

    async def remember(self: strict.StrictClient) -> strict.StrictClient:
        clients.append(self)
        return await entered(self)

    monkeypatch.setattr(strict.StrictClient, "__aenter__", remember)
    mirror = building.mirror(mosquitto.port)
    async with reader(mosquitto.port, f"{BASE}/status") as hears:
        once = asyncio.create_task(mirror.run())
        await until(lambda: mirror.link().state == "ok", once)
        sock = clients[-1]._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        async with asyncio.timeout(30):
            with pytest.raises(BrokerLost):
                await once
        await until(lambda: hears.of("status")["state"] == "offline")
        assert hears.of("status")["reason"] == "cut off"
    async with reader(mosquitto.port, f"{BASE}/status") as later:
        await until(lambda: later.has("status"))
        assert later.of("status")["state"] == "offline"
        assert later.all[0][2]
    assert mirror.link().state == "down"


async def test_a_clean_stop_says_offline_itself(mosquitto: Mosquitto, building: Building):
    mirror = building.mirror(mosquitto.port)
    async with reader(mosquitto.port, f"{BASE}/status") as hears:
        async with running(mirror):
            await until(lambda: hears.has("status") and hears.of("status")["state"] == "online")
        await until(lambda: hears.of("status")["state"] == "offline")
        assert hears.of("status")["reason"] == "stopped"
    assert mirror.link().state == "off"


async def test_a_late_last_will_of_an_earlier_connection_does_not_leave_us_offline(
    mosquitto: Mosquitto, building: Building
):
    async with running(building.mirror(mosquitto.port)):
        await plant(mosquitto, "status", b'{"state":"offline","session":"an earlier one"}')
        async with reader(mosquitto.port, f"{BASE}/status") as hears:
            await until(lambda: hears.has("status") and hears.of("status")["state"] == "online")


async def test_after_three_broker_restarts_everything_is_back_once(mosquitto: Mosquitto, building: Building):
    names = [f"ahu-1/p-{number}" for number in range(60)]
    building.has(*(make_point(name) for name in names))
    for name in names:
        building.reads(name, 1.0)
    building.alarms.tell(an_alarm())
    mirror = building.mirror(mosquitto.port)
    async with running(mirror) as task:
        for round_ in range(3):
            await mosquitto.stop()
            await until(lambda: mirror.link().state == "down", task)
            building.reads(names[0], 100.0 + round_)
            building.events.tell(an_event(round_))
            await mosquitto.start()
            async with reader(mosquitto.port) as hears:
                await until(lambda: mirror.link().state == "ok", task)
                await until(lambda hears=hears: hears.has(f"state/{names[-1]}") and hears.has("event/system"))
                await until(lambda hears=hears: hears.has(f"alarm/{an_alarm().id}"))
                assert hears.of(f"state/{names[0]}")["v"] == 100.0 + round_
                assert all(hears.has(f"state/{name}") for name in names)
                told = [orjson.loads(payload)["text"] for topic, payload, _ in hears.all if "/event/" in topic]
                assert told == [f"event {round_}"]
                seen = len(hears.all)
                building.reads(names[1], 7.0 + round_)
                await until(lambda hears=hears, seen=seen: len(hears.all) > seen)
                building.events.tell(an_event(99))  # what comes in between shows whether anything was told twice
                await until(lambda hears=hears: b"event 99" in hears.latest[f"{BASE}/event/system"])
                since = [topic for topic, _, _ in hears.all[seen:] if "/status" not in topic]
                assert sorted(since) == [f"{BASE}/event/system", f"{BASE}/state/{names[1]}"]
        assert len(building.store._watches) == 1
        assert len(building.events._listeners) == 1
        assert building.alarms.listeners == 1
    assert not building.store._watches
    assert not building.events._listeners


async def test_an_alarm_is_there_until_it_is_over(mosquitto: Mosquitto, building: Building):
    alarm = an_alarm()
    topic = f"alarm/{alarm.id}"
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        building.alarms.tell(alarm)
        await until(lambda: hears.has(topic))
        assert (hears.of(topic)["state"], hears.of(topic)["severity"]) == ("NEW", "CRIT")
        building.alarms.tell(replace(alarm, ended=datetime.now(UTC)))
        await until(lambda: hears.of(topic)["state"] == "rtn")
        building.alarms.tell(replace(alarm, ended=datetime.now(UTC), acknowledged=datetime.now(UTC)))
        await until(lambda: not hears.has(topic))


async def test_leftovers_of_an_earlier_run_are_cleared(mosquitto: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"), make_point("ahu-1/gone"), make_point("ahu-2/gone"))
    building.alarms.tell(an_alarm("gone"))
    building.alarms.tell(an_alarm("stays"))
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: hears.has("alarm/gone") and hears.has("alarm/stays") and hears.has("state/ahu-2/gone"))

    later = Building()
    later.has(make_point("ahu-1/temp"))
    later.alarms.tell(an_alarm("stays"))
    async with reader(mosquitto.port) as hears:
        await until(lambda: hears.has("alarm/gone"))
        async with running(later.mirror(mosquitto.port)):
            await until(lambda: not hears.has("alarm/gone"))
            async with reader(mosquitto.port) as fresh:
                await until(lambda: fresh.has("state/ahu-1/temp") and fresh.has("status"))
                left = {topic.removeprefix(f"{BASE}/") for topic in fresh.latest}
    assert left == {"status", "catalog/ahu-1", "state/ahu-1/temp", "alarm/stays"}
    assert b"" not in [payload for topic, payload, _ in hears.all if topic.endswith("/alarm/stays")]


async def test_a_point_that_leaves_the_catalog_is_cleared_and_a_new_one_is_shown(
    mosquitto: Mosquitto, building: Building
):
    building.has(make_point("ahu-1/temp"), make_point("ahu-1/old"))
    building.reads("ahu-1/temp", 1.0)
    building.reads("ahu-1/old", 2.0)
    building.reads("ahu-2/new", 3.0)  # known to the store before the catalog has it
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: hears.has("state/ahu-1/old"))
        assert not hears.has("state/ahu-2/new")
        building.has(make_point("ahu-1/temp", unit="kelvin"), make_point("ahu-2/new"))
        await until(lambda: hears.has("state/ahu-2/new") and not hears.has("state/ahu-1/old"))
        await until(lambda: hears.of("state/ahu-1/temp")["u"] == "kelvin")
        assert [point["id"] for point in hears.of("catalog/ahu-1")["points"]] == ["ahu-1/temp"]


async def test_an_id_that_cannot_be_a_topic_costs_only_its_own_place(mosquitto: Mosquitto, building: Building):
    building.has(make_point("ahu-1/temp"), make_point("ahu-1/Bad #"), make_point("+/temp"))
    building.reads("ahu-1/Bad #", 1.0)
    building.reads("+/temp", 1.0)
    building.reads("ahu-1/temp", 2.0)
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: hears.has("state/ahu-1/temp"))
        assert hears.of("state/ahu-1/temp")["v"] == 2.0


async def test_events_are_told_each_once_in_order(mosquitto: Mosquitto, building: Building):
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port, f"{BASE}/event/#") as hears:
        for number in range(500):
            building.events.tell(an_event(number))
        await until(lambda: len(hears.all) >= 500)
    assert [orjson.loads(payload)["text"] for _, payload, _ in hears.all] == [f"event {n}" for n in range(500)]
    assert not any(retained for _, _, retained in hears.all)


async def test_a_frozen_broker_holds_up_nobody_and_gets_the_latest_afterwards(
    mosquitto: Mosquitto, building: Building, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(strict, "ANSWER", 1.0)
    names = [f"ahu-1/p-{number}" for number in range(200)]
    building.has(*(make_point(name) for name in names))
    mirror = building.mirror(mosquitto.port)
    async with running(mirror) as task:
        with mosquitto.frozen():
            begun = asyncio.get_running_loop().time()
            for value in range(20):
                for name in names:
                    building.reads(name, float(value))
            assert asyncio.get_running_loop().time() - begun < 30  # each one could wait for the broker
            outlet = mirror._outlet
            assert outlet is not None
            await until(outlet._free.locked, task)
            assert len(outlet._flying) == outlet._client.window <= strict.IN_FLIGHT
            await until(lambda: mirror.link().state == "down", task)
            assert all(len(watch._unseen) <= len(names) for watch in building.store._watches)
        await until(lambda: mirror.link().state == "ok", task)
        async with reader(mosquitto.port) as hears:
            await until(lambda: sum("/state/" in topic for topic in hears.latest) == len(names))
            assert {hears.of(f"state/{name}")["v"] for name in names} == {19.0}


async def test_without_a_broker_the_run_ends_with_a_plain_sentence(building: Building):
    port = free_port()
    mirror = building.mirror(port)
    with pytest.raises(BrokerLost, match=f"127.0.0.1:{port}: .*refused"):
        await mirror.run()
    assert mirror.link().state == "down"
    assert "refused" in mirror.link().text


async def test_a_broker_that_never_answers_is_given_up_and_its_socket_closed(
    building: Building, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(strict, "ANSWER", 0.3)
    closed = asyncio.Event()

    async def say_nothing(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while await stream.read(1000):
                pass
        closed.set()
        writer.close()

    server = await asyncio.start_server(say_nothing, HERE, 0)
    async with server:
        with pytest.raises(BrokerLost, match="does not answer"):
            await building.mirror(server.sockets[0].getsockname()[1]).run()
        await asyncio.wait_for(closed.wait(), 30)


async def test_cancelling_while_it_connects_leaves_no_connection_behind(building: Building):
    connected = 0
    gone = asyncio.Event()

    async def say_nothing(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        with contextlib.suppress(ConnectionError):
            while await stream.read(1000):
                pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(say_nothing, HERE, 0)
    async with server:
        task = asyncio.create_task(building.mirror(server.sockets[0].getsockname()[1]).run())
        await until(lambda: connected == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 30)


class Heads:
    """Signs when it is told to."""

    def __init__(self) -> None:
        self.latest: Anchor | None = None
        self.compared: list[tuple[list[str], str]] = []
        self._changed = asyncio.Event()

    def sign(self, seq: int) -> None:
        at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        self.latest = Anchor(agent="main/one", seq=seq, hash=f"{seq:064x}", time=at, key="k", signature="s")
        self._changed.set()
        self._changed = asyncio.Event()

    async def changed(self) -> None:
        await self._changed.wait()

    async def compare(self, lines: Iterable[str], where: str) -> None:
        self.compared.append((list(lines), where))


async def test_the_signed_head_of_the_audit_is_retained_and_the_one_before_it_compared(
    mosquitto: Mosquitto, building: Building
):
    await plant(mosquitto, "audit/head", b'{"seq": 7}')
    heads = building.heads = Heads()
    heads.sign(8)
    async with running(building.mirror(mosquitto.port)), reader(mosquitto.port) as hears:
        await until(lambda: hears.latest.get(f"{BASE}/audit/head") == heads.latest.line)
        assert heads.compared == [(['{"seq": 7}'], f"MQTT {BASE}/audit/head")]
        heads.sign(9)
        await until(lambda: hears.of("audit/head")["seq"] == 9)
        assert AuditHead.model_validate_json(heads.latest.line).seq == 9
