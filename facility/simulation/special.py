"""The two that fit nowhere else: the MRI chiller behind a simple gateway, and a rooftop unit nobody named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import time

from facility.simulation.physics import approach
from facility.simulation.rows import NORMAL_ALARM, OFF_ON, ai, ao, av, bi, bo, sp
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Quirk, ScheduleSpec, Value
from points.schedule_objects import Datatype, Scalar, TimeValue

GATEWAY = Make(vendor_id=1415, vendor="Cryoline", model="KKT-5 Gateway", firmware="1.02")
FRAME = Make(vendor_id=1416, vendor="Openframe", model="Jace 8000", firmware="4.13.0.186")
LOOP_LAG = 120.0  # s


@dataclass(slots=True)
class MriChiller:
    """Process water for the gradient coils, and the room's oxygen."""

    supply: float = 20.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        scanning = not site.night
        self.supply = approach(self.supply, 20.6 if scanning else 20.0, seconds, LOOP_LAG)
        site.draw(18.0 if scanning else 7.0, "imaging")
        return {
            "supply": self.supply + site.noise(0.02),
            "return": self.supply + (6.0 if scanning else 1.5),
            "flow": 95.0 + site.noise(0.2),
            "pressure": 420.0 + site.noise(0.5),
            "oxygen": 20.9,
        }


@dataclass(slots=True)
class Rooftop:
    """A packaged unit for the lobby."""

    supply: float = 15.0
    room: float = 22.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        running = now["fan"] > 0.0
        wants_cooling = self.room > now["cooling-setpoint"]
        self.supply = approach(self.supply, 13.0 if wants_cooling and running else self.room, seconds, 60.0)
        settled = 0.9 * self.supply + 0.1 * site.outdoor_temperature + 3.0
        self.room = approach(self.room, settled, seconds, 3600.0)
        site.draw(6.0 * running, "air handling")
        return {
            "supply": self.supply,
            "room": self.room,
            "outdoor": site.outdoor_temperature,
            "status": running,
            "damper": 20.0,
        }


_DAY, _NIGHT = Scalar(Datatype.REAL, 20.0), Scalar(Datatype.REAL, 18.0)
LOBBY_HEATING = ScheduleSpec(
    name="Lobby heating",
    description="Heating setpoint of the lobby by day and by night",
    commands=("heating-setpoint",),
    week=((TimeValue(time(6), _DAY), TimeValue(time(22), _NIGHT)),) * 7,
    default=_NIGHT,
)


def mri_chiller() -> DeviceSpec:
    return DeviceSpec(
        instance=10041,
        name="MRI Chiller",
        description="MRI equipment chiller and magnet room monitoring",
        make=GATEWAY,
        points=tuple(_mri_points()),
        equipment=MriChiller(),
        quirks=frozenset({Quirk.NO_READ_MULTIPLE}),
    )


def rooftop_unit() -> DeviceSpec:
    return DeviceSpec(
        instance=10042,
        name="RTU-1",
        description="Rooftop unit, lobby and waiting area",
        make=FRAME,
        points=tuple(_rooftop_points()),
        equipment=Rooftop(),
        timers=(LOBBY_HEATING,),
    )


def _mri_points() -> Iterator[PointSpec]:
    yield ai("supply", "MRI.CHWS-T", "C", 20.0, "MRI gradient coil cooling water supply temperature", 0.0, 60.0)
    yield ai("return", "MRI.CHWR-T", "C", 24.0, "MRI gradient coil cooling water return temperature", 0.0, 60.0)
    yield ai("flow", "MRI.FLOW", "l/min", 95.0, "MRI cooling water flow", 0.0, 200.0)
    yield ai("pressure", "MRI.PRESS", "kPa", 420.0, "MRI cooling water pressure", 0.0, 800.0)
    yield bi("compressor", "MRI.COMP-S", OFF_ON, "MRI chiller compressor status", value=True)
    yield bi("alarm", "MRI.ALM", NORMAL_ALARM, "MRI chiller common alarm")
    yield bi("bypass", "MRI.BYPASS", OFF_ON, "MRI chiller city water bypass")
    yield bi("low-flow", "MRI.LO-FLOW", NORMAL_ALARM, "MRI cooling water low flow alarm")
    yield ai("oxygen", "MRI.O2", "%", 20.9, "MRI magnet room oxygen concentration", 0.0, 25.0)
    yield bi("quench", "MRI.QUENCH", NORMAL_ALARM, "MRI magnet quench")
    yield bi("exhaust", "MRI.QEF-S", OFF_ON, "MRI magnet room exhaust fan status")


def _rooftop_points() -> Iterator[PointSpec]:
    """Only the descriptions say what these are."""
    yield ai("supply", "AI 01", "C", 15.0, "SaTemp supply air temperature", -40.0, 80.0)
    yield ai("return-humidity", "AI 02", "%RH", 45.0, "RaHumidity return air humidity", 0.0, 100.0, faulty=True)
    yield ai("room", "AI 03", "C", 22.0, "RmTemp lobby room temperature", -40.0, 80.0)
    yield ai("outdoor", "AI 04", "C", 12.0, "OaTemp outside air temperature", -40.0, 80.0)
    yield sp("heating-setpoint", "AV 01", "C", 20.0, 10.0, 30.0, "RmHtgSp lobby heating setpoint")
    yield sp("cooling-setpoint", "AV 02", "C", 24.0, 15.0, 35.0, "RmClgSp lobby cooling setpoint")
    yield av("offset", "AV 06", "%", 5.0, "RaFanOffset return fan speed offset")
    yield av("gain", "AV 07", "", 1.2, "ClgPropGain cooling loop proportional gain")
    yield ao("damper", "AO 01", "%", 20.0, "OaDamper outside air damper")
    yield ao("cooling", "AO 02", "%", 0.0, "ClgValve cooling valve")
    yield bo("fan", "BO 01", OFF_ON, "SaFanCmd supply fan command", value=True)
    yield bi("status", "BI 01", OFF_ON, "SaFanSts supply fan status", value=True)
    yield bi("filter", "BI 02", NORMAL_ALARM, "FilterAlm dirty filter alarm")
    yield bi("smoke", "BI 03", NORMAL_ALARM, "SmokeDet smoke detector alarm")
