"""One small building for the tests of this package: points, readings and views made by hand."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from points.catalog import Catalog
from points.model import (
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Quality,
    Reading,
    Ref,
    Safety,
    Source,
    Space,
)
from schedules.calendar import Entry, Programme
from schedules.policy import View
from schedules.timetable import Timetable

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)  # a Tuesday, 12:00 in Berlin
NIGHT = datetime(2026, 11, 24, 22, tzinfo=UTC)  # 23:00 in Berlin

OFFICE_HOURS = Programme(
    name="office-hours",
    default="unoccupied",
    week=((Entry(time(6), "occupied"), Entry(time(19), "unoccupied")),) * 5 + ((),) * 2,
)


def point(id_, point_class, *, kind=Kind.ANALOG, object_type="analog-value", **rest):
    device = id_.split("/")[0]
    given = {
        "unit": "degrees-celsius" if kind is Kind.ANALOG else "",
        "commandable": True,
        "safety": Safety.COMFORT,
        "space": "office-1",
    }
    ref = Ref(device=DeviceRef(network=0, address="10.0.0.1", instance=1), object_type=object_type, instance=1)
    return Point(
        id=PointId(id_),
        device=DeviceId(device),
        ref=ref,
        name=id_,
        kind=kind,
        point_class=point_class,
        **{**given, **rest},
    )


HEAT = point("vav-1/heat-sp", "heating-setpoint")
COOL = point("vav-1/cool-sp", "cooling-setpoint")
TEMP = point("vav-1/zone-temp", "zone-temperature", commandable=False)
SENSOR = point("vav-1/occ", "occupancy", kind=Kind.BINARY, commandable=False)
LIGHT = point("panel-1/relay-1", "lighting-command", kind=Kind.BINARY)
DIMMER = point("panel-1/dimmer-1", "lighting-level", unit="percent", object_type="lighting-output")
OFFICE = Space(id="office-1", name="Office 1", type="admin_office")
ALL = (HEAT, COOL, TEMP, SENSOR, LIGHT, DIMMER)


def catalog(*points, spaces=(OFFICE,)):
    return Catalog.of([], points or ALL, spaces)


def reading(about, value, at=NOON, quality=Quality.GOOD, reason=""):
    return Reading(point=about.id, value=value, time=at, at=at, quality=quality, source=Source.COV, reason=reason)


def view(*readings, now=NOON, building=None, vacant_minutes=None):
    """With `vacant_minutes`, every reading has been what it is for so long."""
    by_point = {each.point: each for each in readings}
    since = {} if vacant_minutes is None else dict.fromkeys(by_point, now - timedelta(minutes=vacant_minutes))
    return View(now=now, zone=BERLIN, catalog=building or catalog(), readings=by_point, since=since)


def of_class(*classes):
    return lambda building: [each for each in building.points.values() if each.point_class in classes]


def timetable(programme=OFFICE_HOURS, zone=BERLIN):
    return Timetable(programme, zone)


def decided(policy, looked, memory=None):
    """What a policy says to a view."""
    return policy.bind(looked.catalog)(looked, memory)
