"""Whether broadcasts work from here, proven; or why they do not, and what to do.

A discovery that finds nothing looks like an empty building. Before anyone believes that, this asks
the network itself: do our own broadcasts come back, do others' arrive, does anybody answer. `judge` is
pure: from what was counted to what it means.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from points.bacnet.addresses import LOCAL
from points.bacnet.port import Bacnet
from points.discovery.plan import DiscoveryPlan
from points.discovery.search import Range, slices
from points.errors import DeviceError
from points.model import DeviceRef

_PORT = 47808  # registered for BACnet/IP; what devices use unless somebody changed it
_ASKED_DIRECTLY = 3  # known devices are enough to see whether they answer at all
_HOST_ROUTE = 31  # bits; such a network has no broadcast address


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found, and what to do about it."""

    level: Level
    text: str
    advice: str = ""


class Ears(Protocol):
    """What a BACnet stack counts of what it hears; `points.bacnet.stack.Stack` does."""

    @property
    def registered(self) -> bool:
        """As a foreign device; True where there is nothing to register with."""
        ...

    @property
    def own_broadcasts(self) -> int:
        """Of ours, that came back."""
        ...

    @property
    def other_broadcasts(self) -> int:
        """Of anybody else."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was configured, and what was counted."""

    address: str
    prefix: int
    port: int
    foreign: bool  # broadcasts go through a BBMD
    registered: bool = True
    own_broadcasts: int = 0
    other_broadcasts: int = 0
    answered_broadcast: int = 0  # devices that answered a broadcast Who-Is
    answered_directly: int = 0  # devices that answered a Who-Is sent to their address
    asked_directly: int = 0

    @property
    def loopback(self) -> bool:
        return ipaddress.IPv4Address(self.address).is_loopback

    @property
    def everywhere(self) -> bool:
        return self.address == "0.0.0.0"

    @property
    def has_broadcast(self) -> bool:
        return self.everywhere or self.prefix < _HOST_ROUTE


async def preflight(
    bacnet: Bacnet,
    ears: Ears,
    plan: DiscoveryPlan,
    known: Collection[DeviceRef] = (),
    *,
    address: str,
    prefix: int,
    port: int,
    foreign: bool,
) -> list[Finding]:
    """Asks the network, and says what the answers mean. Known devices are asked for by instance, and nobody else."""
    own, others = ears.own_broadcasts, ears.other_broadcasts
    settings = Facts(address=address, prefix=prefix, port=port, foreign=foreign, registered=ears.registered)
    asked = sorted(known, key=lambda ref: (ref.network != LOCAL, ref.instance))[:_ASKED_DIRECTLY]
    heard: set[DeviceRef] = set()
    if foreign or settings.has_broadcast:
        for low, high in _questions(plan, asked):
            heard |= {i_am.device for i_am in await bacnet.who_is(low, high, wait=plan.wait)}
    directly = [ref for ref in asked if await _answers(bacnet, ref, plan.wait)]
    return judge(
        Facts(
            address=address,
            prefix=prefix,
            port=port,
            foreign=foreign,
            registered=ears.registered,
            own_broadcasts=ears.own_broadcasts - own,
            other_broadcasts=ears.other_broadcasts - others,
            answered_broadcast=len(heard),
            answered_directly=len(directly),
            asked_directly=len(asked),
        )
    )


def _questions(plan: DiscoveryPlan, asked: Sequence[DeviceRef]) -> list[Range]:
    return [(ref.instance, ref.instance) for ref in asked] or list(slices(plan.ranges))


async def _answers(bacnet: Bacnet, ref: DeviceRef, wait: float) -> bool:
    target = ref.address if ref.network == LOCAL else f"{ref.network}:{ref.address}"
    try:
        heard = await bacnet.who_is(ref.instance, ref.instance, target=target, wait=wait)
    except DeviceError:
        return False
    return any(i_am.device == ref for i_am in heard)


def judge(facts: Facts) -> list[Finding]:
    """What the facts mean, the cause before its effects."""
    findings = _of_the_bbmd(facts) if facts.foreign else _of_our_address(facts) + _of_what_is_heard(facts)
    return [*findings, *_of_devices_asked(facts)]


