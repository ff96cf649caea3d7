"""The fast lane against devices that answer late, wrongly, in segments, for others, or from behind a router."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.bacnet.peers import FIRST_ID, IDS, SET_ASIDE, Peer
from points.bacnet.port import Notification, Property, Query
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.errors import DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref
from points.passport import Oddity, Passports
from tests.points.bacnet.parrot import Parrot, parrot, read_ack, until

PRESENT_VALUE = Property("analog-input", 1, "present-value")
I_AM = b"\x10\x00\xc4" + struct.pack(">I", (8 << 22) | 500) + b"\x22\x01\xe0\x91\x03\x22\x03\xe7"
TWENTY, THIRTY = b"\x44\x41\xa0\x00\x00", b"\x44\x41\xf0\x00\x00"


@pytest.fixture
def passports() -> Passports:
    return Passports()


@pytest.fixture
async def stack(passports: Passports) -> AsyncIterator[Stack]:
    settings = StackSettings(address="127.0.0.1:0", apdu_timeout=0.15, retries=0)
    async with open_stack(settings, passports) as opened:
        yield opened


def datagram(apdu: bytes, *, source: tuple[int, bytes] | None = None) -> bytes:
    npdu = b"\x01\x00"
    if source is not None:
        network, station = source
        npdu = b"\x01\x08" + struct.pack(">HB", network, len(station)) + station
    return b"\x81\x0a" + struct.pack(">H", len(npdu) + len(apdu) + 4) + npdu + apdu


def say(device: Parrot, stack: Stack, apdu: bytes, *, source: tuple[int, bytes] | None = None) -> None:
    device.transport.sendto(datagram(apdu, source=source), ("127.0.0.1", stack.port))


def cov(value: bytes, *, process: int = 7, instance: int = 1, device: int = 1) -> bytes:
    """The parameters of a COV notification of an analog input's present value."""
    return (
        bytes([0x09, process, 0x1C])
        + struct.pack(">I", 8 << 22 | device)
        + b"\x2c"
        + struct.pack(">I", instance)
        + b"\x39\x3c\x4e\x09\x55\x2e"
        + value
        + b"\x2f\x4f"
    )


class TestInvokeIds:
    @given(st.lists(st.sampled_from(["answered", "given up"]), max_size=400), st.floats(0.0, 5.0))
    def test_no_id_is_used_again_while_an_answer_to_it_may_still_come(self, ends: list[str], step: float) -> None:
        peer = Peer(DeviceRef(network=0, address="10.0.0.1:47808", instance=1))
        given_up: dict[int, float] = {}
        now = 0.0
        for end in ends:
            id_ = peer.free_id(now)
            assert FIRST_ID <= id_ < FIRST_ID + IDS
            if len(given_up) < IDS - 1:  # else there is no other choice but the oldest
                assert now - given_up.get(id_, -SET_ASIDE) >= SET_ASIDE
            peer.waiting[id_] = type("Waiting", (), {"sent": now})()  # type: ignore[assignment]
            if end == "answered":
                del peer.waiting[id_]
            else:
                peer.give_up(id_, now)
                given_up[id_] = now
            given_up = {one: at for one, at in given_up.items() if now - at < SET_ASIDE}
            now += step

    async def test_the_lanes_ids_and_the_librarys_are_two_halves(self, stack: Stack) -> None:
        async with parrot() as device:
            for _ in range(3):
                with pytest.raises(DeviceSilent):
                    await stack.read(device.ref, PRESENT_VALUE)
            fast = {octets[8] for octets in device.heard}
            device.heard.clear()
            device.answer = lambda invoke: bytes([0x20, invoke, 15])
            for _ in range(300):  # more than there are
                await stack.write(Ref(device=device.ref, object_type="analog-output", instance=1), 1.0, 8)
            slow = {octets[8] for octets in device.heard}
            assert min(fast) >= FIRST_ID > max(slow)
            assert len(fast) == 3


