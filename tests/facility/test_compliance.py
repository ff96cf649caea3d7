from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_site import (
    CATALOG,
    ISOLATION,
    NORMAL,
    NOW,
    OFFICE,
    OXYGEN,
    PANEL,
    POINTS,
    PRESSURE,
    SPACES,
    TEMPERATURE,
    after,
    device,
    normal_readings,
    point,
    reading,
    stale,
)

from facility.compliance import Compliance
from facility.model import Severity
from facility.profiles import Profiles
from facility.standing import Standing, lasting
from points.catalog import Catalog
from points.model import Kind, Quality, Space, SpaceId

PROFILES = Profiles.load()


class Watchman:
    """Compliance, with readings that a test can change."""

    def __init__(self, catalog=CATALOG, readings=None) -> None:
        self.compliance = Compliance(PROFILES)
        self.catalog = catalog
        self.readings = normal_readings() if readings is None else readings

    def at(self, seconds=0.0):
        self.compliance.update(after(seconds), self.catalog, self.readings.get)
        return {standing.space.name: standing for standing in self.compliance.spaces}

    def now(self, of, value, seconds=0.0, **more):
        self.readings[of.id] = reading(of, value, after(seconds), **more)
        return self


def test_all_in_order():
    assert {standing.standing for standing in Watchman().at().values()} == {Standing.IN}


def test_out_at_once_and_alarming_after_the_delay():
    watchman = Watchman().now(PRESSURE, 1.0)
    space = watchman.at(0)["OR-3"]
    assert (space.standing, space.alarming, space.severity, space.since) == (Standing.OUT, False, None, NOW)
    assert space.why == "1.00 Pa, needs 2.50"
    assert not watchman.at(119)["OR-3"].alarming
    space = watchman.at(120)["OR-3"]
    assert (space.standing, space.alarming, space.severity) == (Standing.OUT, True, Severity.CRIT)
    assert (space.since, space.why) == (NOW, "1.00 Pa, needs 2.50")


def test_what_is_past_its_delay_is_told_before_what_is_worse_but_within_it():
    watchman = Watchman().now(TEMPERATURE, 25.1)
    watchman.at(0)
    space = watchman.now(PRESSURE, 1.0, 900).at(900)["OR-3"]
    assert (space.severity, space.why) == (Severity.HIGH, "25.1 °C, max 24.0")
    assert watchman.at(1020)["OR-3"].severity is Severity.CRIT


def test_what_was_alarming_before_a_restart_is_until_it_is_seen_well_inside():
    watchman = Watchman(readings={})
    watchman.compliance.remember({PRESSURE.id: after(-360)})
    assert watchman.at(1)["OR-3"].standing is Standing.UNKNOWN
    space = watchman.now(PRESSURE, 2.7, 2).at(2)["OR-3"]  # inside, but within the deadband
    assert (space.standing, space.severity, space.since) == (Standing.OUT, Severity.CRIT, after(-360))
    assert space.partly_unknown
    watchman.now(PRESSURE, 3.1, 3).at(3)
    space = watchman.now(PRESSURE, 1.0, 4).at(4)["OR-3"]
    assert (space.standing, space.alarming, space.since) == (Standing.OUT, False, after(4))


def test_a_short_excursion_never_counts():
    watchman = Watchman().now(PRESSURE, 1.0)
    watchman.at(60)
    watchman.now(PRESSURE, 8.0, 61).at(61)
    watchman.now(PRESSURE, 1.0, 62)
    assert not watchman.at(130)["OR-3"].alarming


def test_a_blink_of_the_sensor_does_not_start_the_delay_again():
    watchman = Watchman().now(PRESSURE, 1.0)
    watchman.at(60)
    watchman.now(PRESSURE, None, 61, quality=Quality.BAD).at(61)
    space = watchman.now(PRESSURE, 1.0, 62).at(120)["OR-3"]
    assert (space.alarming, space.since) == (True, NOW)


def test_a_clock_set_back_takes_nothing_from_what_has_lasted():
    watchman = Watchman().now(PRESSURE, 1.0)
    watchman.at(60)
    back = -20 * 3600
    assert not watchman.at(60 + back)["OR-3"].alarming  # half of its delay is over
    assert not watchman.at(119 + back)["OR-3"].alarming
    space = watchman.at(120 + back)["OR-3"]
    assert (space.alarming, space.since) == (True, after(back))
    assert watchman.at(120 + 2 * back)["OR-3"].alarming


