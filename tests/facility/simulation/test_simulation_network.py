"""The pretend hospital as an agent meets it: its own process, through the BBMD, with a bacpypes3 client."""

import asyncio
import json
import math
import signal
import sys

import pytest
import pytest_asyncio
from bacpypes3.apdu import AbortPDU, ErrorRejectAbortNack, RejectPDU
from bacpypes3.app import Application
from bacpypes3.basetypes import HostNPort, IPMode, PropertyIdentifier
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.pdu import Address
from bacpypes3.primitivedata import Null, ObjectIdentifier

from facility.simulation.inventory import hospital
from facility.simulation.process import HospitalFailed, free_port, simulated_hospital
from facility.simulation.proprietary import OBJECT_TYPE, PROPERTY

pytestmark = pytest.mark.asyncio(loop_scope="module")

SPECS = {spec.name: spec for spec in hospital()}
HEATING_SETPOINT = "analog-value,1"  # of an office


def address(name):
    return Address(f"10:{SPECS[name].instance - 10000}")


def device(name):
    return f"device,{SPECS[name].instance}"


class Client:
    """What an agent does, with nothing between it and bacpypes3."""

    def __init__(self, bbmd):
        me = DeviceObject(
            objectIdentifier=("device", 999),
            objectName="client",
            vendorIdentifier=999,
            maxApduLengthAccepted=1476,
            maxSegmentsAccepted=64,
        )
        port = NetworkPortObject(
            f"127.0.0.1/8:{free_port()}", objectIdentifier=("network-port", 1), objectName="port 1"
        )
        port.bacnetIPMode = IPMode.foreign
        port.fdBBMDAddress = HostNPort(bbmd)
        port.fdSubscriptionLifetime = 60
        self.application = Application.from_object_list([me, port])

    async def read(self, name, what, prop="present-value", index=None):
        return await self.application.read_property(address(name), what, prop, index)

    async def write(self, name, what, value, priority):
        value = Null(()) if value is None else value
        await self.application.write_property(address(name), what, "present-value", value, None, priority)

    async def refusal(self, request):
        """The bare answer of a device that says no."""
        try:
            await request
        except ErrorRejectAbortNack as answer:
            return answer
        pytest.fail("it did not refuse")

    def subscribed(self, name, what, process, *, confirmed=False):
        return self.application.change_of_value(address(name), ObjectIdentifier(what), process, confirmed, 60)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running():
    async with simulated_hospital(scenario="device-ignores", scenario_after=0.1) as hospital:
        yield hospital


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(running):
    client = Client(running.bbmd)
    async with asyncio.timeout(60):
        while len(found := await client.application.who_is(timeout=2)) < running.devices:
            pass  # it is being registered, or busy
    yield client, found
    client.application.close()


async def value_of(subscription):
    """The next present value; status flags follow each."""
    async with asyncio.timeout(30):
        while True:
            prop, value = await subscription.get_value()
            if prop == PropertyIdentifier.presentValue:
                return value


async def test_who_is_through_the_bbmd_finds_every_device(client, running):
    _, found = client
    instances = [i_am.iAmDeviceIdentifier[1] for i_am in found]
    assert len(instances) == len(set(instances)) == running.devices >= 26
    assert set(instances) == {spec.instance for spec in SPECS.values()} | {10000}
    assert running.points >= 900


async def test_object_lists_hold_as_many_points_as_announced(client, running):
    client, _ = client
    total = 0
    for name, spec in SPECS.items():
        total += int(await client.read(name, device(name), "object-list", 0)) - 2  # the device and its port
        total -= len(spec.timers)  # which are no points
    assert total == running.points


async def test_a_point_tells_what_it_is(client):
    client, _ = client
    office = address("VAV-2-02")
    answers = await client.application.read_property_multiple(
        office,
        [
            "analog-input,1",
            ["object-name", "description", "units", "cov-increment", "min-pres-value", "max-pres-value"],
            "binary-input,1",
            ["object-name", "inactive-text", "active-text"],
            "multi-state-value,1",
            ["number-of-states", "state-text"],
        ],
    )
    shown = [str(value) if isinstance(value, str) else value for *_, value in answers]
    assert shown[0] == "VAV_2_02/ZN-T"
    assert "Office 202 zone temperature" in shown[1]
    assert str(shown[2]) == "degrees-celsius"
    assert shown[6:9] == ["VAV_2_02/OCC-S", "Vacant", "Occupied"]
    assert list(shown[10]) == ["Deadband", "Heating", "Cooling"]
    assert await client.read("VAV-2-02", device("VAV-2-02"), "serial-number") == "1401-010102"