def _of_the_bbmd(facts: Facts) -> list[Finding]:
    if not facts.registered:
        return [
            Finding(
                level=Level.PROBLEM,
                text="We are a foreign device, and no BBMD has registered us: no broadcast leaves or arrives.",
                advice="Compare bacnet.foreign with the BBMD's address and port; it must accept foreign devices and "
                "have a free entry in its table, and no firewall may hold back UDP either way.",
            )
        ]
    registered = Finding(level=Level.OK, text="The BBMD has registered us: it passes broadcasts on.")
    if facts.answered_broadcast:
        many = facts.answered_broadcast
        return [registered, Finding(level=Level.OK, text=f"{many} devices answered through the BBMD.")]
    return [
        registered,
        Finding(
            level=Level.WARNING,
            text="Nobody answered through the BBMD.",
            advice="It passes broadcasts to its own network and to those in its broadcast distribution table: are the "
            "devices there?",
        ),
    ]


def _of_our_address(facts: Facts) -> list[Finding]:
    findings = []
    if facts.loopback:
        findings.append(
            Finding(
                level=Level.PROBLEM,
                text=f"{facts.address} is this machine's loopback: no device of the building can be heard there.",
                advice="Give bacnet.address the address of the network card towards the building.",
            )
        )
    elif facts.everywhere:
        findings.append(
            Finding(
                level=Level.WARNING,
                text="0.0.0.0 listens on every network card, but broadcasts leave by one of them only.",
                advice="Give bacnet.address the address and mask of the card towards the building.",
            )
        )
    if not facts.has_broadcast:
        findings.append(
            Finding(
                level=Level.PROBLEM,
                text=f"{facts.address}/{facts.prefix} has no broadcast address: nobody can be searched for.",
                advice=f'Give the address its mask ("{facts.address}/24:{facts.port}"), register with a BBMD '
                "(bacnet.foreign), or list the devices (bacnet.devices).",
            )
        )
    if facts.port != _PORT:
        findings.append(
            Finding(
                level=Level.WARNING,
                text=f"We use port {facts.port}; devices broadcast to {_PORT}, unless the site has chosen another.",
                advice=f"Use the port that the devices use. If another program on this machine has {_PORT}, stop it or "
                "register with a BBMD (bacnet.foreign): then any port will do.",
            )
        )
    return findings


def _of_what_is_heard(facts: Facts) -> list[Finding]:
    if not facts.has_broadcast:
        return []
    if not facts.own_broadcasts:
        return [
            Finding(
                level=Level.PROBLEM,
                text="Our own broadcast did not come back: we are deaf to broadcasts.",
                advice=f"Look for a firewall on this machine that holds back UDP {facts.port}, for a mask that is not "
                "the network card's, and for a container on a bridge network: give it the host's network, or register "
                "with a BBMD (bacnet.foreign).",
            )
        ]
    findings = [Finding(level=Level.OK, text="Our own broadcast came back: broadcasts are heard here.")]
    if facts.other_broadcasts:
        findings.append(Finding(level=Level.OK, text=f"{facts.other_broadcasts} broadcasts of others were heard."))
    elif facts.answered_broadcast:
        findings.append(
            Finding(
                level=Level.OK,
                text=f"{facts.answered_broadcast} devices answered our broadcast, each directly to us.",
            )
        )
    else:
        findings.append(
            Finding(
                level=Level.WARNING,
                text="Nobody else was heard.",
                advice="The devices may be on another subnet or VLAN (register with a BBMD there: bacnet.foreign), on "
                f"another port than {facts.port}, or in another range of instances (bacnet.low, bacnet.high).",
            )
        )
    return findings


def _of_devices_asked(facts: Facts) -> list[Finding]:
    """What devices that are known say when they are asked directly."""
    if not facts.asked_directly:
        return []
    many = f"{facts.answered_directly} of {facts.asked_directly} known devices"
    if facts.answered_directly and not facts.answered_broadcast:
        return [
            Finding(
                level=Level.PROBLEM,
                text=f"{many} answer when asked directly, and none when asked by broadcast.",
                advice="Something between us and them holds back broadcasts (a router, a switch, a mask that is too "
                "small). List the devices (bacnet.devices), or register with a BBMD (bacnet.foreign).",
            )
        ]
    if facts.answered_directly:
        return [Finding(level=Level.OK, text=f"{many} answer when asked directly.")]
    return [
        Finding(
            level=Level.WARNING,
            text=f"None of {facts.asked_directly} known devices answers when asked directly.",
            advice="They may be switched off, or have moved; or this machine's way to them is cut.",
        )
    ]
