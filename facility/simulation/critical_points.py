"""Operating, isolation and protective rooms, pharmacy and sterile storage: their controllers and points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from facility.simulation.critical_rooms import PressureRoom, interior
from facility.simulation.physics import CLOSED_DOUBLE_DOOR, CLOSED_SINGLE_DOOR
from facility.simulation.rows import CLOSED_OPEN, NORMAL_ALARM, VACANT_OCCUPIED, ai, ao, av, bi, msi, msv, sp
from facility.simulation.several import Several
from facility.simulation.spec import DeviceSpec, Make, PointSpec
from facility.simulation.vav_points import renamed

ARBOR = Make(vendor_id=1405, vendor="Arbor Logic", model="ZN551", firmware="6.02.047")
SIGMA = Make(vendor_id=1403, vendor="Sigma Automation", model="Room Pressure Monitor 700", firmware="3.1.9")

TREE = {  # mercy/surgery/or_2/room pressure
    "pressure": "room pressure",
    "pressure-setpoint": "room pressure setpoint",
    "temperature": "zone temp",
    "temperature-setpoint": "zone temp setpoint",
    "humidity": "zone humidity",
    "humidity-setpoint": "zone humidity setpoint",
    "supply-flow": "supply airflow",
    "supply-flow-setpoint": "supply airflow setpoint",
    "extract-flow": "exhaust airflow",
    "extract-flow-setpoint": "exhaust airflow setpoint",
    "air-changes": "air changes",
    "supply-valve": "supply air valve",
    "extract-valve": "exhaust air valve",
    "reheat-valve": "reheat valve",
    "discharge-temperature": "supply air temp",
    "door": "door",
    "occupancy": "occupancy sensor",
    "pressure-alarm": "room pressure alarm",
    "flow-alarm": "low airflow alarm",
    "mode": "room mode",
}
COLON = {  # MC.AII-1:ROOM PRESS
    "pressure": "ROOM PRESS",
    "pressure-setpoint": "ROOM PRESS STPT",
    "temperature": "ROOM TEMP",
    "temperature-setpoint": "ROOM TEMP STPT",
    "humidity": "ROOM RH",
    "supply-flow": "SUP AIR VOL",
    "supply-flow-setpoint": "SUP FLOW STPT",
    "extract-flow": "EXH AIR VOL",
    "extract-flow-setpoint": "EXH FLOW STPT",
    "air-changes": "ACH",
    "reheat-valve": "RH VLV COMD",
    "discharge-temperature": "SUPPLY TEMP",
    "door": "DOOR SW",
    "pressure-alarm": "PRESS ALM",
    "flow-alarm": "LO FLOW ALM",
    "mode-switch": "ISO MODE",
}
ANTEROOM = {
    role: word
    for role, word in COLON.items()
    if role in ("pressure", "temperature", "supply-flow", "extract-flow", "air-changes", "door", "pressure-alarm")
}
CLEAN_ROOM = {
    role: word
    for role, word in TREE.items()
    if role not in ("mode", "occupancy", "supply-valve", "extract-valve", "reheat-valve", "discharge-temperature")
}

ANTEROOM_LEAK = 0.02  # m2, sealed doors


def critical_rooms() -> Iterator[DeviceSpec]:
    yield from map(_operating_room, range(1, 5))
    yield from map(_isolation_room, range(1, 3))
    yield _protective_room()
    yield _pharmacy()
    yield _sterile_storage()


def _points(
    prefix: str, words: Mapping[str, str], room: str, at: PressureRoom, temperature: float, key: str = ""
) -> Iterator[PointSpec]:
    pressure = at.usual_pressure
    supply, extract = (
        float(round(1000.0 * flow)) for flow in at.flows(pressure, 1.0)
    )  # l/s; what an idle setpoint falls back to
    rows = (
        ai(
            "pressure",
            "",
            "Pa",
            pressure,
            f"{room} differential pressure to corridor, room minus corridor",
            -60.0,
            60.0,
        ),
        sp("pressure-setpoint", "", "Pa", pressure, -30.0, 30.0, f"{room} differential pressure setpoint"),
        ai("temperature", "", "C", temperature, f"{room} temperature", 0.0, 50.0),
        sp("temperature-setpoint", "", "C", temperature, 16.0, 26.0, f"{room} temperature setpoint"),
        ai("humidity", "", "%RH", 45.0, f"{room} relative humidity", 0.0, 100.0),
        sp("humidity-setpoint", "", "%RH", 45.0, 20.0, 60.0, f"{room} relative humidity setpoint"),
        ai("supply-flow", "", "l/s", supply, f"{room} supply airflow", 0.0, 2000.0),
        sp("supply-flow-setpoint", "", "l/s", supply, 0.0, 2000.0, f"{room} supply airflow setpoint"),
        ai("extract-flow", "", "l/s", extract, f"{room} exhaust airflow", 0.0, 2000.0),
        sp("extract-flow-setpoint", "", "l/s", extract, 0.0, 2000.0, f"{room} exhaust airflow setpoint"),
        av("air-changes", "", "", at.air_changes, f"{room} air changes per hour"),
        ao("supply-valve", "", "%", 80.0, f"{room} supply air valve command"),
        ao("extract-valve", "", "%", 80.0, f"{room} exhaust air valve command"),
        ao("reheat-valve", "", "%", 20.0, f"{room} reheat valve command"),
        ai("discharge-temperature", "", "C", 15.0, f"{room} supply air temperature", -10.0, 60.0),
        bi("door", "", CLOSED_OPEN, f"{room} door switch"),
        bi("occupancy", "", VACANT_OCCUPIED, f"{room} occupancy sensor"),
        bi("pressure-alarm", "", NORMAL_ALARM, f"{room} pressure monitor alarm"),
        bi("flow-alarm", "", NORMAL_ALARM, f"{room} low supply airflow alarm"),
        msv("mode", "", ("Occupied", "Setback", "Purge"), 1, f"{room} ventilation mode", commandable=True),
        msi("mode-switch", "", ("Isolation", "Neutral"), 1, f"{room} isolation mode key switch"),
    )
    for row in rows:
        if word := words.get(row.role):
            yield renamed(row, f"{prefix}{word}", key)


def _operating_room(number: int) -> DeviceSpec:
    name = f"OR-{number} Room Controller"
    room = PressureRoom(
        name=name,
        air_handler="AHU-4",
        volume=120.0,
        air_changes=20.0,
        usual_pressure=8.0,
        doors_per_hour=10.0,
        gains=1500.0,
    )
    return DeviceSpec(
        instance=10140 + number,
        name=name,
        description=f"Operating room {number}, surgery, served by AHU-4",
        make=ARBOR,
        points=tuple(_points(f"mercy/surgery/or_{number}/", TREE, f"Operating room {number}", room, 20.0)),
        equipment=room,
    )


def _isolation_room(number: int) -> DeviceSpec:
    name = f"AII-{number} Isolation Room Controller"
    room = PressureRoom(
        name=name,
        air_handler="AHU-3",
        volume=50.0,
        air_changes=12.0,
        usual_pressure=-6.0,
        doors_per_hour=3.0,
        zone=interior(22.0),
    )
    ante = PressureRoom(
        name=f"{name}/anteroom",
        air_handler="AHU-3",
        volume=15.0,
        air_changes=12.0,
        usual_pressure=-3.0,
        leak=ANTEROOM_LEAK,
        gains=50.0,
    )
    label = f"Airborne infection isolation room {number}"
    return DeviceSpec(
        instance=10150 + number,
        name=name,
        description=f"{label} with anteroom, served by AHU-3, exhaust fan EF-{number}",
        make=SIGMA,
        points=(
            *_points(f"MC.AII-{number}:", COLON, label, room, 22.0, "room"),
            *_points(f"MC.AII-{number}A:", ANTEROOM, f"{label} anteroom", ante, 22.0, "anteroom"),
        ),
        equipment=Several({"room": room, "anteroom": ante}),
    )


def _protective_room() -> DeviceSpec:
    name = "PE-1 Protective Environment Controller"
    room = PressureRoom(
        name=name,
        air_handler="AHU-3",
        volume=55.0,
        air_changes=12.0,
        usual_pressure=8.0,
        doors_per_hour=2.0,
        zone=interior(22.0),
    )
    ante = PressureRoom(
        name=f"{name}/anteroom",
        air_handler="AHU-3",
        volume=15.0,
        air_changes=10.0,
        usual_pressure=4.0,
        leak=ANTEROOM_LEAK,
        gains=50.0,
    )
    words = {role: word for role, word in COLON.items() if role != "mode-switch"}
    return DeviceSpec(
        instance=10155,
        name=name,
        description="Protective environment room 1 with anteroom, served by AHU-3",
        make=SIGMA,
        points=(
            *_points("MC.PE-1:", words, "Protective environment room 1", room, 22.0, "room"),
            *_points("MC.PE-1A:", ANTEROOM, "Protective environment room 1 anteroom", ante, 22.0, "anteroom"),
        ),
        equipment=Several({"room": room, "anteroom": ante}),
    )


def _pharmacy() -> DeviceSpec:
    name = "Compounding Pharmacy Controller"
    rooms = {
        "buffer": ("Compounding pharmacy buffer room", 90.0, 30.0, 12.0),
        "ante": ("Compounding pharmacy ante room", 45.0, 20.0, 6.0),
        "hazardous": ("Hazardous drug compounding room", 60.0, 30.0, -5.0),
    }
    parts = {
        key: PressureRoom(
            name=f"{name}/{key}",
            air_handler="AHU-3",
            volume=volume,
            air_changes=changes,
            usual_pressure=pressure,
            doors_per_hour=4.0,
            leak=CLOSED_SINGLE_DOOR,
            zone=interior(19.0),
        )
        for key, (_, volume, changes, pressure) in rooms.items()
    }
    return DeviceSpec(
        instance=10156,
        name=name,
        description="Pharmacy compounding suite (USP 797 and 800), served by AHU-3",
        make=ARBOR,
        points=tuple(
            point
            for key, (label, *_) in rooms.items()
            for point in _points(f"mercy/pharmacy/{key}/", CLEAN_ROOM, label, parts[key], 19.0, key)
        ),
        equipment=Several(parts),
    )


def _sterile_storage() -> DeviceSpec:
    room = PressureRoom(
        name="Sterile Storage Controller",
        air_handler="AHU-4",
        volume=200.0,
        air_changes=6.0,
        usual_pressure=5.0,
        leak=CLOSED_DOUBLE_DOOR,
        zone=interior(22.0),
    )
    return DeviceSpec(
        instance=10157,
        name=room.name,
        description="Sterile storage, surgery, served by AHU-4",
        make=ARBOR,
        points=tuple(_points("mercy/spd/sterile_storage/", CLEAN_ROOM, "Sterile storage", room, 22.0)),
        equipment=room,
    )
