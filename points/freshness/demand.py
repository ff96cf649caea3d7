"""How many requests a second it takes to keep the deadlines of what is known, network by network.

An estimate from the catalog and from what was learned of the devices, without a packet: polls, renewals of
subscriptions and looks for restarts. A device is taken to grant what it was found to grant. What it cannot
know (repetitions, discovery, commands) comes on top, so that a network whose budget is below this is surely behind.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from points.catalog import Catalog
from points.freshness.pulse import EVERY as PULSE_EVERY
from points.freshness.rounds import POLLED_AT_ONCE
from points.freshness.states import COV_DEADLINE, CRITICAL_DEADLINE, POLLS_PER_DEADLINE
from points.freshness.subscriptions import renewed_after
from points.model import Device, Point
from points.passport import Oddity, Passports

# As `points.bacnet.batches` cuts requests: a point is an object with its value and its status flags.
_LARGEST, _PER_POINT = 64, 2  # properties
_HEADER, _POINT_OCTETS = 12, 33
_TORN_BELOW = 4  # properties of a request; in such a small one an object is torn in two

_LEAST_S = 0.1  # of a deadline: less is a mistake, and no reason to divide by nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A network that needs more requests a second than it may have."""

    network: int
    needs: float
    budget: float

    def __str__(self) -> str:
        where, key = (
            (f"network {self.network}", "requests_per_second")
            if self.network
            else ("the local network", "local_requests_per_second")
        )
        return (
            f"{where} needs about {_short(self.needs)} requests/s for its deadlines, its budget is "
            f"{_short(self.budget)}: raise {key} or the deadlines"
        )


def shortfalls(needs: Mapping[int, float], *, remote: float, local: float) -> list[Shortfall]:
    """The networks that need more than their budget, the worst first."""
    found = [
        Shortfall(network=network, needs=needed, budget=budget)
        for network, needed in needs.items()
        if needed > (budget := remote if network else local)
    ]
    return sorted(found, key=lambda each: (each.budget / each.needs, each.network))


def demand_by_network(catalog: Catalog, deadline: Callable[[Point], float], passports: Passports) -> dict[int, float]:
    """Requests a second, by network."""
    needs: defaultdict[int, float] = defaultdict(float)
    for device in catalog.devices.values():
        points = catalog.points_of(device.id)
        needs[device.ref.network] += demand_of(device, map(deadline, points), passports)
    return dict(needs)


def demand_of(device: Device, deadlines: Iterable[float], passports: Passports) -> float:
    """Requests a second of one device, whose points have these deadlines."""
    if not device.present:
        return 0.0  # it is only felt for, now and then
    ordered = sorted(deadlines)
    slots = _slots(device, len(ordered), passports)
    trusted = Oddity.FORGETS_COV not in passports.of(device.ref).oddities
    periods = Counter(
        _period(limit, leans=trusted and rank < slots and limit > CRITICAL_DEADLINE)
        for rank, limit in enumerate(ordered)
    )
    at_once = _properties_at_once(device, passports)
    polls = sum(_requests(points, at_once) / period for period, points in periods.items())
    return polls + slots / renewed_after(device.id) + 1 / PULSE_EVERY


def _period(limit: float, *, leans: bool) -> float:
    return max(limit, COV_DEADLINE if leans else _LEAST_S) / POLLS_PER_DEADLINE


def _slots(device: Device, points: int, passports: Passports) -> int:
    """How many of the points are subscribed to; the most urgent ones are."""
    granted = passports.of(device.ref).cov_slots
    if not (device.serves_cov or passports.overruled(device.ref).get("cov_slots")):
        return 0
    return points if granted is None else min(granted, points)


def _properties_at_once(device: Device, passports: Passports) -> int:
    passport = passports.of(device.ref)
    multiple = device.reads_multiple if passport.reads_multiple is None else passport.reads_multiple
    if not multiple:
        return 1
    octets = min(device.max_apdu, passport.max_apdu or device.max_apdu)
    room = max(1, (octets - _HEADER) // _POINT_OCTETS) * _PER_POINT
    most = min(_LARGEST, passport.rpm_limit or _LARGEST, room)
    return most if most < _TORN_BELOW else most - most % _PER_POINT


@lru_cache(maxsize=4096)
def _requests(points: int, at_once: int) -> int:
    """How many a round of so many points takes. It goes in portions, and none shares a request with the next."""
    portions, rest = divmod(points, POLLED_AT_ONCE)
    return portions * ceil(POLLED_AT_ONCE * _PER_POINT / at_once) + ceil(rest * _PER_POINT / at_once)


def _short(per_second: float) -> str:
    return f"{round(per_second, 1 if per_second < 10 else None):,}".replace(",", " ")
