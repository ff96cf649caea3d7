"""The section `[bacnet]` of `facility.toml`. The docstring under a field is its reference text.

What no device could ever be found or asked with is refused here, with what to write instead.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from facility.config.addresses import host_and_port, must_be_station, who_is_target
from facility.config.section import Section

SHORTEST_HOURS, LONGEST_HOURS = 0.1, 8760.0  # between two looks through the building; a look takes minutes

SHORTEST_SWEEP, LONGEST_SWEEP = 5, 10_080  # minutes


def _never_or_bearable(hours: float) -> float:
    if hours and not SHORTEST_HOURS <= hours <= LONGEST_HOURS:
        raise ValueError(f"write {SHORTEST_HOURS:g} to {LONGEST_HOURS:g} hours, or 0 for never")
    return hours


def _off_or_slow(minutes: float) -> float:
    if minutes and not SHORTEST_SWEEP <= minutes <= LONGEST_SWEEP:
        raise ValueError(f"write {SHORTEST_SWEEP} to {LONGEST_SWEEP} minutes, or 0 for off")
    return minutes


class StaticDevice(Section):
    """A device that is asked directly, where broadcast cannot work."""

    instance: Annotated[int, Field(ge=0, le=4_194_302)]
    """Which device."""
    address: str
    """MAC: `10.1.2.3:47808` for BACnet/IP, `12` for MS/TP behind a router."""
    network: Annotated[int, Field(ge=0, le=65_534)] = 0
    """0 is the local network."""

    @model_validator(mode="after")
    def _can_be_an_address(self) -> Self:
        must_be_station(self.network, self.address)
        return self


def _is_charset(name: str) -> str:
    try:
        "".encode(name)  # raises also for the codecs of Python that are no character sets
    except (LookupError, ValueError):
        raise ValueError(f"{name!r} is not a character set; write latin-1, cp1252, cp850, utf-8, ...") from None
    return name


class PassportSection(Section):
    """What the site says of a device; it wins over what the agent finds out."""

    instance: Annotated[int, Field(ge=0, le=4_194_302)]
    """Which device."""
    network: Annotated[int, Field(ge=0, le=65_534)] | None = None
    """The network it is on, where the instance is there more than once; 0 is the local network."""
    reads_multiple: bool | None = None
    """Whether ReadPropertyMultiple may be used."""
    rpm_limit: Annotated[int, Field(ge=1, le=500)] | None = None
    """Most properties in one request."""
    max_apdu: Annotated[int, Field(ge=50, le=1476)] | None = None
    """Longest answer, in octets, that arrives on the way to us."""
    segments: bool | None = None
    """Whether its segmented answers arrive."""
    cov_slots: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Most COV subscriptions; 0 polls everything."""
    outstanding: Annotated[int, Field(ge=1, le=32)] | None = None
    """Confirmed requests at once."""
    timeout_s: Annotated[float, Field(ge=0.1, le=60, allow_inf_nan=False)] | None = None
    """How long an answer is waited for."""
    retries: Annotated[int, Field(ge=0, le=10)] | None = None
    """How often a read is repeated after silence; writes never are."""
    charset: Annotated[str, AfterValidator(_is_charset)] | None = None
    """What its strings are in truth (`latin-1`), whatever they are labelled."""

    @property
    def overrule(self) -> dict[str, Any]:
        """What is said, by the names of `points.passport.Passport`."""
        said = self.model_dump(exclude={"instance", "network", "timeout_s"}, exclude_none=True)
        return said if self.timeout_s is None else {**said, "timeout": self.timeout_s}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.overrule:
            raise ValueError(f"nothing is said of device {self.instance}; known keys: {', '.join(_said_keys())}")
        return self


def _said_keys() -> list[str]:
    return [key for key in PassportSection.model_fields if key not in ("instance", "network")]


class BacnetSection(Section):
    address: str = "0.0.0.0:47808"
    """Our own address: `10.1.2.10/24:47808`. The mask is what makes broadcasts work."""
    instance: Annotated[int, Field(ge=0, le=4_194_302)] = 4_190_000
    """Our own device instance; must be unique on the internetwork."""
    foreign: Annotated[str, AfterValidator(host_and_port)] | None = None
    """`host:port` of a BBMD to register with, where broadcasts do not reach the devices."""
    foreign_ttl: Annotated[int, Field(ge=30, le=3600)] = 60
    """Seconds a registration lasts; renewed at half of it."""
    targets: list[Annotated[str, AfterValidator(who_is_target)]] = []
    """Where Who-Is goes besides our own broadcast domain: `11:*` (a network) or `10.1.2.3` (an address)."""
    low: Annotated[int, Field(ge=0, le=4_194_302)] = 0
    """First device instance asked for."""
    high: Annotated[int, Field(ge=0, le=4_194_302)] = 4_194_302
    """Last device instance asked for."""
    devices: list[StaticDevice] = []
    """Devices that are asked directly, where broadcast cannot work."""
    rediscover_hours: Annotated[float, Field(allow_inf_nan=False), AfterValidator(_never_or_bearable)] = 24.0
    """How often the building is looked through again, 0.1 to 8760; 0 is never."""
    sweep_minutes: Annotated[float, Field(allow_inf_nan=False), AfterValidator(_off_or_slow)] = 60.0
    """How long a look at all priority arrays for values that are not ours takes, 5 to 10080; 0 is off."""
    timeout_s: Annotated[float, Field(ge=0.1, le=30, allow_inf_nan=False)] = 3.0
    """How long an answer is waited for."""
    max_outstanding_per_network: Annotated[int, Field(ge=1, le=64)] = 4
    """Requests at once into one network behind a router, to all of its devices together."""
    requests_per_second: Annotated[float, Field(ge=1, le=10_000, allow_inf_nan=False)] = 50.0
    """Packet budget of one network behind a router."""
    local_requests_per_second: Annotated[float, Field(ge=1, le=100_000, allow_inf_nan=False)] = 2000.0
    """Packet budget of the network we are on."""
    who_is_per_minute: Annotated[int, Field(ge=1, le=600)] = 180
    """Most Who-Is broadcasts of a discovery: each makes every device of its range answer."""
    passport: list[PassportSection] = []
    """What is known of single devices, see README; it wins over what the agent finds out."""

    @model_validator(mode="after")
    def _one_word_of_each(self) -> Self:
        said = [(entry.instance, entry.network) for entry in self.passport]
        for instance, network in {key for key in said if said.count(key) > 1}:
            where = "" if network is None else f" on network {network}"
            raise ValueError(f"two entries [[bacnet.passport]] are about device {instance}{where}")
        return self

    @model_validator(mode="after")
    def _somebody_can_be_asked(self) -> Self:
        if self.low > self.high:
            raise ValueError(
                f"low = {self.low} is above high = {self.high}, so no device is asked for; "
                f"write low = {self.high} and high = {self.low}"
            )
        return self

    @model_validator(mode="after")
    def _each_device_once(self) -> Self:
        if any(device.instance == self.instance for device in self.devices):
            raise ValueError(
                f"[[bacnet.devices]] lists instance {self.instance}, which is this agent's own; "
                "leave the entry out, or give the agent another one (bacnet.instance)"
            )
        for what, keys in (
            ("instance", [(device.network, str(device.instance)) for device in self.devices]),
            ("address", [(device.network, device.address) for device in self.devices]),
        ):
            for network, key in {key for key in keys if keys.count(key) > 1}:
                raise ValueError(
                    f"[[bacnet.devices]] lists {what} {key} on network {network} twice; leave one of the entries out"
                )
        return self
