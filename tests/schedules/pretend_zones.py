"""A floor of zones for the tests of their policies: ordinary rooms with setpoints, and what else a test wants there."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pretend_office import BERLIN, Entry, Programme, of_class, point, reading, time

from points.catalog import Catalog
from points.model import Kind, Quality, Space
from schedules.policy import View

EVENING = datetime(2026, 11, 23, 22, tzinfo=UTC)  # a Monday, 23:00 in Berlin
SIX = datetime(2026, 11, 24, 5, tzinfo=UTC)  # Tuesday, 06:00 in Berlin: the office hours begin
SEVEN_PM = datetime(2026, 11, 24, 18, tzinfo=UTC)  # 19:00 in Berlin: they end
UTC_ZONE = ZoneInfo("UTC")
DAILY = Programme(
    name="daily", default="unoccupied", week=((Entry(time(7), "occupied"), Entry(time(19), "unoccupied")),) * 7
)
SETPOINTS = {"heating": of_class("heating-setpoint"), "cooling": of_class("cooling-setpoint")}
CONTACT = {"kind": Kind.BINARY, "commandable": False, "states": ("Closed", "Open")}


class Floor:
    """Rooms 1 to n, each with two setpoints and a thermometer, and one air handler of no room."""

    def __init__(self, rooms=1, *, type_="admin_office", extra=(), windows=False, humid=False):
        self.heat, self.cool, self.temp, self.window, self.rh = [], [], [], [], []
        spaces = [Space(id=f"office-{n}", name=f"Office {n}", type=type_) for n in range(1, rooms + 1)]
        for n, space in enumerate(spaces, 1):
            at = {"space": space.id}
            self.heat.append(point(f"vav-{n}/heat-sp", "heating-setpoint", **at))
            self.cool.append(point(f"vav-{n}/cool-sp", "cooling-setpoint", **at))
            self.temp.append(point(f"vav-{n}/zone-temp", "zone-temperature", commandable=False, **at))
            if windows:
                self.window.append(point(f"vav-{n}/window", "window", **CONTACT, **at))
            if humid:
                self.rh.append(point(f"vav-{n}/rh", "humidity", unit="percent", commandable=False, **at))
        self.fan = point("ahu-1/fan", "start-stop-command", kind=Kind.BINARY, states=("Off", "On"), space=None)
        points = (*self.heat, *self.cool, *self.temp, *self.window, *self.rh, self.fan, *extra)
        self.catalog = Catalog.of([], points, spaces)

    def view(self, celsius, *, now, open_=(), percent=(), outside=None, zone=BERLIN, also=()):
        """With these temperatures (None: stale; one for all, or one for each room), and `also` these readings."""
        celsius = celsius if isinstance(celsius, (list, tuple)) else [celsius] * len(self.temp)
        told = [
            reading(temp, 20.0 if value is None else value, now, Quality.STALE if value is None else Quality.GOOD)
            for temp, value in zip(self.temp, celsius, strict=True)
        ]
        told += [reading(window, n in open_, now) for n, window in enumerate(self.window, 1)]
        told += [reading(rh, value, now) for rh, value in zip(self.rh, percent, strict=False)]
        told += also
        given = {} if outside is None else {"outside": lambda: outside}
        by_point = {each.point: each for each in told}
        return View(now=now, zone=zone, catalog=self.catalog, readings=by_point, **given)


def wanted(decision):
    return {demand.point: demand.value for demand in decision.demands}


def told(decision, about=None):
    return [remark.text for remark in decision.remarks if about is None or remark.about == about]
