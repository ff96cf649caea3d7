"""What a site makes looser than it is shipped holds once two different people have agreed to exactly that."""

import sqlite3
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from watched_site import point

from facility.consents import Consent, Consents, load, stored
from facility.database import StateUnavailable, open_state
from facility.profiles import Profiles, shipped
from facility.profiles.files import merged
from facility.profiles.looser import ENERGY, steps, without
from facility.profiles.looser_commands import EVERY_CLASS, WHO
from facility.profiles.model import ORDER
from facility.profiles.provenance import cited
from facility.relaxations import Gate, of_step
from points.model import Access, PointId, Safety, Space, SpaceId
from points.site_rules import STRICTNESS, PointRule, SpaceRule

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SHIPPED = shipped()
PROFILES = Profiles.load()
OR = Space(id=SpaceId("or-3"), name="OR-3", type="operating_room")
CANTEEN = """
[canteen]
name = "Canteen"
group = "Support & offices"
critical = false
energy_measures = "allowed"
deadline_s = 300
[canteen.limits]
zone-temperature = { low = 15, unit = "degrees-celsius", delay_s = 60, severity = "LOW" }
"""
FEW = settings(max_examples=40, deadline=None)


def keys(text: str) -> list[str]:
    """Of what a site's file makes looser."""
    return [of_step(step).key for step in steps(SHIPPED, tomllib.loads(text))]


def in_force(site, agreed=frozenset()) -> Profiles:
    left_out = [step for step in steps(SHIPPED, site) if of_step(step).key not in agreed]
    return Profiles.of_tables(without(SHIPPED, site, left_out), lambda _key: Path("site.toml"))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[operating_room.limits]\nroom-pressure = { low = 1.0 }", "limits.room-pressure.low 2.5 -> 1"),
        ("[operating_room.limits]\nzone-temperature = { high = 24.5 }", "limits.zone-temperature.high 24 -> 24.5"),
        ("[operating_room.limits]\nroom-pressure = { delay_s = 121 }", "limits.room-pressure.delay_s 120 -> 121"),
        ("[operating_room.limits]\nroom-pressure = { severity = 'LOW' }", "limits.room-pressure.severity CRIT -> LOW"),
        ("[operating_room.limits]\nroom-pressure = { needed = false }", "limits.room-pressure.needed true -> false"),
        ("[operating_room.limits]\nroom-pressure = { sane = 1 }", "limits.room-pressure.sane 60 -> 1"),
        ("[operating_room.limits]\nhumidity = { deadband = 1 }", "limits.humidity.deadband 4 -> 1"),
        ("[operating_room.limits]\nhumidity = { sane = 1 }", "limits.humidity.sane none -> 1"),
        (
            "[operating_room.limits]\nroom-pressure = { not_named = ['or'] }",
            "limits.room-pressure.not_named [] -> [or]",
        ),
        (
            "[operating_room.limits]\nroom-pressure = { low = 0.004, unit = 'inches-of-water', sane = 0.2408777 }",
            "limits.room-pressure.low 2.5 pascals -> 0.004 inches-of-water",
        ),
        ("[operating_room]\ncritical = false", "critical true -> false"),
        ("[operating_room]\ndeadline_s = 20", "deadline_s 15 -> 20"),
        ("[operating_room]\nenergy_measures = 'allowed'", "energy_measures conditional -> allowed"),
        ("[operating_room.commands]\nmode = { who = 'policy' }", "commands.mode.who engineer -> policy"),
        ("[operating_room.commands]\nrequest = { who = 'policy' }", "commands.request.who operator -> policy"),
        ("[operating_room.commands]\ndamper = { who = 'operator' }", "commands.damper.who nobody -> operator"),
        ("[operating_room.commands]\ndefault = { spacing_s = 1 }", "commands.default.spacing_s 60 -> 1"),
        (
            "[operating_room.commands]\nairflow-setpoint = { ramp_percent_per_minute = 26 }",
            "commands.airflow-setpoint.ramp_percent_per_minute 25 -> 26",
        ),
        ("[operating_room.turndown]\nvacant_minutes = 19", "turndown.vacant_minutes 20 -> 19"),
        ("[operating_room.turndown]\nhold_margin = 1.1", "turndown.hold_margin 1.2 -> 1.1"),
        ("[operating_room.turndown]\nair_changes = 5", "turndown.air_changes 6 -> 5"),
        ("[operating_room.turndown]\nfull_air_changes = 25", "turndown.full_air_changes 20 -> 25"),
    ],
)
def test_each_way_to_be_looser_is_a_relaxation_of_its_own(text, key):
    assert keys(text) == [f"profile operating_room.{key}"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[actuators.start-stop-command]\nminimum_off_s = 60", "actuators.start-stop-command.minimum_off_s 300 -> 60"),
        ("[actuators.start-stop-command]\nper_hour = 12", "actuators.start-stop-command.per_hour 6 -> 12"),
        ("[actuators.request]\nwho = 'policy'", "actuators.request.who operator -> policy"),
        ("[ups]\nalarm_severity = 'LOW'", "ups.alarm_severity CRIT -> LOW"),
        ("[aii_isolation]\npressure = 'positive'", "aii_isolation.pressure negative -> positive"),
        (
            "[blood_bank_refrigerator.states]\ndoor = { delay_s = 600 }",
            "blood_bank_refrigerator.states.door.delay_s 180 -> 600",
        ),
        (
            "[blood_bank_refrigerator.states]\ndoor = { name_words = ['alarm'] }",
            "blood_bank_refrigerator.states.door.name_words [] -> [alarm]",
        ),
    ],
)
def test_actuators_and_equipment_too(text, key):
    assert keys(text)[-1] == f"profile {key}"


