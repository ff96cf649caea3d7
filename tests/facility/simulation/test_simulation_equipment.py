"""The equipment of the hospital, without a network: what it does to its rooms."""

import asyncio
from datetime import UTC, datetime

import pytest

from facility.simulation.critical_points import critical_rooms
from facility.simulation.inventory import hospital
from facility.simulation.running import STEP, _advance
from facility.simulation.scenarios import SCENARIOS
from facility.simulation.site import Site
from facility.simulation.spec import COMMANDABLE

TUESDAY_NIGHT = datetime(2026, 1, 13, 3, tzinfo=UTC)
TUESDAY_MORNING = datetime(2026, 1, 13, 9, 30, tzinfo=UTC)
MINUTE = 60
HOUR = 3600


class Bench:
    """The whole hospital; outputs feed back as they do over the priority array."""

    def __init__(self, start=TUESDAY_NIGHT, seed=1, only=None):
        self.site = Site(start, seed)
        self.specs = [spec for spec in hospital() if only is None or spec.name in only]
        self.now = {
            spec.name: {
                point.role: float(point.value)
                for point in spec.points
                if point.commandable or point.kind in COMMANDABLE
            }
            for spec in self.specs
        }
        self.held = set()
        self.seen = {}

    def hold(self, device, role, value):
        self.now[device][role] = value
        self.held.add((device, role))

    def run(self, seconds):
        for _ in range(seconds):
            self.site.advance(STEP)
            for spec in self.specs:
                values = spec.equipment.step(STEP, self.now[spec.name], self.site)
                self.seen[spec.name] = values
                for role in self.now[spec.name].keys() & values.keys():
                    if (spec.name, role) not in self.held:
                        self.now[spec.name][role] = float(values[role])
        return self.seen


@pytest.fixture(scope="module")
def settled():
    bench = Bench()
    bench.run(20 * MINUTE)
    return bench.seen


def test_every_role_is_unique_and_every_name_too():
    for spec in hospital():
        roles = [point.role for point in spec.points]
        names = [point.name for point in spec.points]
        assert len(set(roles)) == len(roles), spec.name
        assert len(set(names)) == len(names), spec.name
        assert all(point.description for point in spec.points), spec.name
    assert len({spec.instance for spec in hospital()}) == len(hospital())
    assert len({spec.name for spec in hospital()}) == len(hospital())


def test_operating_rooms_are_positive_and_isolation_rooms_negative(settled):
    for number in range(1, 5):
        room = settled[f"OR-{number} Room Controller"]
        assert room["pressure"] == pytest.approx(8.0, abs=0.8)
        assert room["air-changes"] == pytest.approx(20.0, abs=0.2)
        assert not room["pressure-alarm"]
    for number in (1, 2):
        controller = settled[f"AII-{number} Isolation Room Controller"]
        assert controller["room/pressure"] == pytest.approx(-6.0, abs=0.8)
        assert controller["anteroom/pressure"] < -2.5


def test_air_handlers_hold_their_supply_temperature(settled):
    for number in range(1, 5):
        assert settled[f"AHU-{number}"]["supply-temperature"] == pytest.approx(13.0, abs=0.5)


def test_an_office_follows_its_heating_setpoint():
    plain, raised = Bench(only={"VAV-2-01", "AHU-1"}), Bench(only={"VAV-2-01", "AHU-1"})
    raised.hold("VAV-2-01", "heating-setpoint", 23.0)
    before = plain.run(2 * HOUR)["VAV-2-01"]["zone-temperature"]
    after = raised.run(2 * HOUR)["VAV-2-01"]
    assert after["zone-temperature"] > before + 1.5
    assert after["valve"] > 30.0


def test_a_fan_that_stands_delivers_nothing():
    bench = Bench()
    bench.hold("AHU-1", "fan-command", 0.0)
    seen = bench.run(3 * MINUTE)
    assert not seen["AHU-1"]["fan-status"]
    assert seen["VAV-2-01"]["flow"] == pytest.approx(0.0, abs=0.5)


def test_setback_keeps_the_pressure_of_an_operating_room():
    bench = Bench()
    bench.run(2 * MINUTE)
    bench.hold("OR-1 Room Controller", "mode", 2.0)
    room = bench.run(3 * MINUTE)["OR-1 Room Controller"]
    assert room["air-changes"] == pytest.approx(6.0, abs=0.3)
    assert room["pressure"] == pytest.approx(8.0, abs=1.0)