class TestAnswers:
    async def test_a_late_answer_is_known_as_one_and_is_nobodys_value(self, stack: Stack, passports: Passports) -> None:
        async with parrot() as device:
            with pytest.raises(DeviceSilent):
                await stack.read(device.ref, PRESENT_VALUE)
            late = read_ack(TWENTY)(device.heard[0][8])
            asking = asyncio.ensure_future(stack.read(device.ref, PRESENT_VALUE))
            await until(lambda: len(device.heard) == 2)
            say(device, stack, late)  # the very object that is asked for, but the answer to the first request
            say(device, stack, read_ack(THIRTY)(device.heard[1][8]))
            assert await asking == 30.0
            assert stack.traffic["late"] == 1
            assert Oddity.LATE_ANSWERS in passports.of(device.ref).oddities

    async def test_who_answers_late_is_waited_for_longer(self, stack: Stack, passports: Passports) -> None:
        async with parrot() as device:
            with pytest.raises(DeviceSilent):
                await stack.read(device.ref, PRESENT_VALUE)
            say(device, stack, read_ack(TWENTY)(device.heard[0][8]))
            await until(lambda: passports.of(device.ref).timeout)
            assert passports.of(device.ref).timeout > 0.15

    async def test_an_answer_from_another_address_is_not_taken(self, stack: Stack) -> None:
        async with parrot() as device, parrot() as stranger:
            asking = asyncio.ensure_future(stack.read(device.ref, PRESENT_VALUE))
            await until(lambda: device.heard)
            say(stranger, stack, read_ack(TWENTY)(device.heard[0][8]))
            with pytest.raises(DeviceSilent):
                await asking
            assert stack.traffic["unasked"] == 1

    async def test_an_answer_to_another_service_is_not_taken(self, stack: Stack) -> None:
        async with parrot() as device:
            device.answer = lambda invoke: bytes([0x30, invoke, 14]) + read_ack(TWENTY)(invoke)[3:]
            with pytest.raises(ProtocolError, match="service 14"):
                await stack.read(device.ref, PRESENT_VALUE)

    async def test_an_answer_about_another_object_is_noted_as_swapped(self, stack: Stack, passports: Passports) -> None:
        async with parrot() as device:
            device.answer = read_ack(TWENTY, object_=2)
            with pytest.raises(ProtocolError, match="something else"):
                await stack.read(device.ref, PRESENT_VALUE)
            assert Oddity.SWAPPED_ANSWERS in passports.of(device.ref).oddities

    async def test_the_same_octets_give_the_same_answers_object(self, stack: Stack) -> None:
        async with parrot() as device:
            query = Query(device.ref, (PRESENT_VALUE,))
            device.answer = read_ack(TWENTY)
            first, second = await stack.read_many(query), await stack.read_many(query)
            assert first is second
            device.answer = read_ack(THIRTY)
            third = await stack.read_many(query)
            assert (list(first), list(third)) == ([20.0], [30.0])
            assert stack.traffic["unchanged"] == 1

    async def test_an_answer_in_segments_is_ended_and_asked_for_by_the_library(self, stack: Stack) -> None:
        async with parrot() as device:

            def segmented(invoke: int) -> bytes:
                if invoke >= FIRST_ID:
                    return bytes([0x3C, invoke, 0, 1, 12]) + b"\x0c\x00"
                return read_ack(TWENTY)(invoke)

            device.answer = segmented
            assert await stack.read(device.ref, PRESENT_VALUE) == 20.0
            asked, ended, again = device.heard
            assert ended[6:] == bytes([0x70, asked[8], 4])
            assert again[6] & 0x02  # segmented response accepted
            assert not asked[6] & 0x02

    async def test_what_does_not_fit_is_asked_for_by_the_library(self, stack: Stack) -> None:
        async with parrot() as device:
            device.answer = lambda invoke: bytes([0x71, invoke, 4]) if invoke >= FIRST_ID else read_ack(TWENTY)(invoke)
            assert await stack.read(device.ref, PRESENT_VALUE) == 20.0
            assert stack.traffic["by_library"] == 1

    async def test_a_way_that_bears_little_is_told_so(self, stack: Stack, passports: Passports) -> None:
        async with parrot() as device:
            passports.learn(device.ref, max_apdu=480)
            device.answer = read_ack(TWENTY)
            await stack.read(device.ref, PRESENT_VALUE)
            assert device.heard[0][7] & 0x0F == 3  # up to 480 octets


