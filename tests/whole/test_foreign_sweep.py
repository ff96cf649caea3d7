"""The sweep on our own BACnet stack: what another client writes past us is found in a device that nobody here wrote."""

import asyncio
from datetime import UTC, datetime, timedelta

from rusty_bacnet import BACnetClient, ObjectIdentifier, ObjectType, PropertyIdentifier, PropertyValue
from stage import free_udp_port
from test_commands_on_the_wire import FAN, SETPOINT, ShiftedClock, a_device, catalog_of

from facility.audit import Audit
from facility.claims import Claims
from facility.database import open_state
from facility.foreign import ForeignSweep
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import CatalogBook
from points.events import Events
from points.model import Priority
from points.store import PointStore

AV, BV = ObjectIdentifier(ObjectType.ANALOG_VALUE, 1), ObjectIdentifier(ObjectType.BINARY_VALUE, 2)


async def test_a_write_by_another_client_is_found_with_its_level_and_value(tmp_path):
    clock, events = ShiftedClock(), Events()
    settings = StackSettings(address="127.0.0.1/32:0", apdu_timeout=2.0, retries=0)
    async with a_device() as address:
        book = CatalogBook(catalog_of(address))
        async with BACnetClient(interface="127.0.0.1", port=free_udp_port(), broadcast_address="127.0.0.255") as other:
            present = PropertyIdentifier.PRESENT_VALUE
            await other.write_property(address, AV, present, PropertyValue.real(21.7), 5)
            await other.write_property(address, BV, present, PropertyValue.enumerated(1), 6)
        with open_state(tmp_path) as db, events.listen() as told:
            async with open_stack(settings) as stack:
                sweep = ForeignSweep(
                    bacnet=stack,
                    book=book,
                    store=PointStore(),
                    claims=await Claims.load(db),
                    db=db,
                    audit=Audit(db, clock),
                    events=events,
                    clock=clock,
                    every=timedelta(hours=1),
                )
                running = asyncio.create_task(sweep.run())
                async with asyncio.timeout(30):
                    event = await anext(aiter(told))
                    slots = await stack.read_slots(book.current.point(SETPOINT).ref)
                    while len(sweep.overrides()) < 2:
                        await asyncio.sleep(0.01)
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
    found = [(each.point, each.level, each.text, each.wins) for each in sweep.overrides()]
    assert found == [(SETPOINT, 5, "21.7", True), (FAN, 6, "on", True)]
    assert (slots[5], slots[Priority.OPERATOR]) == (21.7, None)
    assert (event.about, "slot 5 holds 21.7" in event.text) == (SETPOINT, True)
    assert abs(datetime.now(UTC) - sweep.overrides()[0].since) < timedelta(minutes=1)