OR_1 = "OR-1 Room Controller"
AII_1 = "AII-1 Isolation Room Controller"
STEP_DOWN = 0.05  # of the flow at rest


def watched(bench, seconds, device=OR_1, key=""):
    """The room, second by second."""
    rooms = [bench.run(1)[device] for _ in range(seconds)]
    return [{role.removeprefix(key): value for role, value in room.items() if role.startswith(key)} for room in rooms]


def at_night():
    """With every room of its air handlers, or their fans would rest."""
    bench = Bench(only={spec.name for spec in critical_rooms()} | {"AHU-3", "AHU-4"})
    bench.run(MINUTE)
    return bench


def test_a_room_is_walked_down_and_back_without_losing_its_sign():
    bench = at_night()
    rest = bench.seen[OR_1]
    shares = [1.0 - STEP_DOWN * step for step in range(1, 14)]
    offset = rest["supply-flow"] - rest["extract-flow"]
    seen = []
    for share in shares:
        bench.hold(OR_1, "extract-flow-setpoint", rest["supply-flow"] * share - offset)
        seen += watched(bench, 5)
        bench.hold(OR_1, "supply-flow-setpoint", rest["supply-flow"] * share)
        seen += watched(bench, 5)
    assert bench.seen[OR_1]["supply-flow"] == pytest.approx(0.35 * rest["supply-flow"], abs=1.0)
    bench.held.remove((OR_1, "supply-flow-setpoint"))
    seen += watched(bench, 1)
    bench.held.remove((OR_1, "extract-flow-setpoint"))
    back = watched(bench, 9)
    assert all(room["pressure"] > 2.5 for room in seen + back)
    assert back[-1]["supply-flow"] == pytest.approx(rest["supply-flow"], abs=1.0)
    assert back[-1]["extract-flow"] == pytest.approx(rest["extract-flow"], abs=1.0)


def test_the_wrong_order_turns_the_pressure():
    """Otherwise nothing that is proved in this hospital would be worth anything."""
    bench = at_night()
    bench.hold(OR_1, "supply-flow-setpoint", 300.0)
    assert min(room["pressure"] for room in watched(bench, 5)) < 0.0
    bench = at_night()
    bench.hold(AII_1, "room/extract-flow-setpoint", 20.0)
    assert max(room["pressure"] for room in watched(bench, 5, AII_1, "room/")) > 0.0


def test_a_negative_room_can_be_commanded_like_any_other():
    bench = at_night()
    bench.hold(AII_1, "room/supply-flow-setpoint", 40.0)
    seen = watched(bench, 10, AII_1, "room/")
    bench.hold(AII_1, "room/extract-flow-setpoint", 122.0)
    seen += watched(bench, 10, AII_1, "room/")
    assert all(room["pressure"] < -2.5 for room in seen)
    assert seen[-1]["supply-flow"] == pytest.approx(40.0, abs=1.0)


def test_a_vacant_operating_room_keeps_its_doors_shut_until_somebody_comes():
    bench = Bench(TUESDAY_MORNING, only={OR_1, "AHU-4"})
    assert watched(bench, 1)[0]["occupancy"]
    asyncio.run(SCENARIOS["or-night-case"].happens(None, bench.site))
    before = watched(bench, 30 * MINUTE - 1)
    assert not any(room["occupancy"] or room["door"] for room in before[10:])  # an open one closes by itself
    assert watched(bench, 1)[0]["occupancy"]
    asyncio.run(SCENARIOS["or-vacant"].happens(None, bench.site))
    assert not watched(bench, 1)[0]["occupancy"]
    asyncio.run(SCENARIOS["or-occupied"].happens(None, bench.site))
    assert watched(bench, 1)[0]["occupancy"]


def test_a_seized_fan_stands_whatever_it_is_told():
    bench = Bench()
    asyncio.run(SCENARIOS["fan-seized"].happens(None, bench.site))
    seen = bench.run(2)
    assert bench.now["AHU-1"]["fan-command"] == 1.0
    assert not seen["AHU-1"]["fan-status"]
    assert seen["VAV-2-01"]["flow"] == pytest.approx(0.0, abs=0.5)
    assert seen["AHU-2"]["fan-status"]


