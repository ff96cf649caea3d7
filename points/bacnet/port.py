"""What the rest of the agent may ask of a BACnet network.

`points.bacnet.stack.Stack` is the implementation; discovery, freshness and the command desk
know only this. Every method raises nothing but `points.errors.DeviceError` (and
`asyncio.CancelledError`): whatever else the library throws is translated at the border.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from points.errors import DeviceError
from points.model import DeviceRef, Ref, Slots, Value

Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True, kw_only=True)
class IAm:
    """One I-Am as it arrived; two devices of one instance are two of these."""

    device: DeviceRef
    max_apdu: int
    segmentation: str  # "segmented-both", "segmented-transmit", "segmented-receive", "no-segmentation"
    vendor_id: int


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an object: hyphenated names, or numbers as text where proprietary."""

    object_type: str
    instance: int
    name: str
    index: int | None = None


@dataclass(slots=True, eq=False)
class Query:
    """Properties of one device that are read in one request, again and again.

    Keep it as long as the same properties are asked for: whoever answers it keeps in `memory` what
    saves work the next time (the request's octets, the last reply and what it said).
    """

    device: DeviceRef
    wanted: tuple[Property, ...]
    urgent: bool = False  # a command waits for it: it passes those who wait for their turn
    memory: object = None


@dataclass(frozen=True, slots=True)
class Opaque:
    """A value we have no type for (constructed or proprietary): its octets, as they came."""

    octets: bytes


Datum = Value | None | Opaque | tuple["Datum", ...]
"""A decoded property value: primitives, NULL as None, BitString as tuple of bool, lists as tuples,
object identifiers as "analog-input,3", enumerations as hyphenated names (or numbers as text)."""

Answer = Datum | DeviceError
"""What came back for one property of a multiple read: the value, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """A COV notification: properties by hyphenated name ("present-value", "status-flags")."""

    device: DeviceRef  # as the sender's address and the initiating device identifier say
    process: int
    object_type: str
    instance: int
    properties: dict[str, Datum]


class Bacnet(Protocol):
    """One BACnet network interface, shared by all who read and write."""

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        """I-Ams of devices with instance in [low, high] that came within `wait` seconds.

        `target` None asks our configured broadcast domain (as a foreign device: through the BBMD,
        all networks it reaches); "11:*" one network; "10.1.2.3" one address.
        """
        ...

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        """ReadProperty; raises DeviceRefused for an error answer."""
        ...

    async def read_many(self, query: Query) -> Sequence[Answer]:
        """One ReadPropertyMultiple, answers in the order asked. The caller sizes it to the device.

        The very same answers object as last time means that the reply was the same, octet by octet.
        REALs are exact; `points.bacnet.values.shortest` gives the decimal a person wrote.
        """
        ...

    def took(self, device: DeviceRef) -> float | None:
        """Seconds from sending to the device's latest answer, whatever was waited for before; None: not known."""
        ...

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        """WriteProperty of present value; None relinquishes. Priority 8-16 only (ValueError otherwise).

        A value that the object's type cannot have is not sent: DeviceRefused, "value-out-of-range".
        """
        ...

    async def read_slots(self, ref: Ref) -> Slots:
        """Priority array and relinquish default, in the point's own value type."""
        ...

    async def subscribe(self, ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        """SubscribeCOV; `lifetime` in seconds, 1-28800 (ValueError otherwise)."""
        ...

    async def unsubscribe(self, ref: Ref, *, process: int) -> None:
        """Cancels a subscription; silence is not an error."""
        ...

    def on_notification(self, handler: Callable[[Notification], None]) -> None:
        """`handler` gets every COV notification, also one that overtakes its subscription's answer."""
        ...

    def on_i_am(self, handler: Callable[[IAm], None]) -> None:
        """`handler` gets every I-Am, asked for or not (a device that starts announces itself)."""
        ...


class Constructed(Protocol):
    """The same network, for properties of constructed types: those of a device's own schedules and calendars."""

    async def read_as(
        self, device: DeviceRef, wanted: Property, decode: Callable[[bytes], Decoded], *, urgent: bool = False
    ) -> Decoded:
        """ReadProperty; `decode` makes of the value's tags what it is.

        A `ProtocolError` of its is counted with the sender's name, like any other.
        """
        ...

    async def write_as(self, device: DeviceRef, wanted: Property, octets: bytes) -> None:
        """WriteProperty of a value that is encoded already, once. ValueError for anything but what a schedule says:

        the week, the exceptions and the period of a Schedule object, and the dates of a Calendar object.
        """
        ...
