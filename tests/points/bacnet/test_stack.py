"""The stack against a device that nobody here wrote, and against one that answers whatever a test says."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import AsyncIterator, Callable

import pytest
import rusty_bacnet as rusty

from points.bacnet.port import IAm, Notification, Opaque, Property, Query
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.errors import BacnetUnavailable, DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref
from tests.points.bacnet.parrot import PATIENCE, parrot, read_ack, until

INSTANCE = 1234
I_AM_500 = b"\x10\x00\xc4" + struct.pack(">I", (8 << 22) | 500) + b"\x22\x01\xe0\x91\x03\x22\x03\xe7"


@pytest.fixture
async def server() -> AsyncIterator[rusty.BACnetServer]:
    device = rusty.BACnetServer(
        INSTANCE, "Plant Controller", interface="127.0.0.1", port=0, broadcast_address="127.255.255.255"
    )
    device.add_analog_input(1, "Supply Air Temp", 62, 21.5)
    device.add_analog_output(1, "Damper", 98)
    device.add_binary_output(1, "Fan")
    device.add_multistate_value(1, "Mode", 3)
    device.add_lighting_output(1, "Corridor")
    device.add_integer_value(1, "Count")
    await device.start()
    try:
        yield device
    finally:
        await device.stop()


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    """It waits for what answers, threads of its own or not, however long that takes."""
    async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=60, retries=0)) as opened:
        yield opened


@pytest.fixture
async def hasty() -> AsyncIterator[Stack]:
    """For those who say nothing."""
    async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=0.3, retries=0)) as opened:
        yield opened


@pytest.fixture
async def device(server: rusty.BACnetServer) -> DeviceRef:
    return DeviceRef(network=0, address=await server.local_address(), instance=INSTANCE)


def ref(device: DeviceRef, object_type: str, instance: int = 1) -> Ref:
    return Ref(device=device, object_type=object_type, instance=instance)


class TestReading:
    async def test_who_is_hears_the_device(self, stack: Stack, device: DeviceRef) -> None:
        heard: list[IAm] = []
        async with asyncio.timeout(PATIENCE):
            while not heard:
                heard = await stack.who_is(0, 4_194_302, target=device.address, wait=0.2)
        assert [i_am.device for i_am in heard] == [device]
        assert heard[0].max_apdu == 1476
        assert await stack.who_is(1, 1000, target=device.address, wait=0.1) == []

    async def test_values_have_their_own_types(self, stack: Stack, device: DeviceRef) -> None:
        async def value(object_type: str, name: str) -> object:
            return await stack.read(device, Property(object_type, 1, name))

        assert await value("analog-input", "present-value") == 21.5
        assert await value("analog-input", "units") == "degrees-celsius"
        assert await value("analog-input", "status-flags") == (False, False, False, False)
        assert await value("binary-output", "present-value") is False
        assert await value("multi-state-value", "present-value") == 1
        assert await value("multi-state-value", "state-text") == ("State 1", "State 2", "State 3")
        assert await value("analog-input", "event-state") == "normal"

    async def test_lists_come_whole_and_by_element(self, stack: Stack, device: DeviceRef) -> None:
        objects = await stack.read(device, Property("device", INSTANCE, "object-list"))
        assert isinstance(objects, tuple)
        assert objects[:2] == (f"device,{INSTANCE}", "analog-input,1")
        assert await stack.read(device, Property("device", INSTANCE, "object-list", 0)) == len(objects)
        assert await stack.read(device, Property("device", INSTANCE, "object-list", 2)) == "analog-input,1"

    async def test_one_bad_property_does_not_cost_the_batch(self, stack: Stack, device: DeviceRef) -> None:
        wanted = (
            Property("analog-input", 1, "present-value"),
            Property("analog-input", 1, "9999"),
            Property("analog-input", 77, "present-value"),
            Property("binary-output", 1, "present-value"),
        )
        answers = await stack.read_many(Query(device, wanted))
        assert answers[0] == 21.5
        assert isinstance(answers[1], DeviceRefused)
        assert answers[1].code == "unknown-property"
        assert isinstance(answers[2], DeviceRefused)
        assert answers[2].code == "unknown-object"
        assert answers[3] is False
        assert not await stack.read_many(Query(device, ()))

    async def test_a_refusal_has_its_code(self, stack: Stack, device: DeviceRef) -> None:
        with pytest.raises(DeviceRefused, match="serial-number") as refused:
            await stack.read(device, Property("device", INSTANCE, "serial-number"))
        assert refused.value.code == "unknown-property"

    @pytest.mark.parametrize("address", ["nowhere", "1.2.3:4", "300", "0xzz"])
    async def test_an_impossible_address_is_an_error_with_words(self, stack: Stack, address: str) -> None:
        nobody = DeviceRef(network=0, address=address, instance=1)
        with pytest.raises(DeviceError, match="cannot be asked"):
            await stack.read(nobody, Property("device", 1, "object-name"))
        with pytest.raises(DeviceError, match="no place to look"):
            await stack.who_is(1, 2, target="over there")

    async def test_a_name_that_cannot_be_resolved_is_an_error_of_ours_not_of_the_library(self, stack: Stack) -> None:
        with pytest.raises(DeviceError, match="'banana' is no place to look"):
            await stack.who_is(1, 2, target="banana")


class TestWriting:
    @pytest.mark.parametrize(
        ("object_type", "value", "default"),
        [
            ("analog-output", 42.5, 0.0),
            ("binary-output", True, False),
            ("multi-state-value", 3, 1),
            ("lighting-output", 60.0, 0.0),
            ("integer-value", -7, 0),
        ],
    )
    async def test_a_value_takes_its_slot_and_gives_it_back(
        self, stack: Stack, device: DeviceRef, object_type: str, value: object, default: object
    ) -> None:
        point = ref(device, object_type)
        await stack.write(point, value, 8)  # type: ignore[arg-type]
        slots = await stack.read_slots(point)
        assert (slots[8], slots.winner, slots.default) == (value, 8, default)
        assert type(slots[8]) is type(value)
        await stack.write(point, None, 8)
        slots = await stack.read_slots(point)
        assert slots.winner is None
        assert len(slots.values) == 16

    @pytest.mark.parametrize("priority", [-1, 0, 1, 7, 17])
    async def test_no_priority_but_ours_is_written(self, stack: Stack, device: DeviceRef, priority: int) -> None:
        with pytest.raises(ValueError, match="not ours"):
            await stack.write(ref(device, "analog-output"), 1.0, priority)

    @pytest.mark.parametrize(
        ("object_type", "value"),
        [
            ("analog-output", "on"),
            ("analog-output", True),
            ("binary-output", 1),
            ("multi-state-value", 0),
            ("file", 1),
            ("analog-output", 1e39),
            ("integer-value", 20.5),
            ("integer-value", math.inf),
            ("positive-integer-value", -1),
        ],
    )
    async def test_a_value_of_the_wrong_kind_is_not_sent(
        self, stack: Stack, device: DeviceRef, object_type: str, value: object
    ) -> None:
        with pytest.raises(DeviceRefused, match="cannot be sent") as refusal:
            await stack.write(ref(device, object_type), value, 8)  # type: ignore[arg-type]
        assert refusal.value.code == "value-out-of-range"

    async def test_nothing_in_us_can_be_written(self, stack: Stack) -> None:
        async with open_stack(StackSettings(address="127.0.0.1:0", instance=77, apdu_timeout=60)) as other:
            us = DeviceRef(network=0, address=f"127.0.0.1:{stack.port}", instance=4_194_000)
            assert await other.read(us, Property("device", us.instance, "object-name")) == "facility"
            with pytest.raises(DeviceRefused) as refused:
                await other.write(Ref(device=us, object_type="analog-value", instance=1), 1.0, 16)
            assert refused.value.code == "write-access-denied"


class TestChangeOfValue:
    @pytest.mark.parametrize("confirmed", [False, True])
    async def test_the_first_notification_is_not_lost(
        self, stack: Stack, server: rusty.BACnetServer, device: DeviceRef, *, confirmed: bool
    ) -> None:
        heard: list[Notification] = []
        stack.on_notification(heard.append)
        await stack.subscribe(ref(device, "analog-input"), process=7, lifetime=60, confirmed=confirmed)
        await until(lambda: heard)
        assert heard[0] == Notification(
            device=device,
            process=7,
            object_type="analog-input",
            instance=1,
            properties={"present-value": 21.5, "status-flags": (False, False, False, False)},
        )
        sensor = rusty.ObjectIdentifier(rusty.ObjectType.ANALOG_INPUT, 1)
        await server.set_present_value_local(sensor, rusty.PropertyValue.real(23.0))
        await until(lambda: len(heard) > 1)
        assert heard[1].properties["present-value"] == 23.0
        await stack.unsubscribe(ref(device, "analog-input"), process=7)

    @pytest.mark.parametrize("lifetime", [0, -1, 28_801])
    async def test_no_subscription_is_for_ever(self, stack: Stack, device: DeviceRef, lifetime: int) -> None:
        with pytest.raises(ValueError, match="lifetime"):
            await stack.subscribe(ref(device, "analog-input"), process=7, lifetime=lifetime)

    async def test_unsubscribing_from_a_silent_device_is_no_error(self, hasty: Stack) -> None:
        await hasty.unsubscribe(ref(DeviceRef(network=0, address="127.0.0.1:9", instance=1), "analog-input"), process=7)


class TestOurOwnEnd:
    async def test_a_port_in_use_says_what_to_do(self, stack: Stack) -> None:
        with pytest.raises(BacnetUnavailable, match=rf"UDP port {stack.port} .* in use.*another port"):
            async with open_stack(StackSettings(address=f"127.0.0.1:{stack.port}")):
                pass

    @pytest.mark.parametrize(
        ("address", "says"),
        [
            ("203.0.113.9:0", "No interface of this machine"),
            ("our-server", "not a BACnet address"),
            ("10.0.0.1/40", "not a BACnet address"),
            ("127.0.0.1:70000", "at most 65535"),
        ],
    )
    async def test_a_bad_address_says_what_to_do(self, address: str, says: str) -> None:
        with pytest.raises(BacnetUnavailable, match=says):
            async with open_stack(StackSettings(address=address)):
                pass

    async def test_the_port_is_free_when_the_stack_is_closed(self) -> None:
        async with open_stack(StackSettings(address="127.0.0.1:0")) as first:
            port = first.port
        for _ in range(3):
            async with open_stack(StackSettings(address=f"127.0.0.1:{port}")) as again:
                assert again.port == port

    async def test_broadcasts_go_out_and_come_in(self) -> None:
        """Loopback as a network of its own, with somebody else on it who hears and sends its broadcasts."""
        async with open_stack(StackSettings(address="127.0.0.1/8:0")) as stack:
            everyone = ("127.255.255.255", stack.port)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
                neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                neighbour.setblocking(False)
                neighbour.bind(everyone)
                asking = asyncio.ensure_future(stack.who_is(400, 600, wait=0.3))
                loop = asyncio.get_running_loop()
                async with asyncio.timeout(PATIENCE):
                    asked = await loop.sock_recv(neighbour, 1500)
                assert asked[:2] == b"\x81\x0b"  # an original broadcast
                assert asked.endswith(b"\x10\x08\x0a\x01\x90\x1a\x02\x58")  # Who-Is, 400 to 600
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
                    device.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    device.bind(("127.0.0.5", 0))
                    npdu = b"\x01\x00" + I_AM_500
                    device.sendto(b"\x81\x0b" + struct.pack(">H", len(npdu) + 4) + npdu, everyone)
                    assert [i_am.device.instance for i_am in await asking] == [500]


class TestForeignDevice:
    async def test_no_bbmd_says_what_to_do(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("points.bacnet.foreign.REGISTRATION_ANSWER", 0.05)
        with pytest.raises(BacnetUnavailable, match=r"BBMD at 127.0.0.1:9 does not answer.*firewall"):
            async with open_stack(StackSettings(address="127.0.0.1:0", foreign="127.0.0.1:9")):
                pass

    async def test_a_patient_agent_starts_before_its_bbmd(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("points.bacnet.foreign.REGISTRATION_ANSWER", 0.05)
        monkeypatch.setattr("points.bacnet.foreign.REGISTRATION_RETRY", 0.05)
        async with parrot() as bbmd:
            bbmd.result = None  # silence
            settings = StackSettings(address="127.0.0.1:0", foreign=bbmd.address, foreign_ttl=1, patient=True)
            async with open_stack(settings) as stack:
                assert not stack.registered
                bbmd.result = 0
                await until(lambda: stack.registered)

    async def test_a_bbmd_that_refuses_says_what_to_do(self, server: rusty.BACnetServer) -> None:
        bbmd = await server.local_address()  # a device, no BBMD: it answers with a NAK
        with pytest.raises(BacnetUnavailable, match=r"refuses foreign devices|does not answer"):
            async with open_stack(StackSettings(address="127.0.0.1:0", foreign=bbmd)):
                pass

    async def test_registration_survives_a_bbmd_that_forgets_and_refuses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("points.bacnet.foreign.REGISTRATION_ANSWER", 0.1)
        monkeypatch.setattr("points.bacnet.foreign.REGISTRATION_RETRY", 0.1)
        async with parrot() as bbmd:
            bbmd.result = 0
            settings = StackSettings(address="127.0.0.1:0", foreign=bbmd.address, foreign_ttl=1)
            async with open_stack(settings) as stack:
                assert stack.registered
                bbmd.result = 0x0030
                await until(lambda: not stack.registered)
                bbmd.result = None  # silence
                asked = len(bbmd.heard)
                await until(lambda: len(bbmd.heard) > asked + 2)
                assert not stack.registered
                bbmd.result = 0
                await until(lambda: stack.registered)


PRESENT_VALUE = Property("analog-input", 1, "present-value")


class TestAwkwardAnswers:
    @pytest.mark.parametrize(
        ("apdu", "code"),
        [
            (lambda invoke: bytes([0x71, invoke, 4]), "segmentation-not-supported"),
            (lambda invoke: bytes([0x71, invoke, 1]), "buffer-overflow"),
            (lambda invoke: bytes([0x71, invoke, 200]), "200"),
            (lambda invoke: bytes([0x60, invoke, 9]), "unrecognized-service"),
            (lambda invoke: bytes([0x50, invoke, 12, 0x91, 1, 0x91, 31]), "unknown-object"),
            (lambda invoke: bytes([0x50, invoke, 12, 0x91, 1, 0x92, 3, 0xE8]), "1000"),
        ],
    )
    async def test_every_no_is_a_refusal(self, stack: Stack, apdu: Callable[[int], bytes], code: str) -> None:
        async with parrot() as device:
            device.answer = apdu
            with pytest.raises(DeviceRefused) as refused:
                await stack.read(device.ref, PRESENT_VALUE)
            assert refused.value.code == code

    @pytest.mark.parametrize(
        "apdu",
        [
            lambda invoke: bytes([0x30, invoke, 12]),  # an acknowledgement of nothing
            lambda invoke: bytes([0x30, invoke, 12, 0x0C, 0, 0]),  # cut off
            lambda invoke: bytes([0x30, invoke, 12]) + b"\xff" * 40,
            lambda invoke: bytes([0x20, invoke, 12]),  # a simple acknowledgement of a read
            read_ack(b"\x44\x41\xa0\x00\x00", object_=2),  # of another object
            read_ack(b"\x44\x41\xa0\x00\x00", property_=28),  # of another property
            read_ack(b"\x43\x41\xa0\x00"),  # a REAL of three octets
            read_ack(b"\x75\x09\x00abc"),  # a string longer than the datagram
            read_ack(b""),
        ],
    )
    async def test_nonsense_is_a_protocol_error_and_counted(self, stack: Stack, apdu: Callable[[int], bytes]) -> None:
        async with parrot() as device:
            device.answer = apdu
            with pytest.raises(ProtocolError):
                await stack.read(device.ref, PRESENT_VALUE)
            assert stack.protocol_errors.total() >= 1

    @pytest.mark.parametrize(
        ("octets", "value"),
        [
            (b"\x44\x3e\x4c\xcc\xcd", 0.2),
            (b"\x21\x05", 5),
            (b"\x00", None),
            (b"\x75\x05\x05caf\xe9", "café"),  # Latin-1, as it says
            (b"\x75\x05\x00caf\xe9", "café"),  # Latin-1, labelled UTF-8
            (b"\x75\x05\x04\x4e\x2d\x65\x87", "中文"),
            (b"\x91\x07", "7"),
            (b"\x2e\x21\x05\x2f", Opaque(b"\x2e\x21\x05\x2f")),
            (b"\x63\x01\x02\x03", Opaque(b"\x01\x02\x03")),
            (b"\x21\x01\x21\x02", (1, 2)),
        ],
    )
    async def test_odd_values_are_told_as_well_as_can_be(self, stack: Stack, octets: bytes, value: object) -> None:
        async with parrot() as device:
            device.answer = read_ack(octets)
            assert await stack.read(device.ref, PRESENT_VALUE) == value

    @pytest.mark.parametrize("fault", [RuntimeError("no"), struct.error("no"), IndexError("no"), RecursionError("no")])
    async def test_whatever_the_library_throws_is_a_protocol_error_of_that_device(
        self, stack: Stack, monkeypatch: pytest.MonkeyPatch, fault: Exception
    ) -> None:
        async def fails(_apdu: object) -> None:
            raise fault

        here = DeviceRef(network=0, address="127.0.0.1:9", instance=1)
        with monkeypatch.context() as patch:
            patch.setattr(stack._application, "request", fails)
            with pytest.raises(ProtocolError):
                await stack.read(here, Property("device", 1, "object-list"))
            with pytest.raises(ProtocolError):
                await stack.write(ref(here, "analog-output"), 1.0, 8)
        assert stack.protocol_errors[str(here)] == 2

    async def test_what_cannot_be_sent_is_silence(self, stack: Stack) -> None:
        elsewhere = DeviceRef(network=0, address="203.0.113.9:47808", instance=1)  # no way there from a loopback socket
        with pytest.raises(DeviceSilent, match="cannot be sent"):
            await stack.read(elsewhere, PRESENT_VALUE)

    async def test_nan_stays_nan(self, stack: Stack) -> None:
        async with parrot() as device:
            device.answer = read_ack(b"\x44\x7f\xc0\x00\x00")
            value = await stack.read(device.ref, PRESENT_VALUE)
            assert isinstance(value, float)
            assert math.isnan(value)

    async def test_a_write_is_sent_once_whatever_happens(self) -> None:
        async with (
            parrot() as device,
            open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=0.1, retries=2)) as stack,
        ):
            with pytest.raises(DeviceSilent):
                await stack.write(ref(device.ref, "analog-output"), 1.0, 8)
            assert len(device.heard) == 1
            with pytest.raises(DeviceSilent):
                await stack.read(device.ref, PRESENT_VALUE)
            assert len(device.heard) == 4, device.heard  # a read is repeated
            assert len({datagram[8] for datagram in device.heard}) == 4  # never with an old invoke id

    async def test_one_request_at_a_time_per_device(self, stack: Stack) -> None:
        async with parrot() as slow, parrot() as other:
            other.answer = read_ack(b"\x44\x41\xa0\x00\x00")
            reads = [asyncio.ensure_future(stack.read(slow.ref, PRESENT_VALUE)) for _ in range(2)]
            await until(lambda: slow.heard)
            assert await stack.read(other.ref, PRESENT_VALUE) == 20.0
            assert len(slow.heard) == 1
            assert not any(read.done() for read in reads)  # the silent one is nobody else's trouble
            for read in reads:
                read.cancel()
            await asyncio.gather(*reads, return_exceptions=True)

    async def test_after_silence_it_is_the_next_request_s_turn(self, hasty: Stack) -> None:
        async with parrot() as silent:
            reads = [asyncio.ensure_future(hasty.read(silent.ref, PRESENT_VALUE)) for _ in range(2)]
            results = await asyncio.gather(*reads, return_exceptions=True)
            assert [type(result) for result in results] == [DeviceSilent, DeviceSilent]
            assert len(silent.heard) == 2

    async def test_a_cancelled_request_is_not_repeated_and_frees_its_lane(self, stack: Stack) -> None:
        async with parrot() as device:
            read = asyncio.ensure_future(stack.read(device.ref, PRESENT_VALUE))
            await until(lambda: device.heard)
            read.cancel()
            await asyncio.gather(read, return_exceptions=True)
            device.answer = read_ack(b"\x44\x41\xa0\x00\x00")
            assert await stack.read(device.ref, PRESENT_VALUE) == 20.0

    async def test_garbage_from_anyone_is_counted_and_nothing_else(self, stack: Stack) -> None:
        async with parrot() as anyone:
            for octets in (
                b"\x81\x0a\x00\x05",
                b"\x81\x0a\x00\x06\x01\x00",
                b"\x81" * 50,
                b"\x81\x0a\x00\x07\x01\x00\xf0",
            ):
                anyone.transport.sendto(octets, ("127.0.0.1", stack.port))
            await until(lambda: stack.protocol_errors[anyone.address] >= 3)
            anyone.answer = read_ack(b"\x21\x05")
            assert await stack.read(anyone.ref, PRESENT_VALUE) == 5

    async def test_a_burst_is_taken_in_at_once_so_that_no_answer_waits_behind_it(self, stack: Stack) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anyone:
            for _ in range(60):
                anyone.sendto(b"\x81\x0a\x00\x06\xff\xff", ("127.0.0.1", stack.port))
            for _ in range(10):  # turns of the loop
                await asyncio.sleep(0)
        assert sum(stack.protocol_errors.values()) == 60

    async def test_two_devices_of_one_instance_are_two(self, stack: Stack) -> None:
        heard: list[IAm] = []
        stack.on_i_am(heard.append)
        async with parrot() as one, parrot() as other:
            for device in (one, other):
                npdu = b"\x01\x00" + I_AM_500
                octets = b"\x81\x0a" + struct.pack(">H", len(npdu) + 4) + npdu
                device.transport.sendto(octets, ("127.0.0.1", stack.port))
            await until(lambda: len(heard) == 2)
            assert {i_am.device.address for i_am in heard} == {one.address, other.address}
            assert {(i_am.device.instance, i_am.max_apdu, i_am.segmentation) for i_am in heard} == {
                (500, 480, "no-segmentation")
            }