@pytest.mark.parametrize(
    ("text", "keys_"),
    [
        ("free_minutes = 10", ["profile patient_room.vacated.free_minutes 20 -> 10"]),
        ("low_c = 16", ["profile patient_room.vacated.low_c 18 -> 16"]),
        ("high_c = 30", ["profile patient_room.vacated.high_c 28 -> 30"]),
        ("humidity_percent = 65", ["profile patient_room.vacated.humidity_percent 60 -> 65"]),
        ("free_minutes = 60\nlow_c = 19\nhigh_c = 26\nhumidity_percent = 50", []),
    ],
)
def test_an_empty_patient_room_on_easier_terms_needs_two_people(text, keys_):
    assert keys(f"[patient_room.vacated]\n{text}") == keys_
    assert keys("[patient_room]\nvacated = false") == []


def test_turndown_where_there_is_none_and_commands_when_the_room_is_left_need_two_people():
    turndown = "vacant_minutes = 20\nenter_margin = 2\nhold_margin = 2\ndoor_open_s = 30\nair_changes = 6"
    own = f"[trauma_room]\nenergy_measures = 'conditional'\n[trauma_room.turndown]\n{turndown}\nfull_air_changes = 15"
    energy, added = keys(own)
    assert energy == "profile trauma_room.energy_measures never -> conditional"
    assert added.startswith("profile trauma_room.turndown none -> {vacant_minutes 20, ")
    protect = '[[operating_room.protect]]\npoint_class = "airflow-setpoint"\nvalue = 667\npath = "supply"\n'
    assert keys(protect)[0].startswith("profile operating_room.protect [] -> [{")


def test_a_type_of_the_site_s_own_may_not_command_by_itself_without_consent():
    text = CANTEEN + '[[canteen.protect]]\npoint_class = "start-stop-command"\nvalue = false\n'
    (key,) = keys(text)
    assert key.startswith("profile canteen.protect [] -> [{")
    assert in_force(tomllib.loads(text)).of("canteen").protect == []
    assert len(in_force(tomllib.loads(text), {key}).of("canteen").protect) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[operating_room]\ndeadline_s = 10\nverified_by = 'Ann'\nname = 'Theatre'",
        "[operating_room]\nturndown = false",
        "[operating_room]\nenergy_measures = 'never'\nturndown = false",
        "[operating_room.limits]\nroom-pressure = { low = 5, delay_s = 60, severity = 'LIFE' }",
        "[operating_room.limits]\nco2 = { high = 1000, unit = 'parts-per-million', delay_s = 60, severity = 'LOW' }",
        "[operating_room.commands]\nairflow-setpoint = { who = 'nobody', ramp_percent_per_minute = 10 }",
        "[lobby]\ncritical = true\nenergy_measures = 'never'",
        "[actuators.start-stop-command]\nminimum_on_s = 600\nper_hour = 3",
        CANTEEN,
    ],
)
def test_to_be_stricter_needs_nobody(text):
    site = tomllib.loads(text)
    assert keys(text) == []
    assert without(SHIPPED, site, []) == cited(merged(SHIPPED, site), SHIPPED, site)


