"""Some offices, an operating room, a meter and a generator, for what sheds."""

from dataclasses import replace
from datetime import timedelta

from pretend_office import BERLIN, NOON, point, reading

from points.catalog import Catalog
from points.model import Kind, Safety, Space
from schedules.feeds import DemandEvent, Feeds
from schedules.policy import View

NAMES = [f"office-{n}" for n in range(1, 6)]
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def vav(space, **rest):
    heat = point(f"{space}/heat-sp", "heating-setpoint", space=space, **rest)
    cool = point(f"{space}/cool-sp", "cooling-setpoint", space=space, **rest)
    temp = point(f"{space}/temp", "zone-temperature", space=space, commandable=False)
    return heat, cool, temp


METER = point("meter/power", "power-meter", unit="kilowatts", commandable=False, space=None)
GENERATOR = point(
    "gen/run",
    "generator",
    kind=Kind.BINARY,
    states=("Off", "On"),
    commandable=False,
    space=None,
    safety=Safety.LIFE_SAFETY,
)
OR = vav("or-1", safety=Safety.CRITICAL)
WARD = vav("room-301")  # comfort by its class, but somebody lies in it
OFFICES = {space: vav(space) for space in NAMES}
SPACES = (
    *(Space(id=space, name=space, type="admin_office") for space in NAMES),
    Space(id="or-1", name="OR 1", type="operating_room"),
    Space(id="room-301", name="Room 301", type="patient_room"),
)
BUILDING = Catalog.of([], [p for each in OFFICES.values() for p in each] + [*OR, *WARD, METER, GENERATOR], SPACES)


def chosen(point_class):
    return lambda building: [each for each in building.points.values() if each.point_class == point_class]


def at_rest(celsius=23.0, offices=OFFICES):
    """Setpoints as the schedule has them, every room comfortable, the generator off."""
    found = {}
    for heat, cool, temp in (*offices.values(), OR, WARD):
        found |= {heat.id: reading(heat, 21.0), cool.id: reading(cool, 24.0), temp.id: reading(temp, celsius)}
    return found | {GENERATOR.id: reading(GENERATOR, False)}


def seen(readings, now=NOON, *events, opted_out=""):
    feeds = Feeds(events=events, opted_out=opted_out)
    return View(now=now, zone=BERLIN, catalog=BUILDING, readings=readings, outside=lambda: feeds)


def event(name="e1", level=2, start=NOON, hours=1.0, randomize=timedelta(0)):
    return DemandEvent(id=name, level=level, start=start, end=start + hours * HOUR, randomize=randomize)


def having(readings, about, value, **rest):
    return readings | {about.id: reading(about, value, **rest)}


def obeyed(readings, demands):
    """The readings as they are once the demands are carried out."""
    found = dict(readings)
    for demand in demands:
        if demand.point in found:
            found[demand.point] = replace(found[demand.point], value=demand.value)
    return found
