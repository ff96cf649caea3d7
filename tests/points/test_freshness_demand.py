"""What keeping the deadlines takes is told before it is missed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pretend import PretendBacnet

from points.bacnet.batches import Batches
from points.bacnet.port import Answer, Property, Query
from points.catalog import Catalog
from points.freshness.demand import Shortfall, demand_by_network, demand_of, shortfalls
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Ref
from points.passport import Oddity, Passport, Passports

UPKEEP = 1 / 600  # a look for a restart


def a_device(instance: int = 7, network: int = 11, **changes: object) -> Device:
    ref = DeviceRef(network=network, address=str(instance % 256), instance=instance)
    device = Device(id=DeviceId(f"d-{instance}"), ref=ref, name="", serves_cov=False)
    return replace(device, **changes)  # type: ignore[arg-type]  # each field by its name


def points(device: Device, number: int) -> list[Point]:
    return [
        Point(
            id=PointId(f"{device.id}/p-{each}"),
            device=device.id,
            ref=Ref(device=device.ref, object_type="analog-input", instance=each),
            name="",
            kind=Kind.ANALOG,
        )
        for each in range(number)
    ]


def site(devices: int, points_each: int, **changes: object) -> Catalog:
    all_devices = [a_device(instance, **changes) for instance in range(1, devices + 1)]
    return Catalog.of(all_devices, [point for device in all_devices for point in points(device, points_each)])


def test_many_small_devices_with_short_deadlines_need_more_than_a_slow_network_may_have() -> None:
    needs = demand_by_network(site(250, 5), lambda _: 10.0, Passports())
    assert needs == {11: pytest.approx(250 / 5 + 250 * UPKEEP)}
    (short,) = shortfalls(needs, remote=20.0, local=2000.0)
    assert str(short) == (
        "network 11 needs about 50 requests/s for its deadlines, its budget is 20: "
        "raise requests_per_second or the deadlines"
    )


def test_what_fits_is_not_told() -> None:
    needs = demand_by_network(site(250, 5), lambda _: 120.0, Passports())
    assert shortfalls(needs, remote=20.0, local=2000.0) == []


def test_our_own_network_has_a_budget_of_its_own() -> None:
    short = shortfalls({0: 30.0, 12: 30.0}, remote=20.0, local=25.0)
    assert [(each.network, each.budget) for each in short] == [(12, 20.0), (0, 25.0)]
    assert "the local network needs about 30 requests/s" in str(short[1])
    assert "raise local_requests_per_second" in str(short[1])


def test_small_figures_keep_a_digit() -> None:
    assert "about 1.7 requests/s for its deadlines, its budget is 1.5" in str(
        Shortfall(network=3, needs=1.66, budget=1.5)
    )


class Counted(PretendBacnet):
    def __init__(self) -> None:
        super().__init__()
        self.requests = 0

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> float:
        self.requests += 1
        return 1.0

    async def read_many(self, query: Query) -> list[Answer]:
        self.requests += 1
        return [1.0] * len(query.wanted)


@pytest.mark.parametrize("number", [1, 2, 5, 14, 31, 32, 33, 64])
@pytest.mark.parametrize(
    ("abilities", "learned"),
    [
        ({"max_apdu": 1476}, {}),
        ({"max_apdu": 480}, {}),
        ({"max_apdu": 206}, {}),
        ({"max_apdu": 1476}, {"rpm_limit": 2}),
        ({"max_apdu": 1476}, {"rpm_limit": 3}),
        ({"max_apdu": 1476}, {"rpm_limit": 9}),
        ({"max_apdu": 1476}, {"max_apdu": 128}),
        ({"reads_multiple": False}, {}),
        ({}, {"reads_multiple": False}),
    ],
)
async def test_a_round_takes_as_many_requests_as_are_really_made(
    number: int, abilities: dict[str, object], learned: dict[str, object]
) -> None:
    device = a_device(**abilities)
    passports = Passports({device.ref: Passport(**learned)})  # type: ignore[arg-type]  # each field by its name
    wanted = tuple(
        Property("analog-input", each, name) for each in range(number) for name in ("present-value", "status-flags")
    )
    bacnet = Counted()
    await Batches(
        bacnet, device.ref, max_apdu=device.max_apdu, reads_multiple=device.reads_multiple, passports=passports
    ).read(wanted)
    told = (demand_of(device, [20.0] * number, passports) - UPKEEP) * 10.0
    assert told == pytest.approx(bacnet.requests)


def test_points_of_different_deadlines_are_not_read_together() -> None:
    apart = demand_of(a_device(), [20.0, 60.0], Passports())
    assert apart == pytest.approx(1 / 10 + 1 / 30 + UPKEEP)


def test_what_a_subscription_stands_for_is_read_rarely_and_renewed_now_and_then() -> None:
    polled = demand_of(a_device(), [60.0] * 10, Passports())
    subscribed = demand_of(a_device(serves_cov=True), [60.0] * 10, Passports())
    assert polled == pytest.approx(1 / 30 + UPKEEP)
    assert 1 / 150 + 10 / 450 < subscribed < 1 / 150 + 10 / 350 + UPKEEP


def test_the_most_urgent_are_polled_whatever_is_subscribed() -> None:
    assert demand_of(a_device(serves_cov=True), [10.0], Passports()) > 1 / 5


def test_what_a_device_does_not_grant_or_forgets_is_polled() -> None:
    device = a_device(serves_cov=True)
    deadlines = [60.0] * 10
    nothing = Passports({device.ref: Passport(cov_slots=0)})
    forgets = Passports({device.ref: Passport(oddities=frozenset({Oddity.FORGETS_COV}))})
    assert demand_of(device, deadlines, nothing) == pytest.approx(1 / 30 + UPKEEP)
    assert demand_of(device, deadlines, forgets) > 1 / 30 + UPKEEP


def test_what_the_site_says_of_a_device_counts() -> None:
    device = a_device()
    said = Passports(overrule=lambda _: {"rpm_limit": 2})
    assert demand_of(device, [20.0] * 10, said) == pytest.approx(1.0 + UPKEEP)


def test_a_device_that_is_gone_needs_nothing() -> None:
    assert demand_by_network(site(3, 5, present=False), lambda _: 10.0, Passports()) == {11: 0.0}


def test_a_deadline_of_nothing_is_no_accident() -> None:
    assert demand_of(a_device(), [0.0], Passports()) == pytest.approx(20.0 + UPKEEP)