def test_a_clock_set_back_leaves_unknown_what_is_unknown():
    watchman = Watchman()
    watchman.readings[PRESSURE.id] = stale(PRESSURE, after(0))
    watchman.at(600)
    space = watchman.at(600 - 3600)["OR-3"]
    assert (space.standing, space.why) == (Standing.UNKNOWN, "no data 10 min")


def test_a_value_held_by_hand_is_unknown():
    watchman = Watchman().now(PRESSURE, 8.0, quality=Quality.UNCERTAIN, reason="overridden")
    space = watchman.at()["OR-3"]
    assert (space.standing, space.why) == (Standing.UNKNOWN, "uncertain (overridden)")


def test_back_only_when_well_inside():
    watchman = Watchman().now(PRESSURE, 1.0)
    watchman.at(200)
    assert watchman.now(PRESSURE, 2.7, 201).at(201)["OR-3"].standing is Standing.OUT
    assert watchman.now(PRESSURE, 3.1, 202).at(202)["OR-3"].standing is Standing.IN


def test_life_safety_limits_have_no_delay():
    space = Watchman().now(OXYGEN, 250.0).at()["Oxygen zone 1"]
    assert (space.standing, space.severity) == (Standing.OUT, Severity.LIFE)
    assert space.why == "250 kPa, min 276"


def test_a_panel_alarm_puts_the_zone_out():
    space = Watchman().now(PANEL, True).at()["Oxygen zone 1"]
    assert (space.standing, space.why) == (Standing.OUT, "alarm: Alarm")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (stale(PRESSURE), "no data 21 min"),
        (stale(PRESSURE, reason="offline"), "offline 21 min"),
        (reading(PRESSURE, None, quality=Quality.BAD, reason="nan"), "bad sensor"),
        (reading(PRESSURE, 8.0, quality=Quality.BAD, reason="out-of-service"), "out of service"),
        (reading(PRESSURE, 8.0, quality=Quality.BAD, reason="over-range"), "over range"),
        (reading(PRESSURE, 8.0, quality=Quality.BAD, reason="offline"), "offline 21 min"),
        (reading(PRESSURE, 8.0, quality=Quality.UNCERTAIN, reason="overridden"), "uncertain (overridden)"),
    ],
)
def test_what_is_not_known_is_unknown(bad, why):
    watchman = Watchman()
    watchman.readings[PRESSURE.id] = bad
    watchman.at(0)
    space = watchman.at(21 * 60)["OR-3"]
    assert (space.standing, space.why, space.since) == (Standing.UNKNOWN, why, NOW)


@pytest.mark.parametrize("value", [-61.0, 250.0])
def test_a_pressure_that_cannot_be_is_a_broken_sensor(value):
    space = Watchman().now(PRESSURE, value).at()["OR-3"]
    assert (space.standing, space.why[:12]) == (Standing.UNKNOWN, "bad sensor (")
    assert Watchman().now(PRESSURE, 59.0).at()["OR-3"].standing is Standing.IN


def test_never_read_is_unknown():
    watchman = Watchman(readings={})
    assert {standing.standing for standing in watchman.at().values()} == {Standing.UNKNOWN}
    assert watchman.at(30)["OR-3"].why == "no data 30 s"


def test_out_is_worse_than_unknown():
    watchman = Watchman().now(PRESSURE, 1.0)
    watchman.readings[TEMPERATURE.id] = stale(TEMPERATURE)
    space = watchman.at(0)["OR-3"]
    assert (space.standing, space.partly_unknown) == (Standing.OUT, True)
    assert watchman.at(200)["OR-3"].alarming


def test_an_operating_room_whose_pressure_nobody_measures_is_unknown():
    watchman = Watchman(Catalog.of([device("or-3")], [TEMPERATURE], SPACES[:1]))
    assert (watchman.at()["OR-3"].standing, watchman.at()["OR-3"].why) == (
        Standing.UNKNOWN,
        "no room pressure point",
    )


def test_a_room_without_points_is_unknown():
    office = SPACES[-1]
    assert Watchman(Catalog.of([], [], [office])).at()["Office 1"].why == "no points"


