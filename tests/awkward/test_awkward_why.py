"""Why is it so? Asked of devices on the wire that do what devices do: flags, foreign writes, and yes without deed."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

from agent import HurriedClock
from device import Device
from octets import ANALOG_VALUE, PRESENT_VALUE, STATUS_FLAGS, UNITS, bits, enumerated, real, tags
from town import town

from facility.alarms import AlarmBook
from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.compliance import Compliance
from facility.config.model import Config
from facility.database import open_state
from facility.explain import Explainer
from facility.foreign import ForeignSweep
from facility.judgement import Judge
from facility.model import Command, Held
from facility.profiles import Profiles
from facility.profiles.model import CommandRule
from facility.strategy import Strategy
from facility.why import explain
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.events import Events
from points.freshness import Freshness
from points.model import Device as Found
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Priority, Ref, Safety
from points.store import PointStore
from schedules.decider import Decider
from schedules.feeds import NOTHING_HEARD

WRITE, PRIORITY_ARRAY, RELINQUISH_DEFAULT = 15, 87, 104
NOTHING = b"\x00"  # a NULL in its slot
LEVEL = ("context", 4)  # in a write
HELD_BY_HAND, OUT_OF_SERVICE = bits(False, False, True, False), bits(False, False, False, True)
SETPOINT = PointId("box/sp")
OVERRIDE = Command(
    point=SETPOINT,
    value=18.0,
    priority=Priority.OPERATOR,
    by="user:mchen",
    reason="too warm",
    lasts=timedelta(hours=2),
)


@dataclass(eq=False)
class Commanded(Device):
    """One setpoint with a priority array. Writes are acknowledged in any case."""

    deaf: bool = False  # its slots stay as they are
    stuck: bool = False  # its present value stays as it is
    slots: list[bytes] = field(default_factory=lambda: [NOTHING] * 16)

    def __post_init__(self):
        super().__post_init__()
        own = {UNITS: enumerated(62), RELINQUISH_DEFAULT: real(20.0), PRIORITY_ARRAY: self.slots}
        self.has(ANALOG_VALUE, 1, "sp", {PRESENT_VALUE: real(20.0), **own})

    def put(self, level, octets):
        """Somebody else's write, or ours."""
        self.slots[level - 1] = octets
        if not self.stuck:
            wins = next((slot for slot in self.slots if slot != NOTHING), real(20.0))
            self.objects[ANALOG_VALUE, 1][PRESENT_VALUE] = wins

    def flag(self, flags):
        self.objects[ANALOG_VALUE, 1][STATUS_FLAGS] = flags

    def _answer(self, asked, reply):
        if asked.service != WRITE:
            return super()._answer(asked, reply)
        fields = list(tags(asked.body))
        level = next(int.from_bytes(content, "big") for kind, number, content in fields if (kind, number) == LEVEL)
        value = next(content for kind, _, content in fields if kind == "application")
        if not self.deaf:
            self.put(level, bytes([0x44]) + value if value else NOTHING)
        return bytes([0x20, asked.invoke, WRITE])


@asynccontextmanager
async def asking(folder, device):
    """Whoever may be asked why, on the real stack, with a desk to command and a sweep that has looked."""
    clock, events, store = HurriedClock(1.0), Events(), PointStore()
    async with town(device):
        where = DeviceRef(network=0, address=device.address, instance=device.instance)
        point = Point(
            id=SETPOINT,
            device=DeviceId("box"),
            ref=Ref(device=where, object_type="analog-value", instance=1),
            name="Setpoint",
            kind=Kind.ANALOG,
            unit="degrees-celsius",
            commandable=True,
            safety=Safety.COMFORT,
        )
        book = CatalogBook(Catalog.of([Found(id=point.device, ref=where, name="Box")], [point]))
        with open_state(folder) as db:
            async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=1.0, retries=1)) as stack:
                freshness = Freshness(stack, book, store, clock=clock, deadline=lambda _: 60, events=events)
                claims, audit = await Claims.load(db), Audit(db, clock)
                sweep = ForeignSweep(
                    bacnet=stack, book=book, store=store, claims=claims, db=db, audit=audit, events=events,
                    clock=clock, every=None,
                )  # fmt: skip
                desk = CommandDesk(
                    bacnet=stack, reader=freshness, catalog=book, store=store, claims=claims, audit=audit,
                    events=events, clock=clock, judge=Judge(book, store, claims, clock),
                )  # fmt: skip
                explainer = Explainer(
                    clock=clock, book=book, store=store, freshness=freshness, claims=claims, audit=audit,
                    alarms=AlarmBook(
                        store=store, catalog=book, compliance=Compliance(Profiles({})), devices=dict, db=db,
                        events=events, clock=clock,
                    ),
                    desk=desk, strategy=Strategy(Config(site={"id": "town", "zone": "UTC"}), clock.now().date()),
                    planning=SimpleNamespace(decider=Decider(clock.now()), troubles={}, postponed={}),
                    rule=lambda _point: CommandRule(), foreign=sweep.of, effect=lambda _point: "",
                    feeds=lambda: NOTHING_HEARD,
                )  # fmt: skip

                async def why():
                    await sweep._visit([point])
                    told = explain(await explainer.look(point))
                    return [told.value.split(",")[0], *(step.text for step in told.steps)]

                await freshness.read_now(SETPOINT)
                yield SimpleNamespace(desk=desk, why=why, read=lambda: freshness.read_now(SETPOINT))