def test_a_lost_supply_turns_the_pressure_and_alarms():
    bench = Bench()
    bench.site.incidents.add("OR-2 Room Controller/supply")
    seen = bench.run(3 * MINUTE)
    assert seen["OR-2 Room Controller"]["pressure"] < 0.0
    assert seen["OR-2 Room Controller"]["pressure-alarm"]
    assert seen["OR-1 Room Controller"]["pressure"] > 6.0


def test_an_open_refrigerator_passes_six_degrees():
    bench = Bench()
    bench.site.incidents.add("Blood Bank Refrigerator 1/door")
    seen = bench.run(MINUTE)
    assert seen["Blood Bank Refrigerator 1"]["air-temperature"] > 6.0
    seen = bench.run(15 * MINUTE)
    assert seen["Blood Bank Refrigerator 1"]["temperature"] > 6.0
    assert seen["Blood Bank Refrigerator 1"]["alarm"]
    assert 1.0 < seen["Blood Bank Refrigerator 2"]["temperature"] < 6.0


def test_lights_off_show_in_the_meter_and_energy_adds_up():
    bench = Bench(TUESDAY_NIGHT)
    lit = bench.run(MINUTE)["Main Electricity Meter"]
    for zone in range(1, 25):
        bench.hold("Lighting Panel LP-2", f"{zone}/relay", 0.0)
    dark = bench.run(MINUTE)["Main Electricity Meter"]
    assert lit["power"] - dark["power"] == pytest.approx(24 * 0.8 * 0.4, abs=1.5)
    assert bench.seen["Lighting Panel LP-2"]["1/light"] == 0.0
    assert dark["energy"] - lit["energy"] == pytest.approx(dark["power"] / 60.0, rel=0.05)


def test_people_come_on_working_days_and_not_on_holidays():
    working, holiday = Bench(TUESDAY_MORNING), Bench(TUESDAY_MORNING)
    holiday.site.holiday = True
    offices = [f"VAV-2-{number:02d}" for number in range(1, 9)]
    assert all(working.run(1)[office]["occupancy"] for office in offices)
    assert not any(holiday.run(1)[office]["occupancy"] for office in offices)


def test_the_same_seed_is_the_same_hospital():
    assert Bench(seed=7).run(MINUTE) == Bench(seed=7).run(MINUTE)
    assert Bench(seed=7).run(MINUTE) != Bench(seed=8).run(MINUTE)


def test_scenarios_name_devices_that_exist():
    names = {spec.name for spec in hospital()}
    assert {
        "VAV-2-03",
        *(f"VAV-2-0{number}" for number in (5, 6, 7, 8)),
        "OR-2 Room Controller",
        "Blood Bank Refrigerator 1",
    } <= names
    assert all(scenario.tells for scenario in SCENARIOS.values())


class Panel:
    """A station without a network."""

    def __init__(self, spec):
        self.spec = spec
        self.now = {
            point.role: float(point.value) for point in spec.points if point.commandable or point.kind in COMMANDABLE
        }
        self.seen = {}

    def commands(self):
        return dict(self.now)

    def following(self):
        return frozenset(self.now)

    def show(self, values):
        self.seen = values
        self.now |= {role: float(values[role]) for role in self.now.keys() & values.keys()}


@pytest.mark.parametrize(
    ("device", "role", "low", "high"),
    [
        ("VAV-3-01", "zone-temperature", 21.0, 24.0),
        ("ICU Controller 1", "icu-1/zone-temperature", 21.0, 24.0),
        ("AII-1 Isolation Room Controller", "room/temperature", 21.0, 24.0),
        ("PE-1 Protective Environment Controller", "room/temperature", 21.0, 24.0),
        ("Compounding Pharmacy Controller", "ante/temperature", 15.0, 20.0),
        ("OR-1 Room Controller", "temperature", 20.0, 24.0),
        ("MRI Chiller", "supply", 5.0, 24.0),
    ],
)
def test_where_nothing_is_broken_nothing_is_out_of_its_limits(settled, device, role, low, high):
    assert low <= settled[device][role] <= high


def test_a_fast_hospital_is_the_same_hospital():
    slow = Bench().run(HOUR // 2)
    panels, site = [Panel(spec) for spec in hospital()], Site(TUESDAY_NIGHT, 1)
    for _ in range(HOUR // 2 // 300):  # as at 600 times the usual speed
        asyncio.run(_advance(panels, site, 300))
    assert {panel.spec.name: panel.seen for panel in panels} == slow
