"""`[feeds]`: what clinical IT may tell the agent, and whom it believes."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from facility.config.section import Section, Slug

LOCATION = r"^[A-Za-z0-9_. -]{0,20}(\^[A-Za-z0-9_. -]{0,20}){0,2}$"


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65_535:
        raise ValueError(f"{text!r} is not an address to listen at; write host:port, such as 127.0.0.1:2575")
    ip_address(host.strip("[]"))
    return text


def _peer(text: str) -> str:
    ip_network(text, strict=False)
    return text


Location = Annotated[str, Field(pattern=LOCATION)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]


class Hl7Section(Section):
    """Bed status by HL7 v2, ADT^A20 over MLLP; see docs/feeds.md."""

    enabled: bool = True
    """Off keeps the section without using it."""
    address: Annotated[str, AfterValidator(_address)] = "127.0.0.1:2575"
    """Where to listen, as host:port. Without `cert_file` MLLP is not encrypted: then it needs a network of its own."""
    cert_file: Path | None = None
    """Certificate to show to senders: with it, and `key_file`, the port speaks TLS 1.2 or newer and nothing else."""
    key_file: Path | None = None
    """Its key; nobody else may read it."""
    ca_file: Path | None = None
    """Only senders that have a certificate of this authority may connect."""
    peers: Annotated[list[Annotated[str, AfterValidator(_peer)]], Field(min_length=1)] = ["127.0.0.1/32"]
    """Addresses or networks that may send: those of the interface engine."""
    systems: list[Name] = []
    """Names of applications and facilities that may stand in MSH-3 to MSH-6 and NPU-1.4. Any other name refuses the
    message."""
    beds: Annotated[dict[Location, Slug], Field(min_length=1, max_length=5000)]
    """`point of care^room^bed` of NPU-1 = id of the space that the bed is in. A room is free when all its beds are."""

    @model_validator(mode="after")
    def _has_all_of_its_certificate(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("TLS needs both cert_file and key_file")
        if self.ca_file is not None and self.cert_file is None:
            raise ValueError("ca_file asks senders for a certificate; that needs TLS: give cert_file and key_file")
        return self

    @property
    def host(self) -> str:
        return self.address.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    @property
    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(peer, strict=False) for peer in self.peers)


class FeedsSection(Section):
    """What others may tell: beds, bookings. Messages that hold anything else are refused whole; see docs/feeds.md."""

    beds: bool = False
    """Take bed status from MQTT, `<root>/<site>/<agent>/in/bed/<space>`; needs `[mqtt]`."""
    bookings: bool = False
    """Take bookings from MQTT, `<root>/<site>/<agent>/in/booking/<space>`; needs `[mqtt]`. Then `room-turndown` asks
    them, too: have counsel look at US 2026/0094706 first."""
    hl7: Hl7Section | None = None
    """Take bed status by HL7."""

    @property
    def by_hl7(self) -> Hl7Section | None:
        """The section, if it is in use."""
        return self.hl7 if self.hl7 is not None and self.hl7.enabled else None

    @property
    def has_beds(self) -> bool:
        return self.beds or self.by_hl7 is not None

    @model_validator(mode="after")
    def _spells_each_bed_once(self) -> Self:
        named = [_spelt(name) for name in (self.hl7.beds if self.hl7 else ())]
        if twice := {name for name in named if named.count(name) > 1}:
            raise ValueError(f"hl7.beds names {', '.join(sorted(twice))} more than once")
        return self


def _spelt(location: str) -> str:
    return "^".join((*location.split("^"), "", "")[:3])