def test_the_tightened_side_of_a_limit_holds_while_the_looser_one_waits():
    site = tomllib.loads("[operating_room.limits]\nzone-temperature = { low = 21, high = 30 }")
    limit = in_force(site).of("operating_room").limits["zone-temperature"]
    assert (limit.low, limit.high) == (21, 24)


def test_a_value_that_waits_stands_in_the_unit_of_the_site():
    site = tomllib.loads(
        "[operating_room.limits]\nzone-temperature = { low = 60, high = 80, unit = 'degrees-fahrenheit' }"
    )
    limit = in_force(site).of("operating_room").limits["zone-temperature"]
    assert (limit.low, limit.high) == (pytest.approx(68), pytest.approx(75.2))


def test_a_unit_that_measures_something_else_leaves_the_shipped_limit():
    site = tomllib.loads("[operating_room.limits]\nroom-pressure = { unit = 'percent' }")
    assert in_force(site).of("operating_room") == PROFILES.of("operating_room")


def test_values_that_contradict_what_stands_in_place_of_one_that_waits_fall_back_together():
    site = tomllib.loads("[pharmacy_hd_800.limits]\nroom-pressure = { low = -2, high = -1 }")
    (key,) = keys("[pharmacy_hd_800.limits]\nroom-pressure = { low = -2, high = -1 }")
    assert key.endswith("high -2.5 -> -1")
    assert in_force(site).of("pharmacy_hd_800") == PROFILES.of("pharmacy_hd_800")
    assert in_force(site, {key}).of("pharmacy_hd_800").limits["room-pressure"].low == -2


def test_turndown_without_consent_to_the_energy_measure_that_it_needs_is_no_turndown():
    text = (
        "[trauma_room]\nenergy_measures = 'conditional'\ndeadline_s = 10\n[trauma_room.turndown]\nvacant_minutes = 20\n"
        "enter_margin = 2\nhold_margin = 2\ndoor_open_s = 30\nair_changes = 6\nfull_air_changes = 15"
    )
    energy, turndown = keys(text)
    site = tomllib.loads(text)
    trauma = in_force(site, {turndown}).of("trauma_room")
    assert (trauma.turndown, trauma.energy_measures, trauma.deadline_s) == (None, "never", 10)
    assert in_force(site, {energy, turndown}).of("trauma_room").turndown is not None


def test_who_verified_a_value_that_waits_did_not_verify_the_one_in_its_place():
    text = "[operating_room.limits]\nroom-pressure = { low = 1, verified_by = 'Ann', source = 'our report' }"
    site = tomllib.loads(text)
    room = point("or-3/dp", "room-pressure", "pascals", space="or-3")
    waits, holds = in_force(site).limits(room, OR), in_force(site, set(keys(text))).limits(room, OR)
    assert (waits.low, waits.verified_by) == (2.5, "")
    assert "ASHRAE" in waits.source
    assert (holds.low, holds.verified_by) == (1, "")  # Ann verified this number, not its unit and its delay
    assert holds.source.startswith("low: our report (verified by Ann); the rest: ASHRAE 170")


def test_a_number_of_the_site_is_not_said_to_be_from_the_standard(tmp_path):
    file = tmp_path / "own.toml"
    file.write_text("[operating_room.limits]\nroom-pressure = { low = 8 }")
    room = point("or-3/dp", "room-pressure", "pascals", space="or-3")
    assert Profiles.load(file).limits(room, OR).source.startswith("low: the site's own profile; the rest: ASHRAE 170")
    assert "ASHRAE" in Profiles.load(file).limits(point("or-3/t", "zone-temperature", "degrees-celsius"), OR).source


