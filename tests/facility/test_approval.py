"""From the person who has looked at a suspect device to the slots of it that are ours: the parts together."""

import asyncio
from dataclasses import replace

import pytest
from desk_bench import OVERRIDE, SETPOINT
from session_bench import CATALOG, DEVICES, SessionBench

from facility.catalog_rows import load_catalog, save_catalog
from facility.model import Held, Rejected
from facility.port import FacilityError
from facility.survey import Survey
from points.catalog import Catalog
from points.discovery import Discovered, DiscoveryPlan
from points.model import Event, EventKind
from points.passport import Oddity, Passport, Passports

MOVED = "moved from 0:10.0.0.9 to 0:10.0.0.1: approve it to command it again"


def shaped(raw: Catalog) -> Catalog:
    """As the survey's own shape marks the points of a suspect device."""
    suspects = {device.id for device in raw.devices.values() if device.quarantine}
    points = [replace(point, quarantined=point.device in suspects) for point in CATALOG.points.values()]
    return Catalog.of(raw.devices.values(), points)


@pytest.fixture
async def bench(tmp_path):
    bench = await SessionBench(tmp_path).start()
    bench.survey = Survey(
        bacnet=bench.device,
        plan=DiscoveryPlan(),
        book=bench.book,
        db=bench.db,
        shape=shaped,
        events=bench.events,
        clock=bench.clock,
        every=None,
        changed=lambda: None,
    )
    bench.parts = replace(bench.parts, survey=bench.survey)
    yield bench
    bench.close()


async def suspect(bench, **wrong):
    """What a discovery stored of the first device."""
    devices = [replace(DEVICES[0], **wrong), DEVICES[1]]
    await save_catalog(bench.db, Catalog.of(devices, CATALOG.points.values()))
    await bench.survey.restore()


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_approval_ends_the_quarantine_for_good_and_settles_what_we_hold(bench):
    assert isinstance(await bench.desk.submit(OVERRIDE), Held)
    await suspect(bench, quarantine=MOVED)
    bench.device.reboot()
    serving = asyncio.create_task(bench.leases.run())
    try:
        assert isinstance(await bench.desk.submit(replace(OVERRIDE, value=20.0)), Rejected)
        assert [claim.value for claim in bench.claims.standing()] == [18.0]
        with bench.events.listen() as told:
            info = await bench.as_("engineer", user="rdiaz").approve("ahu-1", "moved to another panel")
            await until(lambda: bench.slot() == 18.0)  # the claim is written again to the device as it is now
            events = [(event.kind, event.about) for event in told._queue]
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
    assert info.quarantine == ""
    assert events[0] == (EventKind.DEVICE_BACK, "ahu-1")
    assert (await load_catalog(bench.db)).devices["ahu-1"].quarantine == ""
    assert isinstance(await bench.desk.submit(replace(OVERRIDE, value=20.0)), Held)
    (record,) = await bench.as_().audit("ahu-1")
    assert (record.by, record.result) == ("user:rdiaz", f"approved; it was in quarantine: {MOVED}")


async def test_a_device_whose_number_is_still_used_twice_stays_in_quarantine(bench):
    await suspect(bench, quarantine="its instance 7 is used 2 times", duplicate=True)
    with pytest.raises(FacilityError, match="another device still has its instance") as refusal:
        await bench.as_("engineer").approve("ahu-1", "I think it is fine")
    assert refusal.value.kind == "bad-wish"
    assert bench.book.current.points[SETPOINT.id].quarantined


async def test_what_was_learned_of_a_device_does_not_hold_for_the_one_in_its_place(bench):
    passports = Passports(overrule=lambda _device: {"retries": 0})
    bench.survey._passports = passports
    passports.learn(DEVICES[0].ref, rpm_limit=1, oddities=frozenset({Oddity.RESTARTS}))
    passports.learn(DEVICES[1].ref, rpm_limit=1)
    await suspect(bench, quarantine="was Acme X1, is now Acme X2: approve it to command it again")
    event = Event(kind=EventKind.DEVICE_REPLACED, time=bench.clock.now(), about="ahu-1", text="was, is now")
    bench.survey._tell(Discovered(catalog=bench.book.current, events=[event]))
    assert passports.of(DEVICES[0].ref) == Passport(retries=0)
    assert passports.of(DEVICES[1].ref).rpm_limit == 1
    changed, _ = passports.taken_changes()
    assert changed[DEVICES[0].ref] == Passport()