class TestRouted:
    async def test_a_device_behind_a_router_is_asked_through_it(self, stack: Stack) -> None:
        async with parrot() as router:
            here = DeviceRef(network=11, address="5", instance=500)
            say(router, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack._routes.to(11))
            asking = asyncio.ensure_future(stack.read(here, PRESENT_VALUE))
            await until(lambda: router.heard)
            assert router.heard[0][4:11] == b"\x01\x24\x00\x0b\x01\x05\xff"  # DNET 11, DADR 5, hop count 255
            invoke = router.heard[0][13]
            say(router, stack, read_ack(THIRTY)(invoke), source=(11, b"\x06"))  # of a neighbour
            say(router, stack, read_ack(TWENTY)(invoke), source=(11, b"\x05"))
            assert await asking == 20.0

    async def test_a_router_that_moved_is_followed(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("points.bacnet.routes.SILENT", -1.0)
        async with parrot() as old, parrot() as new:
            here = DeviceRef(network=11, address="5", instance=500)
            query = Query(here, (PRESENT_VALUE,))
            for router, value in ((old, TWENTY), (new, THIRTY)):
                say(router, stack, I_AM, source=(11, b"\x05"))
                await until(lambda router=router: stack._routes.to(11) == router.here)
                asking = asyncio.ensure_future(stack.read_many(query))
                await until(lambda router=router: router.heard)
                say(router, stack, read_ack(value)(router.heard[0][13]), source=(11, b"\x05"))
                await asking
            assert list(await asking) == [30.0]

    async def test_nobody_takes_a_network_from_a_router_through_which_answers_come(
        self, stack: Stack, passports: Passports
    ) -> None:
        here = DeviceRef(network=11, address="5", instance=500)
        async with parrot() as router, parrot() as thief:
            say(router, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack._routes.to(11))
            asking = asyncio.ensure_future(stack.read(here, PRESENT_VALUE))
            await until(lambda: router.heard)
            say(router, stack, read_ack(TWENTY)(router.heard[0][13]), source=(11, b"\x05"))
            await asking
            say(thief, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack.traffic["contested_routes"])
            assert stack._routes.to(11) == router.here
            assert passports.network(11).router == router.address

    async def test_a_thief_through_whom_nothing_is_answered_is_not_believed_again(self, stack: Stack) -> None:
        here = DeviceRef(network=11, address="5", instance=500)
        async with parrot() as thief, parrot() as router:
            say(thief, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack._routes.to(11))
            with pytest.raises(DeviceSilent):
                await stack.read(here, PRESENT_VALUE)
            for _ in range(3):  # it goes on sending
                say(thief, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack.traffic["contested_routes"] == 3)
            say(router, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack._routes.to(11) == router.here)

    async def test_the_router_of_an_earlier_life_is_asked_at_once_and_forgotten_if_it_is_gone(
        self, passports: Passports
    ) -> None:
        here = DeviceRef(network=11, address="5", instance=500)
        async with parrot() as router:
            passports.learn_network(11, router=router.address)
            async with open_stack(
                StackSettings(address="127.0.0.1:0", apdu_timeout=0.1, retries=0), passports
            ) as stack:
                with pytest.raises(DeviceSilent):
                    await stack.read(here, PRESENT_VALUE)
                assert len(router.heard) == 1
                assert stack._routes.to(11) is None

    async def test_a_router_that_was_doubted_and_comes_back_is_written_through(self, stack: Stack) -> None:
        """Its network has to be forgotten by the library as a whole, or it never finds the way again."""
        here = DeviceRef(network=11, address="5", instance=500)
        output = Ref(device=here, object_type="analog-output", instance=1)
        async with parrot() as router:
            say(router, stack, I_AM, source=(11, b"\x05"))
            await until(lambda: stack._routes.to(11))
            for _ in range(2):  # the lane gives the router up, then the library does
                with pytest.raises(DeviceSilent):
                    await stack.read(here, PRESENT_VALUE)
            router.heard.clear()
            stack._routes.prove(11, router.here, 0.0)
            writing = asyncio.ensure_future(stack.write(output, 1.0, 8))
            await until(lambda: any(octets[12:13] == b"\x02" or b"\x0f" in octets[13:15] for octets in router.heard))
            asked = next(octets for octets in router.heard if octets[4:7] == b"\x01\x24\x00")
            say(router, stack, bytes([0x20, asked[13], 15]), source=(11, b"\x05"))
            await writing

    async def test_the_library_goes_the_way_that_the_lane_knows(self, passports: Passports) -> None:
        here = DeviceRef(network=11, address="5", instance=500)
        async with parrot() as router:
            passports.learn_network(11, router=router.address)
            async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=1.0), passports) as stack:
                output = Ref(device=here, object_type="analog-output", instance=1)
                writing = asyncio.ensure_future(stack.write(output, 1.0, 8))
                await until(lambda: router.heard)
                say(router, stack, bytes([0x20, router.heard[0][13], 15]), source=(11, b"\x05"))
                await writing


