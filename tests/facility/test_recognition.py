"""Who stands at the address of a device is asked before anything is written there."""

import asyncio

import pytest
from test_survey import Bench, ManualClock, Network

from facility.database import StateUnavailable, open_state
from facility.recognition import Recognition
from points.model import DeviceId
from points.passport import Passports

AHU = DeviceId("ahu-1")


@pytest.fixture
async def site(tmp_path):
    network = Network()
    with open_state(tmp_path) as db:
        bench = Bench(db, network, ManualClock())
        survey = await bench.start()
        await survey.look()
        yield network, survey, bench.book, Recognition(network, bench.book, survey, Passports())


async def test_the_device_that_was_known_is_recognised(site):
    _, _, book, recognition = site
    assert await recognition.recognises(AHU)
    assert not book.current.devices[AHU].quarantine


async def test_another_device_at_the_address_is_in_quarantine_at_once(site):
    network, _, book, recognition = site
    network.changes(vendor_name="Other", model_name="Z9")
    assert not await recognition.recognises(AHU)
    assert "was Acme X1" in book.current.devices[AHU].quarantine
    assert "is now Other Z9" in book.current.devices[AHU].quarantine
    assert all(point.quarantined for point in book.current.points_of(AHU))


async def test_who_was_approved_is_recognised_as_it_is_now(site):
    network, survey, book, recognition = site
    network.changes(vendor_name="Other")
    assert not await recognition.recognises(AHU)
    await survey.approve(AHU)
    assert await recognition.recognises(AHU)
    assert not book.current.devices[AHU].quarantine


async def test_a_device_of_another_name_and_no_serial_number_is_looked_at_first(site):
    network, survey, book, recognition = site
    network.changes(object_name="AHU-7")
    assert not await recognition.recognises(AHU)
    assert not book.current.devices[AHU].quarantine
    await survey.look_at_revised()
    assert book.current.devices[AHU].name == "AHU-7"
    assert await recognition.recognises(AHU)


async def test_a_device_that_does_not_tell_any_more_is_not_recognised(site):
    network, _, book, recognition = site
    network.changes(vendor_name=None)
    assert not await recognition.recognises(AHU)
    assert not book.current.devices[AHU].quarantine


async def test_a_look_that_was_under_way_does_not_end_the_quarantine(site):
    network, survey, book, recognition = site
    before = dict(network.objects)
    network.changes(vendor_name="Other")
    assert not await recognition.recognises(AHU)
    network.objects = before  # what the look read before the other one came
    await survey.look()
    assert book.current.devices[AHU].quarantine


async def test_what_others_were_told_is_judged_too(site):
    _, _, book, recognition = site
    recognition.heard(AHU, {"object-name": "AHU-1", "vendor-name": "Other", "model-name": "X1"})
    running = asyncio.create_task(recognition.run())
    async with asyncio.timeout(30):
        while not book.current.devices[AHU].quarantine:
            await asyncio.sleep(0.001)
    running.cancel()


async def test_what_could_not_be_stored_is_judged_when_the_service_is_run_again(site, monkeypatch):
    _, survey, book, recognition = site

    async def full(_device, _told):
        raise StateUnavailable("the disk is full")

    recognition.heard(AHU, {"object-name": "AHU-1", "vendor-name": "Other", "model-name": "X1"})
    with monkeypatch.context() as broken:
        broken.setattr(survey, "met", full)
        with pytest.raises(StateUnavailable):
            await recognition.run()
    running = asyncio.create_task(recognition.run())
    async with asyncio.timeout(30):
        while not book.current.devices[AHU].quarantine:
            await asyncio.sleep(0.001)
    running.cancel()