def test_a_lobby_of_which_only_the_lights_are_known_is_not_counted_but_an_operating_room_is():
    lobby = Space(id=SpaceId("lobby"), name="Lobby", type="lobby")
    lights = [point("lp/a", "lighting-level", "percent", space=space) for space in ("lobby", "or-3")]
    found = Watchman(Catalog.of([], [replace(lights[0], id="lp/b"), lights[1]], [lobby, SPACES[0]])).at()
    assert set(found) == {"OR-3"}
    assert found["OR-3"].standing is Standing.UNKNOWN


def test_a_type_without_profile_is_unknown_but_a_room_nobody_typed_is_not_counted():
    spaces = [Space(id=SpaceId("a"), name="A", type="greenhouse"), Space(id=SpaceId("b"), name="B")]
    found = Watchman(Catalog.of([], [], spaces)).at()
    assert found["A"].standing is Standing.UNKNOWN
    assert "greenhouse" in found["A"].why
    assert "B" not in found


def test_an_open_door_leaves_a_cold_refrigerator_in_range():
    door = point("fridge/door", "door", kind=Kind.BINARY, space="fridge-1", states=("Closed", "Open"))
    watchman = Watchman(Catalog.of(CATALOG.devices.values(), [*POINTS, door], SPACES))
    assert watchman.now(door, True).at(1000)["Blood fridge 1"].standing is Standing.IN
    assert watchman.compliance.points[door.id].standing is Standing.OUT


def test_memory_outlives_a_new_catalog():
    watchman = Watchman().now(PRESSURE, 1.0)
    watchman.at(100)
    watchman.catalog = Catalog.of(CATALOG.devices.values(), POINTS, SPACES)
    assert watchman.at(130)["OR-3"].alarming


qualities = st.sampled_from(Quality)
values = st.one_of(st.none(), st.floats(-100, 500, allow_nan=False), st.booleans())
steps = st.lists(
    st.tuples(st.sampled_from([PRESSURE, TEMPERATURE, ISOLATION, OFFICE, PANEL]), values, qualities), max_size=30
)


@given(steps)
def test_no_space_is_ever_in_with_a_reading_that_is_not_good(changes):
    watchman = Watchman()
    for second, (of, value, quality) in enumerate(changes):
        watchman.now(of, value, second, quality=quality)
        standings = watchman.at(second)
        for space in SPACES:
            known = all(
                watchman.readings[one.id].is_good and watchman.readings[one.id].value is not None
                for one in NORMAL
                if one.space == space.id
            )
            if not known:
                assert standings[space.name].standing is not Standing.IN


def test_how_long_in_words():
    spans = {30: "30 s", 90: "1 min", 2460: "41 min", 5640: "94 min", 7300: "2 h", 200_000: "2 d"}
    assert {seconds: lasting(after(seconds) - NOW) for seconds in spans} == spans


looks = st.lists(
    st.tuples(
        st.integers(-30, 300),  # seconds until then; a clock may be set back
        st.sampled_from(range(len(POINTS))),
        st.one_of(st.none(), st.sampled_from([-20.0, -2.6, 0.0, 1.0, 2.7, 8.0, 21.0, 25.1, 250.0, 345.0])),
    ),
    max_size=20,
)


@given(looks=looks)
def test_looking_only_at_what_changed_comes_to_the_same_as_looking_at_everything(looks):
    quick, thorough = Watchman(), Watchman()
    for watchman in (quick, thorough):
        watchman.at(0)
    seconds = 0
    for later, which, value in looks:
        seconds, point = seconds + later, POINTS[which]
        quality = Quality.GOOD if value is not None else Quality.BAD
        for watchman in (quick, thorough):
            watchman.now(point, value, seconds, quality=quality)
        quick.compliance.update(after(seconds), CATALOG, quick.readings.get, [point.id])
        thorough.at(seconds)
        assert quick.compliance.points[point.id] == thorough.compliance.points[point.id]
        quick.at(seconds)
        assert (quick.compliance.spaces, quick.compliance.not_in) == (
            thorough.compliance.spaces,
            thorough.compliance.not_in,
        )


# --- rooms whose beds are free ----------------------------------------------------------------------------------------