async def test_level_8_wins_over_15_and_null_falls_back(client):
    client, _ = client
    await client.write("VAV-2-02", HEATING_SETPOINT, 22.0, 15)
    await client.write("VAV-2-02", HEATING_SETPOINT, 23.0, 8)
    assert await client.read("VAV-2-02", HEATING_SETPOINT) == 23.0
    slots = await client.read("VAV-2-02", HEATING_SETPOINT, "priority-array")
    assert len(slots) == 16
    assert (slots[7].real, slots[14].real) == (23.0, 22.0)
    await client.write("VAV-2-02", HEATING_SETPOINT, None, 8)
    assert await client.read("VAV-2-02", HEATING_SETPOINT) == 22.0
    await client.write("VAV-2-02", HEATING_SETPOINT, None, 15)
    assert await client.read("VAV-2-02", HEATING_SETPOINT) == 20.0
    slots = await client.read("VAV-2-02", HEATING_SETPOINT, "priority-array")
    assert all(slot.null is not None for slot in slots)
    assert await client.read("VAV-2-02", HEATING_SETPOINT, "relinquish-default") == 20.0


@pytest.mark.parametrize(
    ("name", "what", "on", "default"),
    [
        ("Lighting Panel LP-1", "binary-output,1", "inactive", "active"),
        ("Lighting Panel LP-1", "lighting-output,1", 30.0, 80.0),
        ("OR-1 Room Controller", "multi-state-value,1", 2, 1),
        ("VAV-2-04", "binary-value,1", "active", "inactive"),
    ],
)
async def test_every_kind_of_commandable_object_commands_and_releases(client, name, what, on, default):
    client, _ = client
    await client.write(name, what, on, 15)
    assert (await client.read(name, what)) in (on, {"inactive": 0, "active": 1}.get(on))
    await client.write(name, what, None, 15)
    assert (await client.read(name, what)) in (default, {"inactive": 0, "active": 1}.get(default))


async def test_a_dimmer_takes_the_warning_values_at_once(client):
    client, _ = client
    panel, dimmer = "Lighting Panel LP-1", "lighting-output,2"
    await client.write(panel, dimmer, -3.0, 15)  # warn, then off
    assert await client.read(panel, dimmer) == 0.0
    assert await client.read(panel, dimmer, "tracking-value") == 0.0
    await client.write(panel, dimmer, -2.0, 15)  # warn, then relinquish
    assert await client.read(panel, dimmer) == 80.0
    await client.refusal(client.write(panel, dimmer, -4.0, 15))


@pytest.mark.parametrize(
    ("what", "value", "priority"),
    [
        ("analog-input,1", 20.0, 8),  # a sensor
        (HEATING_SETPOINT, 21.0, 6),  # reserved for minimum on/off
        (HEATING_SETPOINT, 99.0, 8),  # beyond its limits
        (HEATING_SETPOINT, math.nan, 8),
        ("analog-value,3", 20.0, 8),  # a computed value
    ],
)
async def test_what_may_not_be_written_is_refused(client, what, value, priority):
    client, _ = client
    await client.refusal(client.write("VAV-2-02", what, value, priority))


async def test_a_commanded_output_is_obeyed_and_its_controller_comes_back(client):
    client, _ = client
    await client.write("VAV-2-04", "analog-output,1", 75.0, 8)
    assert await client.read("VAV-2-04", "analog-output,1") == 75.0
    await client.write("VAV-2-04", "analog-output,1", None, 8)
    slots = await client.read("VAV-2-04", "analog-output,1", "priority-array")
    assert slots[15].real is not None  # level 16 is the controller's own