async def test_a_foreign_write_at_level_5_is_told_with_its_age_and_what_waits_beneath_it(tmp_path):
    device = Commanded(instance=12)
    async with asking(tmp_path, device) as asked:
        assert isinstance(await asked.desk.submit(OVERRIDE), Held)
        device.put(5, real(25.0))
        value, wins, who, beneath, coming = await asked.why()
        assert (value, wins) == ("Setpoint is 25.0 °C", "Slot 5 (critical equipment control) holds 25.0 °C and wins.")
        assert who.startswith("It is not ours: BACnet does not say who wrote it; seen there since ")
        assert beneath.startswith("Beneath it waits: 8 mchen 18.0 °C (“too warm”, until ")
        assert coming == "no end known: slot 5 stands until who wrote it lets go; then 18.0 °C of slot 8 takes over."


async def test_an_override_by_hand_is_told_with_what_would_be_without_it(tmp_path):
    device = Commanded(instance=12)
    async with asking(tmp_path, device) as asked:
        await asked.desk.submit(OVERRIDE)
        device.change(1, 12.0, object_type=ANALOG_VALUE)
        device.flag(HELD_BY_HAND)
        await asked.read()
        value, flag, wins, who, coming = await asked.why()
        assert (value, flag) == (
            "Setpoint is 12.0 °C",
            "The device says OVERRIDDEN: it is held by hand there and does not follow its slots.",
        )
        assert wins == "Without the override by hand it would be 18.0 °C: slot 8 (operator) holds 18.0 °C and wins."
        assert who.startswith("mchen set it at ")
        assert coming == "no end known: until the override by hand is taken off at the device."


async def test_a_point_out_of_service_is_told_to_move_nothing(tmp_path):
    device = Commanded(instance=12)
    async with asking(tmp_path, device) as asked:
        device.flag(OUT_OF_SERVICE)
        await asked.read()
        _, flag, _, coming = await asked.why()
        assert flag == "The device says OUT_OF_SERVICE: the value is cut off from the plant and moves nothing."
        assert coming == "no end known: until it is put back into service at the device."


async def test_a_device_that_takes_the_command_and_does_not_follow_it_is_found_out(tmp_path):
    device = Commanded(instance=12, stuck=True)
    async with asking(tmp_path, device) as asked:
        await asked.desk.submit(OVERRIDE)
        value, wins, *_ = await asked.why()
        assert value == "Setpoint is 20.0 °C"
        assert wins == (
            "Slot 8 (operator) holds 18.0 °C and wins, but the value is 20.0 °C: "
            "the device acknowledges the command and does not follow it."
        )


async def test_a_device_that_says_yes_and_does_nothing_is_found_out(tmp_path):
    device = Commanded(instance=12, deaf=True)
    async with asking(tmp_path, device) as asked:
        await asked.desk.submit(OVERRIDE)
        _, wins, denied, coming = await asked.why()
        assert wins == "No slot holds a value, so the relinquish default of the device applies, 20.0 °C."
        assert denied == (
            "mchen wants 18.0 °C and does not have it: "
            "the device acknowledges the command and ignores it: slot 8 is empty."
        )
        assert coming == "no change planned."
