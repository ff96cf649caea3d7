"""An air handler with boxes, and a policy that is asked as the decider asks it: on news, and at its own instants."""

from datetime import timedelta

from pretend_office import NOON, point, reading
from steady_answers import assert_steady

from points.catalog import Catalog
from points.model import Kind, Quality, Safety, Space
from schedules.policy import View
from schedules.timetable import Timetable

OFFICES = tuple(Space(id=f"office-{number}", name=f"Office {number}", type="admin_office") for number in (1, 2, 3))
WARD = Space(id="ward-1", name="Ward 1", type="patient_room")


def unit_point(id_, point_class, **rest):
    """A point of a machine that is in no one space."""
    return point(id_, point_class, **{"space": None, "equipment": id_.split("/")[0], **rest})


def sensor(id_, point_class, **rest):
    return unit_point(id_, point_class, **{"commandable": False, **rest})


def switch(id_, point_class="start-stop-command", **rest):
    return unit_point(id_, point_class, kind=Kind.BINARY, **rest)


def sign(id_, point_class="status", **rest):
    return sensor(id_, point_class, kind=Kind.BINARY, **rest)


def box(number, space=None):
    """What a VAV box of an office tells."""
    name, space = f"vav-{number}", space or f"office-{number}"
    where = {"space": space, "equipment": name}
    return (
        point(f"{name}/zone", "zone-temperature", commandable=False, **where),
        point(f"{name}/cool-sp", "cooling-setpoint", **where),
        point(f"{name}/cool-loop", "request", unit="percent", commandable=False, **where),
        point(f"{name}/flow", "flow", unit="liters-per-second", commandable=False, **where),
        point(f"{name}/flow-sp", "airflow-setpoint", unit="liters-per-second", commandable=False, **where),
        point(f"{name}/damper", "damper", unit="percent", **where),
    )


BOXES = tuple(each for number in (1, 2, 3) for each in box(number))
SETPOINT = unit_point("ahu-1/sat-sp", "temperature-setpoint", low=8.0, high=40.0)
PRESSURE = unit_point("ahu-1/dsp-sp", "pressure-setpoint", unit="pascals")
FAN = sign("ahu-1/fan-s")
OUTSIDE = sensor("ahu-1/oat", "outside-air-temperature")
HUMIDITY = sensor("ahu-1/rah", "humidity", unit="percent-relative-humidity")
AIR_HANDLER = (SETPOINT, PRESSURE, FAN, OUTSIDE, HUMIDITY)
CONTENT = {"zone": 23.0, "cool-sp": 24.0, "cool-loop": 20.0, "flow": 50.0, "flow-sp": 50.0, "damper": 50.0}


def named(*points):
    """A selector of these."""
    wanted = [each.id for each in points]
    return lambda building: [building.points[each] for each in wanted if each in building.points]


def timetable(programme, zone):
    return Timetable(programme, zone)


class Trace:
    """One policy from one moment on. Every answer is tried for its promise about time."""

    def __init__(self, policy, points, zone, *, spaces=(*OFFICES, WARD), start=NOON, memory=None):
        self.policy, self.zone, self.now, self.memory = policy, zone, start, memory
        self.catalog = Catalog.of([], points, spaces)
        self.decide = policy.bind(self.catalog)
        self.readings = {}
        self.decision = None
        self.told = []  # (seconds since the start, values) whenever it said something else
        self.start = start

    def read(self, values):
        """What the points read from now on; None: not known. Then it is asked."""
        for id_, value in values.items():
            about = self.catalog.points[id_]
            quality = Quality.GOOD if value is not None else Quality.STALE
            self.readings[id_] = reading(about, value, self.now, quality)
        return self.ask()

    def content(self, *numbers, **other):
        """The boxes of these numbers need nothing, but for `other`."""
        said = {**CONTENT, **{key.replace("_", "-"): value for key, value in other.items()}}
        return self.read({f"vav-{number}/{key}": value for number in numbers for key, value in said.items()})

    def ask(self):
        view = View(now=self.now, zone=self.zone, catalog=self.catalog, readings=dict(self.readings))
        self.decision = assert_steady(self.policy, view, self.memory, decide=self.decide)
        self.memory = self.decision.memory
        values = self.values
        if not self.told or self.told[-1][1] != values:
            self.told.append(((self.now - self.start).total_seconds(), values))
        return self

    def advance(self, **time):
        """Lets time pass, and asks at every instant that is named."""
        goal = self.now + timedelta(**time)
        while self.decision is not None and self.decision.until is not None and self.decision.until <= goal:
            self.now = self.decision.until
            self.ask()
        self.now = goal
        return self

    @property
    def values(self):
        return {demand.point: demand.value for demand in self.decision.demands}

    @property
    def remarks(self):
        return [remark.text for remark in self.decision.remarks]

    @property
    def held(self):
        return [remark.text for remark in self.decision.remarks if remark.held]


CRITICAL = {"safety": Safety.CRITICAL}