# What a site could write, in rooms of all sorts.
ROOMS = ("operating_room", "aii_isolation", "pharmacy_hd_800", "patient_room", "lobby", "cath_lab")
NUMBERS = st.sampled_from([-9, -5, -2.5, -1, 0.5, 1, 2.5, 5, 18, 20, 20.5, 23, 24, 26, 30, 55, 60, 70])
POSITIVE = st.integers(1, 3000)
SEVERITIES = st.sampled_from([severity.value for severity in ORDER])
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "low": NUMBERS,
        "high": NUMBERS,
        "deadband": st.integers(0, 9),
        "sane": POSITIVE,
        "delay_s": POSITIVE,
        "severity": SEVERITIES,
        "needed": st.booleans(),
        "not_named": st.lists(st.sampled_from(["or", "supply"]), unique=True),
        "unit": st.sampled_from(["pascals", "degrees-celsius", "degrees-fahrenheit", "percent"]),
    },
)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "who": st.sampled_from(WHO),
        "ramp_percent_per_minute": st.integers(1, 100),
        "per_hour": st.integers(1, 60),
        "spacing_s": st.integers(0, 120),
        "minimum_on_s": st.integers(0, 600),
        "minimum_off_s": st.integers(0, 600),
    },
)
COMMANDS = st.dictionaries(
    st.sampled_from(["default", "air-valve", "damper", "airflow-setpoint", "mode", "request", "valve"]), RULES
)
TURNDOWN = st.fixed_dictionaries(
    {
        "vacant_minutes": st.integers(1, 60),
        "enter_margin": st.sampled_from([1.0, 1.3, 1.5, 3.0]),
        "hold_margin": st.sampled_from([1.0, 1.2, 2.0]),
        "door_open_s": st.integers(1, 120),
        "air_changes": st.integers(1, 20),
        "full_air_changes": st.integers(10, 30),
    }
)
PROFILE = st.fixed_dictionaries(
    {},
    optional={
        "critical": st.booleans(),
        "energy_measures": st.sampled_from(ENERGY),
        "deadline_s": st.integers(1, 3600),
        "pressure": st.sampled_from(["positive", "negative", "none"]),
        "limits": st.dictionaries(st.sampled_from(["room-pressure", "zone-temperature", "humidity"]), LIMITS),
        "commands": COMMANDS,
        "turndown": st.one_of(st.just(False), TURNDOWN),
    },
)
CLINICAL = ROOMS[:3]  # rooms with limits of all three
LIMITED = st.dictionaries(st.sampled_from(["room-pressure", "zone-temperature"]), LIMITS, min_size=1)
SITES = st.one_of(
    st.dictionaries(st.sampled_from(CLINICAL), st.fixed_dictionaries({"limits": LIMITED}), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(ROOMS), PROFILE, min_size=1, max_size=2),
    st.fixed_dictionaries(
        {"actuators": st.dictionaries(st.sampled_from(["damper", "mode", "start-stop-command"]), RULES, min_size=1)}
    ),
)
SMALL = {key: SHIPPED[key] for key in (*ROOMS, "actuators")}


def usable(site) -> Profiles | None:
    """The site's file as it stands; None if it is refused."""
    try:
        return Profiles.of_tables(cited(merged(SMALL, site), SMALL, site), lambda _key: Path("site.toml"))
    except Exception:  # noqa: BLE001 - whatever it is, such a file is refused at the start
        return None


def points_of_every_class():
    for key in EVERY_CLASS:
        point_class, label = ("valve", "EXH VLV") if key == "air-valve" else (key, "thing")
        yield point("x/y", point_class, "", label=label)


def freedom(rule):
    return (
        WHO.index(rule.who),
        float("inf") if rule.ramp_per_minute is None else rule.ramp_per_minute,
        float("inf") if rule.per_hour is None else rule.per_hour,
        -rule.spacing_s,
        -rule.minimum_on_s,
        -rule.minimum_off_s,
    )


def must_not_be_looser(profiles: Profiles, than: Profiles) -> None:
    for room_type in ROOMS:
        room = Space(id=SpaceId("r"), name="R", type=room_type)
        old, new = than.of(room_type), profiles.of(room_type)
        assert new.critical >= old.critical
        assert ENERGY.index(new.energy_measures) <= ENERGY.index(old.energy_measures)
        assert new.deadline_s <= old.deadline_s
        assert old.pressure in ("none", new.pressure)
        for each in points_of_every_class():
            allowed, before = freedom(profiles.command_rule(each, room)), freedom(than.command_rule(each, room))
            assert all(now <= was for now, was in zip(allowed, before, strict=True)), each.point_class
        for point_class, unit in (
            ("room-pressure", "pascals"),
            ("zone-temperature", "degrees-celsius"),
            ("humidity", "percent-relative-humidity"),
        ):
            each = point("x/y", point_class, unit, label="or supply")
            was, now = than.limits(each, room), profiles.limits(each, room)
            if was is None:
                continue
            assert now is not None
            assert now.delay_s <= was.delay_s
            assert ORDER.index(now.severity) <= ORDER.index(was.severity)
            assert now.needed >= was.needed
            if was.low is not None:
                assert now.low >= was.low - 1e-9
            if was.high is not None:
                assert now.high <= was.high + 1e-9
        was, now = than.of(room_type).turndown, profiles.of(room_type).turndown
        if now is not None:
            assert was is not None
            assert (now.vacant_minutes, now.enter_margin, now.hold_margin) >= (was.vacant_minutes, 0, 0)
            assert now.enter_margin >= was.enter_margin
            assert now.hold_margin >= was.hold_margin
            assert now.door_open_s <= was.door_open_s
            assert now.air_changes / now.full_air_changes >= was.air_changes / was.full_air_changes


