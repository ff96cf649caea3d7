"""The points of a box and its room, and how three makes of controller call them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from facility.simulation.rows import CLOSED_OPEN, OFF_ON, VACANT_OCCUPIED, ai, ao, av, bi, bv, msv, sp
from facility.simulation.spec import PointSpec

SLASH = {  # VAV_2_03/ZN-T
    "zone-temperature": "ZN-T",
    "heating-setpoint": "HTG-SP",
    "cooling-setpoint": "CLG-SP",
    "effective-setpoint": "EFF-SP",
    "flow": "SA-F",
    "flow-setpoint": "SAFLOW-SP",
    "damper": "DPR-O",
    "damper-position": "DPR-POS",
    "valve": "HTG-O",
    "discharge-temperature": "DA-T",
    "occupancy": "OCC-S",
    "carbon-dioxide": "ZN-CO2",
    "cooling-loop": "CLG-LOOP",
    "heating-loop": "HTG-LOOP",
    "mode": "MODE",
    "window": "WINDOW-S",
    "override": "NIGHT-OVR",
}
BLANKS = {  # NAE 01 N2 1 VMA305 ZN T
    "zone-temperature": "ZN T",
    "heating-setpoint": "HTG SP",
    "cooling-setpoint": "CLG SP",
    "flow": "SUP FLOW",
    "flow-setpoint": "SUPFLOSP",
    "damper": "DMPR CMD",
    "damper-position": "DMPR POS",
    "valve": "RHV CMD",
    "discharge-temperature": "DISCH T",
    "humidity": "ZN H",
    "occupancy": "OCC STS",
    "cooling-loop": "CLG PCT",
    "heating-loop": "HTG PCT",
    "mode": "BOX MODE",
}
COLON = {  # MC.ICU-2:ROOM TEMP
    "zone-temperature": "ROOM TEMP",
    "heating-setpoint": "HTG STPT",
    "cooling-setpoint": "CLG STPT",
    "effective-setpoint": "CTL STPT",
    "flow": "AIR VOLUME",
    "flow-setpoint": "CTL FLOW",
    "damper": "DMPR COMD",
    "damper-position": "DMPR POS",
    "valve": "VLV COMD",
    "discharge-temperature": "SUPPLY TEMP",
    "humidity": "ROOM RH",
    "occupancy": "OCC DETECT",
    "carbon-dioxide": "ROOM CO2",
    "heating-loop": "HTG LOOPOUT",
}
CODES = {  # MC1C101__ART, eight characters and a code
    "zone-temperature": "ART",
    "heating-setpoint": "ASH",
    "cooling-setpoint": "ASC",
    "flow": "AFL",
    "flow-setpoint": "AFS",
    "damper": "ADM",
    "valve": "AVL",
    "discharge-temperature": "ADT",
    "occupancy": "AOC",
}


def vav_points(
    prefix: str, words: Mapping[str, str], room: str, *, heating: float = 20.0, cooling: float = 25.0, key: str = ""
) -> Iterator[PointSpec]:
    """Those points the make has a word for; `key` begins the roles if the controller has several rooms."""
    rows = (
        ai("zone-temperature", "", "C", 21.5, f"{room} zone temperature", -10.0, 50.0),
        sp("heating-setpoint", "", "C", heating, 10.0, 30.0, f"{room} zone heating setpoint"),
        sp("cooling-setpoint", "", "C", cooling, 15.0, 35.0, f"{room} zone cooling setpoint"),
        av("effective-setpoint", "", "C", 21.5, f"{room} effective zone temperature setpoint"),
        ai("flow", "", "l/s", 60.0, f"{room} supply airflow", 0.0, 500.0),
        av("flow-setpoint", "", "l/s", 60.0, f"{room} supply airflow setpoint"),
        ao("damper", "", "%", 40.0, f"{room} supply air damper command"),
        ai("damper-position", "", "%", 40.0, f"{room} supply air damper position", 0.0, 100.0),
        ao("valve", "", "%", 0.0, f"{room} reheat valve command"),
        ai("discharge-temperature", "", "C", 16.0, f"{room} discharge air temperature", -10.0, 80.0),
        ai("humidity", "", "%RH", 45.0, f"{room} zone relative humidity", 0.0, 100.0),
        bi("occupancy", "", VACANT_OCCUPIED, f"{room} occupancy sensor"),
        ai("carbon-dioxide", "", "ppm", 600.0, f"{room} zone carbon dioxide", 0.0, 5000.0),
        av("cooling-loop", "", "%", 0.0, f"{room} cooling loop output"),
        av("heating-loop", "", "%", 0.0, f"{room} heating loop output"),
        msv("mode", "", ("Deadband", "Heating", "Cooling"), 1, f"{room} box control mode"),
        bi("window", "", CLOSED_OPEN, f"{room} window contact"),
        bv("override", "", OFF_ON, f"{room} after-hours override"),
    )
    for row in rows:
        if word := words.get(row.role):
            yield renamed(row, f"{prefix}{word}", key)


def renamed(row: PointSpec, name: str, key: str = "") -> PointSpec:
    return replace(row, name=name, role=f"{key}/{row.role}" if key else row.role)