@pytest.mark.parametrize("confirmed", [False, True])
async def test_a_change_of_value_is_notified(client, confirmed):
    client, _ = client
    async with client.subscribed("VAV-2-07", HEATING_SETPOINT, 100 + confirmed, confirmed=confirmed) as changes:
        assert await value_of(changes) == 20.0
        await client.write("VAV-2-07", HEATING_SETPOINT, 22.5, 8)
        assert await value_of(changes) == 22.5
        await client.write("VAV-2-07", HEATING_SETPOINT, None, 8)
        assert await value_of(changes) == 20.0


async def test_out_of_service_is_notified_and_decouples(client):
    client, _ = client
    where = address("VAV-2-08")
    async with client.subscribed("VAV-2-08", "analog-input,1", 110) as changes:
        await value_of(changes)
        await client.application.write_property(where, "analog-input,1", "out-of-service", True)
        await client.application.write_property(where, "analog-input,1", "present-value", 35.0)
        async with asyncio.timeout(30):
            while await value_of(changes) != 35.0:
                pass
        flags = await client.read("VAV-2-08", "analog-input,1", "status-flags")
        assert flags[3] == 1
        await client.application.write_property(where, "analog-input,1", "out-of-service", False)
        async with asyncio.timeout(30):
            while await value_of(changes) > 30.0:
                pass


async def test_the_mri_gateway_has_no_read_property_multiple(client):
    client, _ = client
    where = address("MRI Chiller")
    answer = await client.refusal(
        client.application.read_property_multiple(where, ["analog-input,1", ["present-value"]])
    )
    assert isinstance(answer, RejectPDU)
    assert answer.apduAbortRejectReason == 9  # unrecognized-service
    services = await client.read("MRI Chiller", device("MRI Chiller"), "protocol-services-supported")
    assert services[14] == 0
    assert services[12] == 1
    assert 18.0 < await client.read("MRI Chiller", "analog-input,1") < 24.0


async def test_the_small_panel_has_to_be_read_by_index(client):
    client, _ = client
    panel, me = "Lighting Panel LP-2", device("Lighting Panel LP-2")
    assert await client.read(panel, me, "max-apdu-length-accepted") == 480
    answer = await client.refusal(client.read(panel, me, "object-list"))
    assert isinstance(answer, AbortPDU)
    assert answer.apduAbortRejectReason == 4  # segmentation-not-supported
    length = await client.read(panel, me, "object-list", 0)
    assert length > 95
    assert (await client.read(panel, me, "object-list", int(length)))[1] > 0


async def test_the_meter_refuses_the_sixth_subscription(client):
    client, _ = client
    async with asyncio.timeout(30):
        opened = [client.subscribed("Main Electricity Meter", f"analog-input,{n}", 200 + n) for n in range(1, 7)]
        for subscription in opened[:5]:
            await subscription.__aenter__()
        answer = await client.refusal(opened[5].__aenter__())
        assert str(answer.errorCode) == "no-space-to-add-list-element"
        await opened[4].refresh_subscription()  # renewing one is no new one
        for subscription in opened[:5]:
            await subscription.__aexit__(None, None, None)


async def test_one_vendor_has_a_type_of_his_own(client):
    client, _ = client
    name = "Transfer Switch ATS-1"
    objects = await client.read(name, device(name), "object-list")
    assert OBJECT_TYPE in [int(what[0]) for what in objects]
    assert await client.read(name, f"{OBJECT_TYPE},1", f"{PROPERTY}") == 17
    answer = await client.refusal(client.read(name, f"{OBJECT_TYPE},1", "present-value"))
    assert str(answer.errorCode) == "unknown-property"


async def test_one_sensor_is_broken(client):
    client, _ = client
    assert math.isnan(await client.read("RTU-1", "analog-input,2"))
    assert str(await client.read("RTU-1", "analog-input,2", "reliability")) == "no-sensor"
    assert list(await client.read("RTU-1", "analog-input,2", "status-flags"))[1] == 1