class TestForwarded:
    async def test_what_comes_forwarded_names_whom_it_likes_and_is_not_believed(self, stack: Stack) -> None:
        heard: list[Notification] = []
        stack.on_notification(heard.append)
        async with parrot() as device, parrot() as liar:
            asking = asyncio.ensure_future(stack.read(device.ref, PRESENT_VALUE))
            await until(lambda: device.heard)
            origin = socket.inet_aton(device.here[0]) + struct.pack(">H", device.here[1])
            for apdu in (b"\x10\x02" + cov(TWENTY), read_ack(TWENTY)(device.heard[0][8])):
                npdu = origin + b"\x01\x00" + apdu
                octets = b"\x81\x04" + struct.pack(">H", len(npdu) + 4) + npdu
                liar.transport.sendto(octets, ("127.0.0.1", stack.port))
            with pytest.raises(DeviceSilent):
                await asking
            assert heard == []


class TestNotifications:
    @pytest.mark.parametrize("source", [None, (11, b"\x05")])
    async def test_a_confirmed_notification_is_acknowledged(
        self, stack: Stack, source: tuple[int, bytes] | None
    ) -> None:
        heard: list[Notification] = []
        stack.on_notification(heard.append)
        async with parrot() as device:
            say(device, stack, b"\x00\x05\x21\x01" + cov(TWENTY), source=source)
            await until(lambda: device.heard)
            assert device.heard[0].endswith(b"\x20\x21\x01")
            assert heard[0].properties == {"present-value": 20.0}
            assert heard[0].device.network == (source[0] if source else 0)

    async def test_nonsense_as_a_confirmed_notification_is_rejected_and_counted(self, stack: Stack) -> None:
        async with parrot() as device:
            say(device, stack, b"\x00\x05\x21\x01\xff\xff\xff")
            await until(lambda: device.heard)
            assert device.heard[0].endswith(b"\x60\x21\x04")
            assert stack.protocol_errors[device.address] == 1

    async def test_several_objects_in_one_notification_are_several(self, stack: Stack) -> None:
        heard: list[Notification] = []
        stack.on_notification(heard.append)
        several = b"\x09\x07\x1c\x02\x00\x00\x01\x29\x3c\x4e" + b"".join(
            b"\x0c" + struct.pack(">I", instance) + b"\x1e\x09\x55\x2e" + TWENTY + b"\x2f\x1f" for instance in (1, 2)
        )
        async with parrot() as device:
            say(device, stack, b"\x10\x0b" + several + b"\x4f")
            await until(lambda: len(heard) == 2)
            assert [one.instance for one in heard] == [1, 2]

    async def test_a_handler_that_fails_costs_one_notification(self, stack: Stack) -> None:
        heard: list[Notification] = []

        def fails(notification: Notification) -> None:
            heard.append(notification)
            if len(heard) == 1:
                raise RuntimeError("a fault of ours")

        stack.on_notification(fails)
        async with parrot() as device:
            for _ in range(2):
                say(device, stack, b"\x10\x02" + cov(TWENTY))
            await until(lambda: len(heard) == 2)


async def test_a_closed_stack_lets_nobody_wait() -> None:
    async with parrot() as device:
        async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=60)) as stack:
            asking = asyncio.ensure_future(stack.read(device.ref, PRESENT_VALUE))
            await until(lambda: device.heard)
        with pytest.raises(DeviceSilent, match=r"closed|cannot be sent"):
            await asking


class TestCharacterSets:
    async def test_text_that_is_not_what_it_claims_is_noted_and_read_as_what_it_is(
        self, stack: Stack, passports: Passports
    ) -> None:
        async with parrot() as device:
            device.answer = read_ack(b"\x75\x05\x00caf\xe9", property_=77)
            assert await stack.read(device.ref, Property("analog-input", 1, "object-name")) == "café"
            assert Oddity.MISLABELLED_TEXT in passports.of(device.ref).oddities
            device.answer = read_ack(b"\x75\x05\x00d\xc3\xa9g", property_=77)  # the next may be what it says
            assert await stack.read(device.ref, Property("analog-input", 1, "object-name")) == "dég"

    async def test_text_that_is_cut_in_the_middle_of_a_character_is_not_mislabelled(
        self, stack: Stack, passports: Passports
    ) -> None:
        async with parrot() as device:
            device.answer = read_ack(b"\x75\x07\x00\xc3\x9cber\xc3", property_=77)
            assert await stack.read(device.ref, Property("analog-input", 1, "object-name")) == "Über"
            assert not passports.of(device.ref).oddities

    async def test_the_site_says_what_a_devices_text_is(self) -> None:
        passports = Passports(overrule=lambda _: {"charset": "cp932"})
        async with parrot() as device, open_stack(StackSettings(address="127.0.0.1:0"), passports) as stack:
            device.answer = read_ack(b"\x75\x05\x00" + "室温".encode("cp932"), property_=77)
            assert await stack.read(device.ref, Property("analog-input", 1, "object-name")) == "室温"
