"""A small site with limits, for the tests of compliance, alarms and verdict."""

from datetime import UTC, datetime, timedelta

from points.catalog import Catalog
from points.model import (
    Device,
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
    SpaceId,
)

NOW = datetime(2026, 11, 24, 2, 14, tzinfo=UTC)
WHERE = DeviceRef(network=0, address="10.0.0.1", instance=1)


def point(name: str, point_class: str, unit: str = "", *, kind=Kind.ANALOG, space=None, **more) -> Point:
    device = DeviceId(name.split("/", maxsplit=1)[0])
    ref = Ref(device=WHERE, object_type="analog-input", instance=1)
    return Point(
        id=PointId(name),
        device=device,
        ref=ref,
        name=more.pop("label", name.split("/")[1]),
        kind=kind,
        unit=unit,
        point_class=point_class,
        space=None if space is None else SpaceId(space),
        **more,
    )


def device(name: str) -> Device:
    return Device(id=DeviceId(name), ref=WHERE, name=f"Controller {name}")


PRESSURE = point("or-3/dp", "room-pressure", "pascals", space="or-3")
TEMPERATURE = point("or-3/temp", "zone-temperature", "degrees-celsius", space="or-3")
ISOLATION = point("aii/dp", "room-pressure", "pascals", space="aii-407")
FRIDGE = point("fridge/temp", "refrigerator-temperature", "degrees-celsius", space="fridge-1", safety=Safety.MEDICAL)
PANEL = point(
    "gas/alarm", "alarm", kind=Kind.BINARY, space="o2-zone-1", states=("Normal", "Alarm"), safety=Safety.MEDICAL
)
OXYGEN = point("gas/pressure", "medical-gas-pressure", "kilopascals", space="o2-zone-1", safety=Safety.MEDICAL)
OFFICE = point("vav/temp", "zone-temperature", "degrees-fahrenheit", space="office-1")

SPACES = (
    Space(id=SpaceId("or-3"), name="OR-3", type="operating_room"),
    Space(id=SpaceId("aii-407"), name="AII-407", type="aii_isolation"),
    Space(id=SpaceId("fridge-1"), name="Blood fridge 1", type="blood_bank_refrigerator"),
    Space(id=SpaceId("o2-zone-1"), name="Oxygen zone 1", type="medical_gas_oxygen"),
    Space(id=SpaceId("office-1"), name="Office 1", type="admin-office"),
)
POINTS = (PRESSURE, TEMPERATURE, ISOLATION, FRIDGE, PANEL, OXYGEN, OFFICE)
CATALOG = Catalog.of([device(name) for name in ("or-3", "aii", "fridge", "gas", "vav")], POINTS, SPACES)
NORMAL = {PRESSURE: 8.0, TEMPERATURE: 21.5, ISOLATION: -5.0, FRIDGE: 4.0, PANEL: False, OXYGEN: 345.0, OFFICE: 70.0}


def reading(of: Point, value, at=NOW, quality=Quality.GOOD, reason="") -> Reading:
    return Reading(point=of.id, value=value, time=at, at=at, quality=quality, source=Source.POLL, reason=reason)


def stale(of: Point, at=NOW, reason="stale") -> Reading:
    return reading(of, NORMAL[of], at, Quality.STALE, reason)


def normal_readings(at=NOW) -> dict[PointId, Reading]:
    return {of.id: reading(of, value, at) for of, value in NORMAL.items()}


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)