async def test_a_rebooted_device_is_silent_announces_itself_and_has_forgotten_its_commands(client, running):
    client, _ = client
    name = "VAV-2-03"
    announced = asyncio.Event()
    heard = client.application.do_IAmRequest

    async def listen(i_am):
        if i_am.iAmDeviceIdentifier[1] == SPECS[name].instance:
            announced.set()
        await heard(i_am)

    client.application.do_IAmRequest = listen
    await client.write(name, HEATING_SETPOINT, 23.0, 8)
    assert await client.read(name, HEATING_SETPOINT) == 23.0
    revisions = [first := await client.read(name, device(name), "database-revision")]
    await running.play("device-reboot")
    async with asyncio.timeout(60):
        while revisions[-1] <= first:
            revisions.append(await _revision(client, name))
            await asyncio.sleep(0.2)
        assert 0 in revisions
        await announced.wait()
    assert await client.read(name, HEATING_SETPOINT) == 20.0
    assert str(await client.read(name, device(name), "last-restart-reason")) == "detected-power-lost"


async def _revision(client, name):
    """The same until the device has restarted; 0 while it says nothing."""
    try:
        async with asyncio.timeout(1):
            return await client.read(name, device(name), "database-revision")
    except (TimeoutError, ErrorRejectAbortNack):
        return 0


async def test_the_story_it_was_started_with_begins_by_itself(client):
    client, _ = client
    name = "VAV-2-06"
    async with asyncio.timeout(30):
        while True:
            await client.write(name, HEATING_SETPOINT, 23.0, 8)  # acknowledged
            if await client.read(name, HEATING_SETPOINT) == 20.0:
                break
            await client.write(name, HEATING_SETPOINT, None, 8)
            await asyncio.sleep(0.1)
    assert (await client.read(name, HEATING_SETPOINT, "priority-array"))[7].null is not None


async def test_stories_begin_when_asked_for(client, running):
    client, _ = client
    await running.play("foreign-override")
    for name, value, level in (("VAV-2-07", 18.0, 5), ("VAV-2-08", 23.0, 8)):
        slots = await client.read(name, HEATING_SETPOINT, "priority-array")
        assert slots[level - 1].real == value == await client.read(name, HEATING_SETPOINT)


async def test_a_story_nobody_knows_is_refused_and_the_hospital_goes_on(running):
    with pytest.raises(HospitalFailed, match="no scenario 'meteor'"):
        await running.play("meteor")
    await running.play("or-vacant")


async def test_an_operating_room_follows_its_flow_setpoints_and_has_its_flow_back_in_seconds(client):
    client, _ = client
    name, setpoint, flow = "OR-4 Room Controller", "analog-value,4", "analog-input,4"
    assert str(await client.read(name, setpoint, "object-name")) == "mercy/surgery/or_4/supply airflow setpoint"
    assert str(await client.read(name, flow, "object-name")) == "mercy/surgery/or_4/supply airflow"
    assert await client.read(name, setpoint, "relinquish-default") == 667.0
    await client.refusal(client.write(name, setpoint, -1.0, 14))
    await client.write(name, setpoint, 640.0, 14)
    async with asyncio.timeout(30):
        while await client.read(name, flow) > 645.0:  # the valve is set in steps of half a percent
            await asyncio.sleep(0.1)
    await client.write(name, setpoint, None, 14)
    async with asyncio.timeout(30):
        while await client.read(name, flow) < 660.0:
            await asyncio.sleep(0.1)


async def test_a_port_in_use_is_said_plainly(running):
    with pytest.raises(HospitalFailed, match=f"UDP port {running.port} .*in use"):
        async with simulated_hospital(port=running.port):
            pass


@pytest.mark.parametrize("how", ["stdin", "SIGTERM"])
async def test_it_ends_when_its_parent_is_gone_or_says_so(how):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "facility.simulation", "--port", str(free_port())),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        assert json.loads(await process.stdout.readline())["ready"]
        if how == "stdin":
            process.stdin.close()
        else:
            process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
    assert await process.stderr.read() == b""


async def test_scenarios_are_listed():
    process = await asyncio.create_subprocess_exec(
        sys.executable, *("-m", "facility.simulation", "--scenario", "list"), stdout=asyncio.subprocess.PIPE
    )
    listed, _ = await process.communicate()
    assert {line.split()[0] for line in listed.decode().splitlines()} >= {
        "fridge-door",
        "or-pressure",
        "device-reboot",
        "device-silent",
        "holiday",
    }
