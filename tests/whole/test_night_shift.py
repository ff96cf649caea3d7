"""One agent on the simulated hospital, a real broker, and a night's troubles, in one sitting.

The tests of this file are one story in the order in which they stand: they share the hospital, and
each leaves the agent running. What is asserted is seen from outside: at the devices by another
BACnet client, at the broker by another MQTT client, in the databases by the agent's own port.
"""

import asyncio
import json
import sqlite3
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio
from broker_process import Mosquitto
from stage import AgentProcess, Witness, agent_process, on_the_hospital, until, witness

from bench.tui import terminal
from facility.port import FacilityError
from facility.simulation.process import simulated_hospital
from facility.wire import PointInfo, Wish
from points.model import DeviceRef, Ref

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELD = "vav-2-01/htg-sp"  # an office's heating setpoint, which the schedule wants too
OTHER = "vav-2-02/htg-sp"
SHORT = "vav-2-03/htg-sp"
AT_TERMINAL = "vav-2-05/htg-sp"
LONG_AGO = "2020-01-01 00:00:00.000000"


class Night:
    """What the tests share."""

    agent: AgentProcess
    broker: Mosquitto
    witness: Witness
    points: dict[str, PointInfo]
    refs: dict[str, Ref]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def night(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("night")
    night = Night()
    async with AsyncExitStack() as stack:
        hospital = await stack.enter_async_context(simulated_hospital())
        night.broker = Mosquitto(folder)
        await night.broker.start()
        stack.push_async_callback(night.broker.stop)
        environment = on_the_hospital(hospital.bbmd, night.broker.port)
        night.agent = await stack.enter_async_context(agent_process(folder / "state", environment))
        await night.agent.start()
        night.witness = await stack.enter_async_context(witness(hospital.bbmd))
        night.points = {point.id: point for point in await night.agent.facility.points()}
        devices = {device.id: device for device in await night.agent.facility.devices()}
        night.refs = {
            point.id: Ref(
                device=DeviceRef(
                    network=devices[point.device].network,
                    address=devices[point.device].address,
                    instance=devices[point.device].instance,
                ),
                object_type=point.object.rsplit(" ", 1)[0],
                instance=int(point.object.rsplit(" ", 1)[1]),
            )
            for point in night.points.values()
        }
        yield night


async def retained(night: Night, point: str) -> dict:
    """What a subscriber that comes now is told of the point."""
    async with (
        aiomqtt.Client("127.0.0.1", night.broker.port) as client,
        asyncio.timeout(10),
    ):
        await client.subscribe(night.points[point].topic)
        async for message in client.messages:
            return json.loads(message.payload)
    raise AssertionError("nothing is retained")


async def has_settled(night: Night) -> bool:
    """Whether the schedules have written, and every device has been read."""
    overview = await night.agent.facility.overview()
    return all(policy.held == policy.points for policy in overview.policies if policy.kind == "weekly")


async def test_the_building_is_known_and_fresh(night):
    overview = await night.agent.facility.overview()
    assert overview.devices_total >= 25
    assert overview.points["total"] >= 900
    stats = await night.agent.facility.stats()
    assert stats["readings_cov"] > 0
    assert stats["readings_poll"] > 0


async def test_the_schedule_holds_its_points_and_the_device_agrees(night):
    await until(lambda: has_settled(night))
    slots = await night.witness.slots(night.refs[HELD])
    assert slots[15] in (21.0, 16.0)
    assert slots.winner == 15


async def test_every_point_has_a_retained_state(night):
    topics = {point.topic for point in night.points.values() if point.present}
    seen: dict[str, bytes] = {}

    async def listen():
        async with aiomqtt.Client("127.0.0.1", night.broker.port, max_queued_incoming_messages=100_000) as client:
            await client.subscribe("fac/v1/+/+/state/#")
            async for message in client.messages:
                seen[message.topic.value] = message.payload
                if topics <= seen.keys():
                    return

    await until_mirrored(night)
    async with asyncio.timeout(20):
        await listen()
    for payload in seen.values():
        assert {"v", "t", "q"} <= json.loads(payload).keys()


async def until_mirrored(night: Night) -> None:
    async def caught_up():
        return (await night.agent.facility.stats())["mqtt_topics"] >= len(night.points)

    await until(caught_up)


async def test_a_value_written_at_a_terminal_is_held_at_the_device(night):
    await asyncio.to_thread(write_at_a_terminal, night.agent.state / "agent.sock", AT_TERMINAL, "19.5", "complaint")
    assert (await night.witness.slots(night.refs[AT_TERMINAL]))[8] == 19.5
    assert (await retained(night, AT_TERMINAL))["v"] == 19.5
    record = (await night.agent.records(AT_TERMINAL))[0]
    assert (record.action, record.value, record.reason) == ("hold", "19.5", "complaint")


def write_at_a_terminal(socket: Path, point: str, value: str, reason: str) -> None:
    """What a technician does, in a pseudo-terminal: find the point, override it, look at the preview, press Y."""
    with terminal(["-m", "facility", "tui", "--socket", str(socket)], 120, 40) as shown:
        shown.wait_for("Spaces by criticality")
        for keys in (b"4", b"/", point.encode(), b"\r"):
            shown.press(keys)
        shown.wait_for("1 of ")
        shown.press(b"\r")
        shown.wait_for("Priority array")
        shown.press(b"o")
        shown.wait_for("step 1 of 3")
        for keys in (value.encode(), b"\t", b"\t", reason.encode(), b"\r"):
            shown.press(keys)
        shown.wait_for("step 2 of 3")
        shown.wait_for(f"{value} °C")
        shown.watch(1.0)  # Y is dead for the first half second, so that a repeated Enter cannot slip through
        shown.press(b"Y")
        shown.wait_for("HELD")


async def test_an_override_is_seen_everywhere_and_is_gone_when_it_is_released(night):
    result = await night.agent.command(SHORT, 18.5, minutes=15, reason="valve test")
    assert result.status == "held"
    assert (await night.witness.slots(night.refs[SHORT]))[8] == 18.5

    async def on_mqtt():
        return (await retained(night, SHORT))["v"] == 18.5

    async def in_history():
        now = datetime.now(UTC)
        trend = await night.agent.facility.trend(SHORT, now - timedelta(minutes=1), now, 1)
        return trend.buckets[0].last == 18.5

    await until(on_mqtt)
    await until(in_history)
    record = (await night.agent.records(SHORT))[0]
    assert (record.action, record.value, record.priority, record.reason) == ("hold", "18.5", 8, "valve test")
    assert record.result.startswith("held")

    released = await night.agent.command(SHORT, None, minutes=None, reason="valve is fine")
    assert released.status == "released"
    assert (await night.witness.slots(night.refs[SHORT]))[8] is None
    record = (await night.agent.records(SHORT))[0]
    assert (record.action, record.priority, record.reason) == ("release", 8, "valve is fine")


async def test_a_kill_9_keeps_what_stands_releases_what_is_over_and_overwrites_nobody(night):
    assert (await night.agent.command(HELD, 19.0, minutes=60)).status == "held"
    assert (await night.agent.command(OTHER, 18.0, minutes=60)).status == "held"
    taken = "vav-2-04/htg-sp"
    assert (await night.agent.command(taken, 17.5, minutes=60)).status == "held"
    await night.agent.kill()
    # while nobody looks: one override runs out, and somebody else takes a slot
    with sqlite3.connect(night.agent.state / "state.db") as state:
        state.execute(
            "UPDATE claims SET until = '2020-01-01 00:00:00.000000' WHERE point = ? AND priority = 8", [OTHER]
        )
    await night.witness.write(night.refs[taken], 22.0, 8)

    await night.agent.start()

    async def reconciled():
        holds = {hold.point: hold for hold in (await night.agent.facility.overview()).holds if hold.priority == 8}
        return HELD in holds and OTHER not in holds and taken not in holds

    await until(reconciled)
    assert (await night.witness.slots(night.refs[HELD]))[8] == 19.0
    assert (await night.witness.slots(night.refs[OTHER]))[8] is None
    assert (await night.witness.slots(night.refs[taken]))[8] == 22.0
    dropped = (await night.agent.records(taken))[0]
    assert "not ours" in dropped.result
    await night.witness.write(night.refs[taken], None, 8)
    await until(lambda: has_settled(night))


async def test_a_second_start_needs_no_discovery(night):
    assert (await night.agent.facility.discover(start=False)).started is None
    assert len(await night.agent.facility.points()) == len(night.points)


async def test_control_and_history_go_on_without_a_broker_and_its_state_is_right_again_afterwards(night):
    await until_mirrored(night)
    await night.broker.stop()

    async def noticed():
        links = {link.name: link for link in (await night.agent.facility.overview()).links}
        return links["mqtt"].state == "down"

    await until(noticed)
    before = (await night.agent.facility.stats())["history_rows"]
    assert (await night.agent.command(OTHER, 17.0, minutes=30)).status == "held"

    async def history_goes_on():
        return (await night.agent.facility.stats())["history_rows"] > before

    await until(history_goes_on)
    await night.broker.start()  # without persistence: it has forgotten everything

    async def caught_up():
        links = {link.name: link for link in (await night.agent.facility.overview()).links}
        return links["mqtt"].state == "ok"

    await until(caught_up, within=90)
    state = await retained(night, OTHER)
    assert (state["v"], state["q"]) == (17.0, "good")


@pytest.mark.parametrize(
    ("point", "value", "says"),
    [
        ("nowhere/nothing", 1.0, "There is no point"),
        ("blood-bank-refrigerator-1/temp", 4.0, ""),
    ],
)
async def test_what_cannot_be_is_refused_in_words(night, point, value, says):
    point = next((known for known in night.points if known.startswith(point.split("/")[0])), point)
    wish = Wish(point=point, value=value, minutes=15, reason="a test")
    try:
        plan = await night.agent.facility.preview(wish)
    except FacilityError as error:
        assert says in str(error)  # noqa: PT017 - either way is a no
    else:
        assert plan.verdict == "refused"
        assert plan.rule == "monitor-only"


async def test_a_value_out_of_its_limits_is_refused_with_the_limits(night):
    plan = await night.agent.facility.preview(Wish(point=HELD, value=99.0, minutes=15, reason="a test"))
    assert plan.verdict == "refused"
    assert "30" in plan.why
    assert (await night.agent.facility.commit(plan.id)).status == "rejected"
    assert (await night.witness.slots(night.refs[HELD]))[8] == 19.0


async def test_a_clean_stop_releases_the_schedules_and_keeps_the_operators(night):
    assert await night.agent.stop() == 0
    slots = await night.witness.slots(night.refs[HELD])
    assert slots[15] is None
    assert slots[8] == 19.0
    assert night.agent.errors() == []
