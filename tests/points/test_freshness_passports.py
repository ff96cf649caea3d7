"""What was learned of a device's reading is believed, also after a restart, and tried again rarely."""

from __future__ import annotations

import pytest
from kept import kept
from pretend import PretendBacnet, PretendClock, PretendDevice, a_point

from points.bacnet.batches import LARGER_AFTER, MULTIPLE_AFTER, Batches
from points.bacnet.port import Property
from points.model import Kind, Ref
from points.passport import Oddity, Passport, Passports

WANTED = tuple(Property("analog-input", number, "present-value") for number in range(40))


class Reads:
    """A device that is read, and everything around it."""

    def __init__(self, device: PretendDevice, passports: Passports | None = None, **settings: int) -> None:
        for property_ in WANTED:
            device.has("analog-input", property_.instance, present_value=float(property_.instance))
        self.device = device
        self.clock = PretendClock()
        self.passports = passports or Passports()
        self.batches = Batches(
            PretendBacnet(device),
            device.ref,
            max_apdu=settings.get("max_apdu", 1476),
            reads_multiple=True,
            passports=self.passports,
            clock=self.clock,
        )

    async def read(self) -> list[str]:
        """Reads all; says which requests that took."""
        self.device.requests.clear()
        assert await self.batches.read(WANTED) == [float(number) for number in range(40)]
        return self.device.requests


def known(device: PretendDevice, **fields: object) -> Passports:
    return Passports({device.ref: Passport(**fields)})  # type: ignore[arg-type]  # each field by its name


async def test_a_device_known_not_to_serve_rpm_is_not_asked_for_it() -> None:
    device = PretendDevice()
    device.reads_multiple = False
    first = Reads(device)
    await first.read()
    assert first.passports.of(device.ref).reads_multiple is False
    assert first.passports.of(device.ref).oddities == {Oddity.REJECTS_RPM}
    second = Reads(device, first.passports)
    assert await second.read() == ["read"] * 40


async def test_rpm_is_tried_again_once_a_week_with_two_properties() -> None:
    device = PretendDevice()
    device.reads_multiple = False
    reads = Reads(device, known(device, reads_multiple=False))
    reads.clock.jump(MULTIPLE_AFTER)
    assert (await reads.read()).count("read_many") == 1
    assert (await reads.read()).count("read_many") == 0
    device.reads_multiple = True
    reads.clock.jump(MULTIPLE_AFTER)
    await reads.read()
    assert await reads.read() == ["read_many"]
    assert reads.passports.of(device.ref).reads_multiple is True


async def test_no_request_is_larger_than_was_found_to_be_borne() -> None:
    device = PretendDevice()
    device.most_at_once = 10
    first = Reads(device)
    await first.read()
    limit = first.passports.of(device.ref).rpm_limit
    assert limit == 10
    second = Reads(device, first.passports)
    assert await second.read() == ["read_many"] * 4
    assert first.passports.of(device.ref).rpm_limit == 10


async def test_a_larger_request_is_tried_once_a_day_and_costs_one_request() -> None:
    device = PretendDevice()
    device.most_at_once = 10
    reads = Reads(device, known(device, rpm_limit=10, reads_multiple=True))
    reads.clock.jump(LARGER_AFTER)
    assert len(await reads.read()) == 5
    assert reads.passports.of(device.ref).rpm_limit == 10
    assert len(await reads.read()) == 4
    device.most_at_once = None
    reads.clock.jump(LARGER_AFTER)
    await reads.read()
    assert reads.passports.of(device.ref).rpm_limit == 12
    for _ in range(10):
        reads.clock.jump(LARGER_AFTER)
        await reads.read()
    assert await reads.read() == ["read_many"]


async def test_the_site_knows_better_than_experience() -> None:
    device = PretendDevice()
    passports = Passports(overrule=lambda _: {"rpm_limit": 20, "reads_multiple": True})
    reads = Reads(device, passports)
    assert await reads.read() == ["read_many"] * 2
    device.most_at_once = 10
    assert await reads.read() == ["read_many"] * 6  # each of the two fails and is halved
    assert await reads.read() == ["read_many"] * 6
    device.reads_multiple = False
    assert (await reads.read()).count("read") == 40
    reads.clock.jump(2 * MULTIPLE_AFTER)
    device.reads_multiple, device.most_at_once = True, None
    assert await reads.read() == ["read_many"] * 2


async def test_an_answer_is_no_larger_than_what_arrives_on_the_way() -> None:
    device = PretendDevice()
    reads = Reads(device, known(device, max_apdu=206))
    assert len(await reads.read()) > len(await Reads(device).read())


async def test_the_cut_of_what_is_read_again_is_kept_until_the_limits_change(monkeypatch: pytest.MonkeyPatch) -> None:
    device = PretendDevice()
    reads = Reads(device)
    queries = []
    read_many = PretendBacnet.read_many

    async def note(self: PretendBacnet, query: object) -> object:
        queries.append(query)
        return await read_many(self, query)  # type: ignore[arg-type]

    monkeypatch.setattr(PretendBacnet, "read_many", note)
    first = [answers async for answers in reads.batches.stream(WANTED)]
    again = [answers async for answers in reads.batches.stream(WANTED)]
    assert queries[0] is queries[1]
    assert again[0] is first[0]  # so an unchanged reply is recognised
    reads.passports.learn(device.ref, rpm_limit=20)
    await reads.read()
    assert len(queries) == 4


async def test_nothing_that_fails_is_tried_on_a_known_site() -> None:
    device = PretendDevice()
    device.most_at_once, device.cov_room = 8, 3
    points = [a_point(device, number) for number in range(1, 41)]
    async with kept(device, points=points, serves_cov=True) as bench:
        await bench.clock.pass_(30)
        passports = bench.passports
    device.subscriptions.clear()
    device.refused = 0
    device.has("device", 1, database_revision=1, time_of_device_restart="x")
    async with kept(device, points=points, serves_cov=True, passports=passports) as bench:
        assert all(bench.reading(point.id).is_good for point in points)  # at once
        await bench.clock.pass_(900)
        assert bench.told == []
        assert device.refused == 0
        assert bench.status().cov == 3


async def test_a_device_that_lets_nobody_read_many_is_polled_all_the_same() -> None:
    device = PretendDevice()
    device.has("binary-input", 7, present_value=True, status_flags=(False,) * 4)
    ref = Ref(device=device.ref, object_type="binary-input", instance=7)
    point = a_point(device, 1, ref=ref, kind=Kind.BINARY)
    async with kept(device, points=[point], passports=known(device, reads_multiple=False)) as bench:
        assert bench.reading().value is True
        assert "read_many" not in device.requests