def of_tables(site, left_out) -> Profiles:
    return Profiles.of_tables(without(SMALL, site, left_out), lambda _key: Path("site.toml"))


@FEW
@given(site=SITES)
def test_no_file_of_a_site_is_looser_than_what_is_shipped_without_consent(site):
    if usable(site) is not None:
        shipped_profiles = Profiles.of_tables(SMALL, lambda _key: Path("shipped"))
        must_not_be_looser(of_tables(site, steps(SMALL, site)), than=shipped_profiles)


@FEW
@given(site=SITES)
def test_with_consent_to_all_of_it_it_is_exactly_the_site_s(site):
    wanted = usable(site)
    if wanted is not None:
        profiles = of_tables(site, [])
        assert {room: profiles.of(room) for room in ROOMS} == {room: wanted.of(room) for room in ROOMS}


@FEW
@given(site=SITES, data=st.data())
def test_whatever_was_agreed_to_the_profiles_stay_usable(site, data):
    if usable(site) is not None:
        found = steps(SMALL, site)
        assert of_tables(site, [step for step in found if data.draw(st.booleans())])


# Of points and spaces.


def shaped(points, rules=(), spaces=(), known=(), agreed=()):
    gate = Gate(PROFILES, frozenset(agreed).__contains__)
    after, named = gate.apply(points, rules, spaces, known)
    return {each.id: each for each in after}, {each.id: each for each in named}, [each.key for each in gate.found]


THING = point("ahu-1/x", "damper", "percent", safety=Safety.UNKNOWN, commandable=True, label="XQZ")
DP = point("or-3/dp", "room-pressure", "pascals", safety=Safety.CRITICAL, space="or-3")
DP_SETPOINT = point(
    "or-3/dp-sp", "room-pressure-setpoint", "pascals", safety=Safety.CRITICAL, commandable=True, space="or-3"
)


@pytest.mark.parametrize("safety", [Safety.UNKNOWN, Safety.MEDICAL, Safety.LIFE_SAFETY])
def test_a_point_that_is_monitored_only_stays_so_until_two_people_agree_that_it_is_harmless(safety):
    locked = replace(THING, safety=safety)
    rule = PointRule(match="ahu-1/*", safety=Safety.COMFORT, name="Relief damper")
    key = f"point ahu-1/x safety {safety} -> comfort"
    points, _, found = shaped([locked], [rule])
    assert found == [key]
    assert (points["ahu-1/x"].access, points["ahu-1/x"].name) == (Access.MONITOR_ONLY, "Relief damper")
    points, _, _ = shaped([locked], [rule], agreed=[key])
    assert points["ahu-1/x"].access is Access.COMMANDABLE


def test_a_point_that_a_rule_comes_to_select_later_needs_two_people_of_its_own():
    rule = PointRule(match="ahu-*/*", safety=Safety.COMFORT)
    key = "point ahu-1/x safety unknown -> comfort"
    other = replace(THING, id=PointId("ahu-2/x"))
    points, _, found = shaped([THING, other], [rule], agreed=[key])
    assert points["ahu-1/x"].safety is Safety.COMFORT
    assert points["ahu-2/x"].safety is Safety.UNKNOWN
    assert found == [key, "point ahu-2/x safety unknown -> comfort"]


def test_consent_to_one_step_down_is_none_to_the_next():
    rule = PointRule(match="*", safety=Safety.COMFORT)
    points, _, _ = shaped(
        [replace(THING, safety=Safety.MEDICAL)], [rule], agreed=["point ahu-1/x safety unknown -> comfort"]
    )
    assert points["ahu-1/x"].safety is Safety.MEDICAL


