"""A small real BACnet/IP device with a knob for everything that is wrong with devices in the field.

It speaks for itself: nothing of the agent's codec is in it. All that it was asked is in `asked`, with what became
of it, so that a test can say how politely it was treated.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from octets import (
    ANALOG_INPUT,
    BINARY_INPUT,
    COV_INCREMENT,
    DATABASE_REVISION,
    DESCRIPTION,
    DEVICE,
    FINE,
    FIRMWARE,
    MAX_APDU,
    MODEL_NAME,
    MULTI_STATE_INPUT,
    NOTIFY,
    NUMBER_OF_STATES,
    OBJECT_LIST,
    OBJECT_NAME,
    PRESENT_VALUE,
    READ,
    READ_MULTIPLE,
    RESTART_REASON,
    RESTART_TIME,
    SEGMENTATION,
    SERIAL,
    SERVICES,
    STATUS_FLAGS,
    SUBSCRIBE,
    SYSTEM_STATUS,
    UNITS,
    VENDOR_ID,
    VENDOR_NAME,
    Wanted,
    bits,
    closing,
    enumerated,
    identifier,
    identifier_octets,
    number_octets,
    opening,
    real,
    tag,
    tags,
    text,
    unsigned,
    wanted_of,
)

BOTH, NO_SEGMENTS = 0, 3
BUFFER_OVERFLOW, SEGMENTATION_NOT_SUPPORTED, OUT_OF_RESOURCES = 1, 4, 9  # abort reasons
UNRECOGNIZED_SERVICE = 9  # a reject reason
UNKNOWN_OBJECT, UNKNOWN_PROPERTY = (1, 31), (2, 32)  # error class and code
NO_ROOM = (3, 19)  # resources, no-space-to-add-list-element
BAD_INDEX = (2, 42)
SERVED_BITS = 40
WINDOW = 1  # segments between two acknowledgements

Reply = Callable[[bytes], None]
Properties = dict[int, bytes | list[bytes]]


@dataclass(slots=True, eq=False)
class Asked:
    """A confirmed request, and what became of it."""

    at: float
    service: int
    invoke: int
    wanted: tuple[Wanted, ...]
    accepts_segments: bool
    most: int  # octets that the asker takes in one APDU
    body: bytes
    outcome: str = "silence"  # "ack", "error", "abort", "reject", "dropped", or "working" while it thinks about it

    @property
    def failed(self) -> bool:
        return self.outcome not in ("ack", "working")


@dataclass(slots=True)
class Subscription:
    process: int
    confirmed: bool
    lifetime: int
    until: float
    reply: Reply


@dataclass(slots=True)
class _Segments:
    parts: list[bytes]
    asked: Asked
    reply: Reply
    sent: int = 0


class Refused(Exception):
    def __init__(self, class_and_code: tuple[int, int]) -> None:
        super().__init__(class_and_code)
        self.octets = enumerated(class_and_code[0]) + enumerated(class_and_code[1])


@dataclass(eq=False)
class Device:
    """Well behaved until a knob is turned."""

    instance: int
    name: str = ""
    max_apdu: int = 480
    segmentation: int = NO_SEGMENTS  # as it says; segments are sent if it says so and `segments` is left alone
    advertises_rpm: bool = True
    advertises_cov: bool = False

    silent: bool = False
    delay: float = 0.0  # seconds before each answer
    reads_multiple: bool = True
    most_at_once: int | None = None  # properties in one request
    too_much: int = SEGMENTATION_NOT_SUPPORTED  # the reason it aborts with when an answer is too long
    segments: bool = True  # False: aborts though it claims segmentation
    segments_uninvited: bool = False  # sends segments to who did not say it takes them
    index_only: bool = False  # its object list cannot be read whole, however short it is
    one_buffer: bool = False  # a request that comes while it works on another is lost
    late: bool = False  # answers every second request together with the one after
    swap: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # answers about another object
    whole_fails: bool = False  # a multiple read with one bad property in it is refused as a whole
    forgets_index: bool = False  # leaves the array index out of what it refuses
    answers_from: Reply | None = None  # another way for its answers than the one that was asked
    twist: Callable[[Asked, bytes], bytes | None] | None = None  # changes an answer, or swallows it
    cov_room: int = 1_000
    cov_silent: bool = False  # takes a subscription, and notifies nobody of anything but the first value
    renewals_answered: bool = True
    announces: bool = True  # answers Who-Is
    tells_restarts: bool = True  # has a Time_Of_Device_Restart
    clock: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())

    asked: list[Asked] = field(default_factory=list)
    peak: int = 0  # requests it had at once
    subscriptions: dict[tuple[int, int], Subscription] = field(default_factory=dict)
    revision: int = 1
    acknowledged: int = 0  # confirmed notifications
    send: Callable[[bytes], None] = field(default=lambda _: None)  # an APDU to everybody; set where it is plugged in
    address: str = ""
    network: int = 0

    def __post_init__(self) -> None:
        self.name = self.name or f"Box {self.instance}"
        self.objects: dict[tuple[int, int], Properties] = {}
        self._working: set[int] = set()
        self._held: Callable[[], None] | None = None
        self._segmented: dict[int, _Segments] = {}
        self.restarted = b"\x01"  # a BACnetTimeStamp, as a sequence number
        self.restart_reason = 1  # coldstart
        self.notified = 0

    # What it has

    def analog(self, instance: int, value: float | bytes = 20.0, changes: Properties | None = None) -> Device:
        octets = real(value) if isinstance(value, (float, int)) else value
        own: Properties = {PRESENT_VALUE: octets, UNITS: enumerated(62), COV_INCREMENT: real(0.5)}
        return self.has(ANALOG_INPUT, instance, f"AI {instance}", own | (changes or {}))

    def binary(self, instance: int, *, value: bool = False) -> Device:
        return self.has(BINARY_INPUT, instance, f"BI {instance}", {PRESENT_VALUE: enumerated(int(value))})

    def states(self, instance: int, value: int = 1) -> Device:
        own: Properties = {PRESENT_VALUE: unsigned(value), NUMBER_OF_STATES: unsigned(3)}
        return self.has(MULTI_STATE_INPUT, instance, f"MSI {instance}", own)

    def has(self, object_type: int, instance: int, name: str, own: Properties) -> Device:
        common: Properties = {
            OBJECT_NAME: text(name),
            DESCRIPTION: text(""),
            STATUS_FLAGS: FINE,
        }
        self.objects[object_type, instance] = common | own
        return self

    def change(self, instance: int, value: float | bytes, *, object_type: int = ANALOG_INPUT) -> None:
        """A new present value, told to who subscribed."""
        octets = real(value) if isinstance(value, (float, int)) else value
        self.objects[object_type, instance][PRESENT_VALUE] = octets
        if not self.cov_silent:
            self._tell(object_type, instance)

    def own(self) -> Properties:
        services = [False] * SERVED_BITS
        services[READ] = True
        services[READ_MULTIPLE] = self.advertises_rpm
        services[SUBSCRIBE] = self.advertises_cov
        inventory = [identifier(DEVICE, self.instance), *(identifier(*object_) for object_ in self.objects)]
        restart: Properties = {RESTART_TIME: tag(1, self.restarted, context=True)} if self.tells_restarts else {}
        return (
            {
                OBJECT_NAME: text(self.name),
                DESCRIPTION: text(""),
                VENDOR_NAME: text("Awkward Controls"),
                VENDOR_ID: unsigned(999),
                MODEL_NAME: text("Box"),
                FIRMWARE: text("1.0"),
                SERIAL: text(f"S-{self.instance}"),
                DATABASE_REVISION: unsigned(self.revision),
                SYSTEM_STATUS: enumerated(0),
                SERVICES: bits(*services),
                MAX_APDU: unsigned(self.max_apdu),
                SEGMENTATION: enumerated(self.segmentation),
                OBJECT_LIST: inventory,
                RESTART_REASON: enumerated(self.restart_reason),
            }
            | restart
            | self.objects.get((DEVICE, self.instance), {})
        )

    # What it does

    def receive(self, apdu: bytes, reply: Reply) -> None:
        match apdu[0] >> 4:
            case 0:
                self._confirmed(apdu, reply)
            case 1:
                self._unconfirmed(apdu, reply)
            case 2:
                self.acknowledged += 1
            case 4 if not apdu[0] & 1:
                self._next_segments(apdu[1])
            case 7:
                self._segmented.pop(apdu[1], None)

    def i_am(self) -> bytes:
        return (
            b"\x10\x00"
            + identifier(DEVICE, self.instance)
            + unsigned(self.max_apdu)
            + enumerated(self.segmentation)
            + unsigned(999)
        )

    def announce(self) -> None:
        self.send(self.i_am())

    def reboot(self, *, reason: int = 1) -> None:
        """Forgets who subscribed; says nothing of it."""
        self.subscriptions.clear()
        self.restart_reason = reason
        self.restarted = number_octets(int.from_bytes(self.restarted, "big") + 1)

    def _unconfirmed(self, apdu: bytes, reply: Reply) -> None:
        if apdu[1] != 8 or not self.announces or self.silent:
            return
        limits = [int.from_bytes(content, "big") for _, _, content in tags(apdu[2:])]
        if not limits or limits[0] <= self.instance <= limits[1]:
            reply(self.i_am())

    def _confirmed(self, apdu: bytes, reply: Reply) -> None:
        most = (50, 128, 206, 480, 1024, 1476)[min(5, apdu[1] & 15)]
        body = apdu[4:]
        asked = Asked(self.clock(), apdu[3], apdu[2], wanted_of(apdu[3], body), bool(apdu[0] & 2), most, body)
        self.asked.append(asked)
        if self.silent:
            return
        if self._working and self.one_buffer:
            asked.outcome = "dropped"
            self.peak = max(self.peak, len(self._working) + 1)
            return
        asked.outcome = "working"
        self._working.add(id(asked))
        self.peak = max(self.peak, len(self._working))
        answer = self._answer(asked, reply)
        if self.late and self._held is None:
            self._held = lambda: self._finish(asked, answer, reply)
            return
        held, self._held = self._held, None
        if held:
            held()
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._finish, asked, answer, reply)
        else:
            self._finish(asked, answer, reply)

    def _finish(self, asked: Asked, answer: bytes | None, reply: Reply) -> None:
        """Sends the answer that it found when it was asked."""
        self._working.discard(id(asked))
        reply = self.answers_from or reply
        if answer is not None and self.twist is not None:
            answer = self.twist(asked, answer)
        if answer is None:
            asked.outcome = "silence"
            return
        asked.outcome = {2: "ack", 3: "ack", 5: "error", 6: "reject", 7: "abort"}[answer[0] >> 4]
        room = min(self.max_apdu, asked.most)
        if len(answer) <= room and not (self.segments_uninvited and answer[0] >> 4 == 3):
            reply(answer)
        elif self.segments_uninvited or (self.segments and self.segmentation == BOTH and asked.accepts_segments):
            body, size = answer[3:], min(room - 5, max(8, len(answer) // 2))
            parts = [body[at : at + size] for at in range(0, len(body), size)]
            self._segmented[asked.invoke] = _Segments(parts, asked, reply)
            self._next_segments(asked.invoke)
        else:
            asked.outcome = "abort"
            reply(bytes([0x71, asked.invoke, self.too_much]))

    def _next_segments(self, invoke: int) -> None:
        if (segments := self._segmented.get(invoke)) is None:
            return
        number = segments.sent
        if number == len(segments.parts):
            del self._segmented[invoke]
            return
        segments.sent += 1
        more = 4 if number + 1 < len(segments.parts) else 0
        head = bytes([0x38 | more, invoke, number, WINDOW, segments.asked.service])
        segments.reply(head + segments.parts[number])

    def _answer(self, asked: Asked, reply: Reply) -> bytes | None:
        head = bytes([0x30, asked.invoke, asked.service])
        told = tuple(self._swapped(wanted) for wanted in asked.wanted)
        try:
            if asked.service == READ:
                wanted = told[0]
                return head + self._specified(wanted, 0) + opening(3) + self._value(wanted) + closing(3)
            if asked.service == READ_MULTIPLE and self.reads_multiple:
                if self.most_at_once is not None and len(asked.wanted) > self.most_at_once:
                    return bytes([0x71, asked.invoke, self.too_much])
                return head + self._results(told)
            if asked.service == SUBSCRIBE and self.advertises_cov:
                return self._subscribe(asked, reply)
        except Refused as refused:
            return bytes([0x50, asked.invoke, asked.service]) + refused.octets
        except OverflowError:
            return bytes([0x71, asked.invoke, self.too_much])
        return bytes([0x60, asked.invoke, UNRECOGNIZED_SERVICE])

    def _swapped(self, wanted: Wanted) -> Wanted:
        object_ = (wanted.object_type, wanted.instance)
        return replace(wanted, **dict(zip(("object_type", "instance"), self.swap.get(object_, object_), strict=True)))

    def _specified(self, wanted: Wanted, first: int) -> bytes:
        octets = b"" if first else tag(0, identifier_octets(wanted.object_type, wanted.instance), context=True)
        octets += tag(first + (0 if first else 1), number_octets(wanted.name), context=True)
        if wanted.index is not None:
            octets += tag(first + (1 if first else 2), number_octets(wanted.index), context=True)
        return octets

    def _results(self, wanted: tuple[Wanted, ...]) -> bytes:
        octets, object_ = b"", None
        if self.whole_fails:
            for one in wanted:
                self._value(one)
        for one in wanted:
            if (one.object_type, one.instance) != object_:
                octets += closing(1) if object_ else b""
                object_ = (one.object_type, one.instance)
                octets += tag(0, identifier_octets(*object_), context=True) + opening(1)
            try:
                octets += self._specified(one, 2) + opening(4) + self._value(one) + closing(4)
            except Refused as refused:
                refers_to = replace(one, index=None) if self.forgets_index else one
                octets += self._specified(refers_to, 2) + opening(5) + refused.octets + closing(5)
        return octets + closing(1)

    def _value(self, wanted: Wanted) -> bytes:
        key = (wanted.object_type, wanted.instance)
        own = self.own() if key == (DEVICE, self.instance) else self.objects.get(key)
        if own is None:
            raise Refused(UNKNOWN_OBJECT)
        if wanted.name not in own:
            raise Refused(UNKNOWN_PROPERTY)
        value = own[wanted.name]
        if isinstance(value, bytes):
            return value
        if wanted.index is None:
            if self.index_only and wanted.name == OBJECT_LIST:
                raise OverflowError
            return b"".join(value)
        if wanted.index > len(value):
            raise Refused(BAD_INDEX)
        return value[wanted.index - 1] if wanted.index else unsigned(len(value))

    # Change of value

    def _subscribe(self, asked: Asked, reply: Reply) -> bytes | None:
        fields = {number: content for _, number, content in tags(asked.body)}
        key = (asked.wanted[0].object_type, asked.wanted[0].instance)
        if key not in self.objects:
            raise Refused(UNKNOWN_OBJECT)
        if 2 not in fields:
            self.subscriptions.pop(key, None)
            return bytes([0x20, asked.invoke, SUBSCRIBE])
        if key in self.subscriptions and not self.renewals_answered:
            return None
        if key not in self.subscriptions and len(self.subscriptions) >= self.cov_room:
            raise Refused(NO_ROOM)
        lifetime = int.from_bytes(fields.get(3, b""), "big")
        self.subscriptions[key] = Subscription(
            process=int.from_bytes(fields[0], "big"),
            confirmed=fields[2] == b"\x01",
            lifetime=lifetime,
            until=self.clock() + lifetime,
            reply=reply,
        )
        asyncio.get_running_loop().call_soon(self._tell, *key)
        return bytes([0x20, asked.invoke, SUBSCRIBE])

    def _tell(self, object_type: int, instance: int) -> None:
        held = self.subscriptions.get((object_type, instance))
        if held is None or self.clock() > held.until:
            return
        self.notified += 1
        body = self.notification(object_type, instance, process=held.process, left=int(held.until - self.clock()))
        head = bytes([0x00, 0x05, self.notified & 0xFF, NOTIFY]) if held.confirmed else b"\x10\x02"
        held.reply(head + body)

    def notification(self, object_type: int, instance: int, *, process: int, left: int = 60) -> bytes:
        own = self.objects[object_type, instance]
        octets = tag(0, number_octets(process), context=True)
        octets += tag(1, identifier_octets(DEVICE, self.instance), context=True)
        octets += tag(2, identifier_octets(object_type, instance), context=True)
        octets += tag(3, number_octets(left), context=True) + opening(4)
        for name in (PRESENT_VALUE, STATUS_FLAGS):
            value = own[name]
            assert isinstance(value, bytes)
            octets += tag(0, number_octets(name), context=True) + opening(2) + value + closing(2)
        return octets + closing(4)

    def restart_notification(self) -> bytes:
        """An unconfirmed notification about the device itself, as the standard has it for a restart (19.3)."""
        octets = tag(0, b"\x00", context=True) + tag(1, identifier_octets(DEVICE, self.instance), context=True)
        octets += tag(2, identifier_octets(DEVICE, self.instance), context=True) + tag(3, b"\x00", context=True)
        octets += opening(4)
        for name in (SYSTEM_STATUS, RESTART_REASON):
            value = self.own()[name]
            assert isinstance(value, bytes)
            octets += tag(0, number_octets(name), context=True) + opening(2) + value + closing(2)
        return b"\x10\x02" + octets + closing(4)

    # What a test asks

    def requests(self, service: int | None = None) -> list[Asked]:
        return [one for one in self.asked if service is None or one.service == service]

    def most_asked(self) -> int:
        """Properties in the largest multiple read."""
        return max((len(one.wanted) for one in self.requests(READ_MULTIPLE)), default=0)


def ip(octets: bytes) -> tuple[str, int]:
    return ".".join(map(str, octets[:4])), struct.unpack(">H", octets[4:6])[0]