WARD = Space(id=SpaceId("room-301"), name="Room 301", type="patient_room")
THERMOMETER = point("ward/temp", "zone-temperature", "degrees-celsius", space="room-301")
HYGROMETER = point("ward/rh", "humidity", "percent-relative-humidity", space="room-301")
WARD_CATALOG = Catalog.of([device("ward")], (THERMOMETER, HYGROMETER), [WARD])
HALF_HOUR = 1800  # the delay of a patient room's temperature


class Ward(Watchman):
    """One patient room, and whether its beds are free."""

    def __init__(self):
        super().__init__(WARD_CATALOG, {})
        self.empty = set()
        self.compliance = Compliance(PROFILES, lambda: self.empty)
        self.now(THERMOMETER, 22.0).now(HYGROMETER, 45.0)

    def standing(self, seconds):
        return self.at(seconds)["Room 301"]


def test_an_empty_room_that_is_set_back_is_in_order_and_alarms_only_beyond_its_own_limits():
    ward = Ward()
    ward.empty = {WARD.id}
    assert ward.standing(0).standing is Standing.IN
    ward.now(THERMOMETER, 26.0, 10)
    assert [ward.standing(seconds).standing for seconds in (10, HALF_HOUR + 11)] == [Standing.IN] * 2
    space = ward.now(THERMOMETER, 28.5, 4000).standing(4000)
    assert (space.standing, space.why) == (Standing.OUT, "28.5 °C, max 28.0")
    assert not space.alarming
    assert ward.standing(4000 + HALF_HOUR).severity is Severity.LOW


def test_its_humidity_is_judged_as_ever_and_unknown_stays_unknown():
    ward = Ward()
    ward.empty = {WARD.id}
    assert ward.now(HYGROMETER, 65.0).standing(1).standing is Standing.OUT
    ward.now(HYGROMETER, 45.0, 2).now(THERMOMETER, 26.0, 2, quality=Quality.STALE)
    assert ward.standing(2).standing is Standing.UNKNOWN


def test_when_a_patient_is_brought_the_usual_limits_hold_with_their_delay():
    ward = Ward()
    ward.empty = {WARD.id}
    ward.standing(0)
    ward.now(THERMOMETER, 26.0, 10)  # a value that does not change any more: its time stays
    ward.standing(5000)
    ward.empty = set()
    space = ward.standing(6000)
    assert (space.standing, space.since, space.alarming) == (Standing.OUT, after(6000), False)
    assert not ward.standing(6000 + HALF_HOUR - 1).alarming
    assert ward.standing(6000 + HALF_HOUR).severity is Severity.LOW


def test_an_alarm_of_an_occupied_room_ends_once_it_is_seen_well_inside_the_limits_of_an_empty_one():
    ward = Ward()
    ward.now(THERMOMETER, 25.0)
    ward.standing(0)
    assert ward.standing(HALF_HOUR).alarming
    ward.empty = {WARD.id}
    assert ward.standing(HALF_HOUR + 1).standing is Standing.IN


def test_of_what_was_not_read_the_limits_change_all_the_same():
    ward = Ward()
    ward.now(THERMOMETER, 26.0).standing(0)
    ward.empty = {WARD.id}
    assert ward.compliance.update(after(1), ward.catalog, ward.readings.get, [])
    assert ward.compliance.spaces[0].standing is Standing.IN
    assert ward.compliance.watched[THERMOMETER.id].rule.high == 28
    assert not ward.compliance.update(after(2), ward.catalog, ward.readings.get, [])


def test_a_new_catalog_forgets_neither_that_the_room_is_empty_nor_when_its_limits_began():
    ward = Ward()
    ward.empty = {WARD.id}
    ward.now(THERMOMETER, 26.0).standing(0)
    ward.catalog = Catalog.of([device("ward")], (THERMOMETER, HYGROMETER), [WARD])
    assert ward.standing(1).standing is Standing.IN
    ward.catalog = Catalog.of([device("ward")], (THERMOMETER, HYGROMETER), [WARD])
    ward.empty = set()
    assert ward.standing(9000).since == after(9000)


def test_the_beds_of_other_rooms_change_nothing():
    watchman = Watchman().now(TEMPERATURE, 25.1)
    watchman.compliance = Compliance(PROFILES, lambda: {space.id for space in SPACES})
    assert watchman.at(0)["OR-3"].standing is Standing.OUT