def test_what_the_site_s_own_space_made_strict_its_rule_makes_loose_with_consent_only():
    theatre = SpaceRule(id="or-3", name="OR-3", type="operating_room", match=["ahu-1/*"])
    harmless = replace(THING, safety=Safety.COMFORT)
    points, _, found = shaped([harmless], [PointRule(match="*", safety=Safety.COMFORT)], [theatre])
    assert found == ["point ahu-1/x safety critical -> comfort"]
    assert points["ahu-1/x"].safety is Safety.CRITICAL


@pytest.mark.parametrize("new_type", ["admin_office", "procedure_room", "no_such_profile"])
def test_an_operating_room_does_not_become_another_room_by_one_person_s_word(new_type):
    rule = SpaceRule(id="or-3", name="Theatre 3", type=new_type)
    key = f"space or-3 type operating_room -> {new_type}"
    _, spaces, found = shaped([DP], [], [rule], [OR])
    assert found == [key]
    assert spaces["or-3"] == Space(id=OR.id, name="Theatre 3", type="operating_room")
    _, spaces, _ = shaped([DP], [], [rule], [OR], agreed=[key])
    assert spaces["or-3"].type == new_type


def test_a_room_that_was_not_known_or_is_less_critical_is_what_the_site_says():
    unknown = Space(id=SpaceId("r-1"), name="R1")
    office = Space(id=SpaceId("o-1"), name="O1", type="admin_office")
    rules = [SpaceRule(id="r-1", name="R1", type="lobby"), SpaceRule(id="o-1", name="O1", type="operating_room")]
    assert shaped([], [], rules, [unknown, office])[2] == []


def test_a_point_leaves_a_critical_room_with_consent_only():
    lobby = SpaceRule(id="lobby", name="Lobby", type="lobby", match=["or-3/*"])
    key = "point or-3/dp space or-3 -> lobby"
    points, _, found = shaped([DP], [], [lobby], [OR])
    assert (points["or-3/dp"].space, found) == ("or-3", [key])
    assert shaped([DP], [], [lobby], [OR], agreed=[key])[0]["or-3/dp"].space == "lobby"


AIR_HANDLER = (
    "[ahu]\nname = 'Air handler'\ngroup = 'Support & offices'\ncritical = false\nenergy_measures = 'allowed'\n"
    "deadline_s = 60\nalarm_severity = 'HIGH'\n[ahu.commands]\ndefault = { who = 'policy' }\n"
)


def test_a_profile_of_air_handlers_takes_them_out_of_the_rules_for_plant_with_consent_only():
    fan = replace(point("ahu-4/sf-c", "start-stop-command", safety=Safety.CRITICAL), equipment_type="ahu")
    (key,) = keys(AIR_HANDLER)
    assert key.startswith("profile ahu none -> {")
    waits, holds = in_force(tomllib.loads(AIR_HANDLER)), in_force(tomllib.loads(AIR_HANDLER), {key})
    assert (waits.of("ahu"), waits.command_rule(fan, None).who) == (None, "two-people")
    assert holds.command_rule(fan, None).who == "policy"


def test_a_fan_of_an_air_handler_goes_into_a_room_where_one_person_may_command_it_with_consent_only():
    command = point("ahu-4/sf-c", "start-stop-command", safety=Safety.CRITICAL, commandable=True)
    fan = replace(command, equipment_type="ahu")
    ward = Space(id=SpaceId("301"), name="301", type="patient_room")
    rule, key = [PointRule(match="ahu-4/*", space="301")], "point ahu-4/sf-c space none -> 301"
    points, _, found = shaped([fan], rule, [], [ward])
    assert (points["ahu-4/sf-c"].space, found) == (None, [key])
    assert shaped([fan], rule, [], [ward], [key])[0]["ahu-4/sf-c"].space == "301"
    box = replace(fan, equipment_type="vav")  # a room's own
    assert shaped([box], rule, [], [ward])[0]["ahu-4/sf-c"].space == "301"
    assert shaped([fan], [PointRule(match="*", space="or-3")], [], [OR])[2] == []  # stricter there


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[plant.fan-speed]\nwho = 'engineer'", ["profile plant.fan-speed.who two-people -> engineer"]),
        ("[plant.default]\nwho = 'operator'", ["profile plant.default.who engineer -> operator"]),
        ("[plant.valve]\nwho = 'operator'", ["profile plant.valve.who engineer -> operator"]),
        ("[plant.valve]\nramp_percent_per_minute = 80", ["profile plant.valve.ramp_percent_per_minute 25 -> 80"]),
        ("[plant.default]\nwho = 'two-people'\n[plant.fan-speed]\nwho = 'nobody'", []),
    ],
)
def test_what_the_site_says_of_plant_is_compared_like_the_rules_of_a_room(text, expected):
    assert keys(text) == expected
    if not expected:
        return
    fan = point("ahu-4/x", "valve" if "valve" in text else "fan-speed", safety=Safety.CRITICAL)
    assert in_force(tomllib.loads(text)).command_rule(fan, None).who == PROFILES.command_rule(fan, None).who


