"""The ordinary rooms: offices, patient rooms, intensive care, corridors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from facility.simulation.several import Several
from facility.simulation.spec import DeviceSpec, Make
from facility.simulation.vav_points import BLANKS, CODES, COLON, SLASH, vav_points
from facility.simulation.zones import VavRoom, always, at_work, in_bed

CARROW = Make(vendor_id=1401, vendor="Carrow Controls", model="VX-1630", firmware="6.3.0.2")
JANSSEN = Make(vendor_id=1402, vendor="Janssen Building Systems", model="VMA 1420", firmware="R5.2")
SIGMA = Make(vendor_id=1403, vendor="Sigma Automation", model="TEC 2210", firmware="2.8.14")
BARRING = Make(vendor_id=1404, vendor="Barring", model="LanSTAR 64", firmware="3.02")

OFFICES = 8
PATIENT_ROOMS = 8
ICU_CONTROLLERS = 2  # with two rooms each
CORRIDORS = ("main street", "surgery", "patient floor 3")


def ordinary_rooms() -> Iterator[DeviceSpec]:
    yield from map(_office, range(1, OFFICES + 1))
    yield from map(_patient_room, range(1, PATIENT_ROOMS + 1))
    yield from map(_intensive_care, range(1, ICU_CONTROLLERS + 1))
    yield _corridors()


def _office(number: int) -> DeviceSpec:
    return DeviceSpec(
        instance=10100 + number,
        name=f"VAV-2-{number:02d}",
        description=f"VAV box with reheat, office {200 + number}, floor 2 administration, served by AHU-1",
        make=CARROW,
        points=tuple(vav_points(f"VAV_2_{number:02d}/", SLASH, f"Office {200 + number}")),
        equipment=VavRoom(air_handler="AHU-1", number=number, occupied=at_work),
    )


def _patient_room(number: int) -> DeviceSpec:
    return DeviceSpec(
        instance=10110 + number,
        name=f"VAV-3-{number:02d}",
        description=f"VAV box with reheat, patient room {300 + number}, floor 3, served by AHU-2",
        make=JANSSEN,
        points=tuple(
            vav_points(
                f"NAE 01 N2 1 VMA{300 + number} ", BLANKS, f"Patient room {300 + number}", heating=22.0, cooling=23.5
            )
        ),
        equipment=VavRoom(air_handler="AHU-2", number=number, occupied=in_bed, smallest_flow=75.0, largest_flow=200.0),
    )


def _intensive_care(number: int) -> DeviceSpec:
    beds = (2 * number - 1, 2 * number)
    room = partial(VavRoom, air_handler="AHU-3", occupied=always, smallest_flow=110.0, largest_flow=220.0)
    return DeviceSpec(
        instance=10120 + number,
        name=f"ICU Controller {number}",
        description=f"Intensive care rooms {beds[0]} and {beds[1]}, served by AHU-3",
        make=SIGMA,
        points=tuple(
            point
            for bed in beds
            for point in vav_points(
                f"MC.ICU-{bed}:", COLON, f"ICU room {bed}", heating=22.0, cooling=23.5, key=f"icu-{bed}"
            )
        ),
        equipment=Several({f"icu-{bed}": room(number=bed, equipment_gain=400.0) for bed in beds}),
    )


def _corridors() -> DeviceSpec:
    return DeviceSpec(
        instance=10130,
        name="Corridor Controller 1",
        description="VAV boxes of the corridors, served by AHU-2",
        make=BARRING,
        points=tuple(
            point
            for number, where in enumerate(CORRIDORS, 1)
            for point in vav_points(f"MC1C10{number}__", CODES, f"Corridor {where}", key=f"corridor-{number}")
        ),
        equipment=Several(
            {
                f"corridor-{number}": VavRoom(air_handler="AHU-2", number=number, occupied=always, largest_flow=300.0)
                for number in range(1, len(CORRIDORS) + 1)
            }
        ),
    )