@pytest.mark.parametrize("point_class", ["occupancy", "door", "alarm", "airflow-setpoint", "unknown"])
def test_nor_does_it_go_to_another_room_of_the_same_type(point_class):
    moved = point("or-3/x", point_class, safety=Safety.CRITICAL, space="or-3")
    other = Space(id=SpaceId("or-4"), name="OR-4", type="operating_room")
    rule = PointRule(match="or-3/x", space="or-4")
    points, _, found = shaped([moved], [rule], [], [OR, other])
    assert (points["or-3/x"].space, found) == ("or-3", ["point or-3/x space or-3 -> or-4"])
    assert shaped([moved], [rule], [], [OR, other], found)[0]["or-3/x"].space == "or-4"


def test_a_point_that_nobody_understood_becomes_a_witness_of_an_empty_room_with_consent_only():
    spare = replace(DP, id=PointId("or-3/spare"), point_class="unknown")
    points, _, found = shaped([spare], [PointRule(match="*", point_class="occupancy")], [], [OR])
    assert (points["or-3/spare"].point_class, found) == ("unknown", ["point or-3/spare class unknown -> occupancy"])
    points, _, found = shaped([spare], [PointRule(match="*", point_class="room-pressure")], [], [OR])
    assert (points["or-3/spare"].point_class, found) == ("room-pressure", [])  # to watch more is stricter


def test_a_point_s_own_limits_and_deadline_are_wider_than_the_profile_s_with_consent_only():
    rule = PointRule(match="*", limit_low=1.0, limit_high=30.0, deadline_s=60.0)
    points, _, found = shaped([DP], [rule], [], [OR])
    assert found == ["point or-3/dp limit-low 2.5 -> 1", "point or-3/dp deadline 15 -> 60"]
    assert (points["or-3/dp"].site_low, points["or-3/dp"].site_high, points["or-3/dp"].deadline_s) == (None, 30.0, None)
    points, _, _ = shaped([DP], [rule], [], [OR], agreed=found)
    assert (points["or-3/dp"].site_low, points["or-3/dp"].deadline_s) == (1.0, 60.0)


def test_a_setpoint_s_limits_count_against_those_of_what_it_sets():
    _, _, found = shaped([DP_SETPOINT], [PointRule(match="*", limit_low=0.0)], [], [OR])
    assert found == ["point or-3/dp-sp limit-low 2.5 -> 0"]
    points, _, _ = shaped([DP_SETPOINT], [PointRule(match="*", limit_high=9.0)], [], [OR])
    limit = PROFILES.command_limits(points["or-3/dp-sp"], OR)
    assert (limit.low, limit.high) == (2.5, 9.0)  # the side of which the site says nothing stays


def test_the_class_of_a_point_in_a_critical_room_changes_with_consent_only():
    points, _, found = shaped([DP_SETPOINT], [PointRule(match="*", point_class="request")], [], [OR])
    assert found == ["point or-3/dp-sp class room-pressure-setpoint -> request"]
    assert points["or-3/dp-sp"].point_class == "room-pressure-setpoint"


def test_a_new_name_does_not_turn_an_exhaust_valve_into_a_heater():
    exhaust = point(
        "or-3/v", "valve", "percent", label="exhaust valve", commandable=True, safety=Safety.CRITICAL, space="or-3"
    )
    points, _, found = shaped([exhaust], [PointRule(match="*", name="reheat valve")], [], [OR])
    assert found == ["point or-3/v name exhaust valve -> reheat valve"]
    assert PROFILES.command_rule(points["or-3/v"], OR).who == "nobody"
    assert shaped([exhaust], [PointRule(match="*", name="exhaust air valve")], [], [OR])[2] == []


@given(
    before=st.sampled_from(Safety),
    said=st.sampled_from([None, *Safety]),
    point_class=st.sampled_from([None, "damper", "medical-gas-pressure", "request"]),
    space_type=st.sampled_from(["operating_room", "lobby", "patient_room"]),
    low=st.sampled_from([None, 0.0, 9.0]),
)
def test_no_rule_of_a_site_unlocks_a_point_or_widens_its_limits_without_consent(
    before, said, point_class, space_type, low
):
    judged = replace(DP_SETPOINT, safety=before)
    rule = PointRule(match="*", safety=said, point_class=point_class, limit_low=low)
    space = SpaceRule(id="or-3", name="X", type=space_type, match=["*"])
    points, spaces, _ = shaped([judged], [rule], [space], [OR])
    after = points["or-3/dp-sp"]
    assert judged.access is Access.COMMANDABLE or after.access is Access.MONITOR_ONLY
    assert STRICTNESS.index(after.safety) >= STRICTNESS.index(judged.safety)
    assert PROFILES.command_limits(after, spaces["or-3"]).low >= 2.5


# Of people.

LOW = "profile operating_room.limits.room-pressure.low 2.5 -> 1"


def consent(by, key=LOW):
    return Consent(relaxation=key, by=by, reason="seen", time=NOON)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text("[operating_room.limits]\nroom-pressure = { low = 1 }\n")
    return path


@pytest.fixture
def db(tmp_path):
    with open_state(tmp_path / "state") as opened:
        yield opened


async def test_two_different_people_make_it_hold_one_twice_does_not(file, db):
    consents = Consents(file)
    profiles = consents.profiles
    assert (profiles.limits(DP, OR).low, consents.waiting()) == (2.5, 1)
    await consents.give(db, [consent("user:ann")])
    await consents.give(db, [consent("user:ann")])
    assert (profiles.limits(DP, OR).low, consents.waiting()) == (2.5, 1)
    await consents.give(db, [consent("user:ben")])
    assert (profiles.limits(DP, OR).low, consents.waiting()) == (1, 0)  # the very profiles that others hold
    await consents.withdraw(db, [LOW])
    assert (profiles.limits(DP, OR).low, consents.waiting()) == (2.5, 1)
    assert await load(db) == []


async def test_consents_outlive_the_agent_and_hold_for_that_value_only(file, db, tmp_path):
    await Consents(file).give(db, [consent("user:ann"), consent("user:ben")])
    kept = await load(db)
    assert [each.by for each in kept] == ["user:ann", "user:ben"]
    assert sorted(stored(tmp_path / "state" / "state.db"), key=str) == sorted(kept, key=str)
    assert Consents(file, kept).profiles.limits(DP, OR).low == 1
    file.write_text("[operating_room.limits]\nroom-pressure = { low = 0.5 }\n")
    changed = Consents(file, kept)
    assert changed.profiles.limits(DP, OR).low == 2.5
    assert [standing.in_force for standing in changed.standing()] == [False]


async def test_a_consent_counts_as_long_as_its_person_may_agree(file, db):
    kept = [consent("user:ann"), consent("user:ben")]
    gone = Consents(file, kept, lambda by: by != "user:ann")
    (standing,) = gone.standing()
    assert (gone.profiles.limits(DP, OR).low, standing.in_force) == (2.5, False)
    assert [each.by for each in standing.consents] == ["user:ben"]
    assert [each.by for each in standing.lapsed] == ["user:ann"]
    await gone.give(db, [consent("user:cho")])
    assert gone.profiles.limits(DP, OR).low == 1


async def test_a_consent_that_cannot_be_stored_does_not_count(file, db):
    consents = Consents(file)
    db.run_now(lambda connection: connection.exec_driver_sql("DROP TABLE consents"))
    with pytest.raises(StateUnavailable):
        await consents.give(db, [consent("user:ann"), consent("user:ben")])
    assert consents.waiting() == 1


def test_a_state_file_of_an_older_agent_has_no_consents(tmp_path):
    assert stored(tmp_path / "nowhere.db") == []
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.execute("CREATE TABLE claims (point TEXT)")
    assert stored(tmp_path / "old.db") == []
