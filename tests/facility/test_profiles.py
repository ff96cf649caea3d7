import json
import tomllib
from dataclasses import replace

import pytest
from watched_site import OFFICE, OXYGEN, PANEL, PRESSURE, SPACES, TEMPERATURE, point

from facility.model import Severity
from facility.profiles import GROUPS, SHIPPED, Profiles, shipped
from facility.profiles import ProfileError as Trouble
from facility.profiles.airways import air_path, command_class
from facility.profiles.conversion import convert
from facility.profiles.files import merged
from facility.profiles.listing import entries
from facility.profiles.provenance import PROVENANCE, idle
from facility.simulation.critical_points import critical_rooms
from points.classify.classes import CLASSES
from points.model import Kind, Safety, Space, SpaceId

OR, AII, _, OXYGEN_ZONE, OFFICE_1 = SPACES


@pytest.fixture(scope="module")
def profiles() -> Profiles:
    return Profiles.load()


def test_every_type_of_the_domain_is_there(profiles):
    for room_type in ("operating_room", "aii_isolation", "pharmacy_hd_800", "patient_room", "admin_office", "ups"):
        assert profiles.of(room_type) is not None
    assert profiles.of("admin-office") is profiles.of("admin_office")
    assert profiles.of("unknown") is None


def test_every_limited_class_is_one_that_classification_gives(profiles):
    for room_type in profiles.types:
        profile = profiles.of(room_type)
        assert set(profile.limits) | set(profile.states) <= CLASSES, room_type
        assert profile.group in GROUPS


def test_every_number_says_where_it_is_from_and_none_claims_to_be_verified(profiles):
    for room_type in profiles.types:
        profile = profiles.of(room_type)
        for limit in [*profile.limits.values(), *profile.states.values()]:
            assert limit.source or profile.source
            assert limit.edition or profile.edition
            assert not limit.verified_by
            assert not profile.verified_by


def test_critical_places_are_read_often_and_medical_equipment_saves_no_energy(profiles):
    for room_type in profiles.types:
        profile = profiles.of(room_type)
        if profile.critical:
            assert 10 <= profile.deadline_s <= 30, room_type
            assert profile.energy_measures != "allowed", room_type
        if profile.group in ("Cold storage", "Medical gas & power"):
            assert profile.energy_measures == "never", room_type


def test_a_limit_comes_in_the_unit_of_the_point(profiles):
    oxygen = profiles.limits(OXYGEN, OXYGEN_ZONE)
    assert oxygen.low == pytest.approx(275.79, abs=0.01)
    assert oxygen.high == pytest.approx(413.69, abs=0.01)
    assert oxygen.severity is Severity.LIFE
    office = profiles.limits(OFFICE, OFFICE_1)
    assert (office.low, office.high) == (pytest.approx(55.4), pytest.approx(89.6))
    assert office.deadband == pytest.approx(0.9)


@pytest.mark.parametrize("unit", ["volts", "", "no-such-unit"])
def test_a_unit_that_measures_something_else_has_no_limit(profiles, unit):
    assert profiles.limits(point("a/b", "zone-temperature", unit), OFFICE_1) is None


def test_signs_of_pressure(profiles):
    assert profiles.limits(PRESSURE, OR).low == 2.5
    assert profiles.limits(PRESSURE, OR).high is None
    assert profiles.limits(PRESSURE, OR).deadband == pytest.approx(0.5)  # 20 % of the limit
    assert profiles.limits(PRESSURE, AII).high == -2.5
    hazardous = profiles.limits(PRESSURE, Space(id=SpaceId("x"), name="x", type="pharmacy_hd_800"))
    assert hazardous.excess(-8.0)
    assert hazardous.excess(-2.0)
    assert not hazardous.excess(-5.0)


def test_vacuum_may_be_written_with_either_sign(profiles):
    zone = Space(id=SpaceId("v"), name="v", type="medical_gas_vacuum")
    limit = profiles.limits(point("v/p", "medical-gas-pressure", "inches-of-mercury"), zone)
    assert [limit.excess(value) for value in (20.0, -20.0, 10.0, -10.0)] == [False, False, True, True]


def test_equipment_speaks_before_the_room_it_stands_in(profiles):
    fridge = point("f/t", "refrigerator-temperature", "degrees-celsius", equipment_type="vaccine-refrigerator")
    limit = profiles.limits(fridge, OR)
    assert (limit.low, limit.high) == (2, 8)
    assert profiles.deadline(fridge, OR) == 30
    assert profiles.is_critical(fridge, None)


def test_the_limit_of_supply_water_is_not_that_of_its_return(profiles):
    chiller = Space(id=SpaceId("mri"), name="MRI chiller", type="mri_chiller")
    supply = point("mri/chws-t", "water-temperature", "degrees-celsius", description="Cooling water supply temperature")
    back = point("mri/chwr-t", "water-temperature", "degrees-celsius", description="Cooling water return temperature")
    assert profiles.limits(supply, chiller).high == 24.0
    assert profiles.limits(back, chiller) is None


@pytest.mark.parametrize("name", ["MRI.CHWR-T", "CWR temp", "Entering water"])
def test_return_water_is_known_by_its_abbreviation(profiles, name):
    chiller = Space(id=SpaceId("mri"), name="MRI chiller", type="mri_chiller")
    assert profiles.limits(point("mri/x", "water-temperature", "degrees-celsius", label=name), chiller) is None


def test_a_setpoint_may_be_commanded_only_where_what_it_sets_may_be(profiles):
    setpoint = point("or-3/dp-sp", "room-pressure-setpoint", "pascals", space="or-3")
    assert profiles.limits(setpoint, OR) is None  # it is not judged
    assert (profiles.command_limits(setpoint, OR).low, profiles.command_limits(setpoint, AII).high) == (2.5, -2.5)
    inches = profiles.command_limits(point("or-3/dp-sp", "room-pressure-setpoint", "inches-of-water"), OR)
    assert inches.low == pytest.approx(0.01, abs=0.0001)
    humidity = profiles.command_limits(point("or-3/rh-sp", "humidity-setpoint", "percent-relative-humidity"), OR)
    assert (humidity.low, humidity.high) == (20, 60)
    assert profiles.command_limits(TEMPERATURE, OR) == profiles.limits(TEMPERATURE, OR)
    assert profiles.command_limits(setpoint, None) is None


@pytest.mark.parametrize("point_class", ["temperature-setpoint", "heating-setpoint", "cooling-setpoint"])
def test_temperature_setpoints_are_limited_where_a_wrong_value_harms(profiles, point_class):
    setpoint = point("a/sp", point_class, "degrees-celsius")
    assert (profiles.command_limits(setpoint, OR).low, profiles.command_limits(setpoint, OR).high) == (20, 24)
    assert profiles.command_limits(setpoint, OFFICE_1) is None


@pytest.mark.parametrize(
    ("own", "both"),
    [("low = -50\nhigh = 50", (2.5, 50)), ("low = 4\nhigh = 9", (4, 9)), ("low = 1", (2.5, None))],
)
def test_a_setpoints_own_limits_do_not_lead_out_of_those_of_what_it_sets(tmp_path, own, both):
    file = tmp_path / "own.toml"
    head = '[operating_room.limits.room-pressure-setpoint]\nunit = "pascals"\ndelay_s = 60\nseverity = "LOW"\n'
    file.write_text(f"{head}{own}\n")
    setpoint = point("or-3/sp", "room-pressure-setpoint", "pascals", commandable=True)
    theatre = Space(id=SpaceId("or-3"), name="OR-3", type="operating_room")
    limit = Profiles.load(file).command_limits(setpoint, theatre)
    assert (limit.low, limit.high) == both


def test_the_site_limits_the_command_of_a_setpoint_itself(profiles):
    setpoint = point("or-3/dp-sp", "room-pressure-setpoint", "pascals", space="or-3", site_low=5.0)
    assert profiles.command_limits(setpoint, OR).low == 5.0


def test_every_room_pressure_has_a_range_in_which_it_is_believed(profiles):
    for room_type in profiles.types:
        limit = profiles.of(room_type).limits.get("room-pressure")
        assert limit is None or limit.sane == 60, room_type


def test_deadlines(profiles):
    assert profiles.deadline(PRESSURE, OR) == 15
    assert profiles.deadline(PRESSURE, None) == 300
    assert profiles.deadline(replace(PRESSURE, deadline_s=7.0), OR) == 7.0


def test_the_site_may_limit_a_single_point(profiles):
    limit = profiles.limits(replace(PRESSURE, site_low=4.0), OR)
    assert (limit.low, limit.severity, limit.delay_s, limit.source) == (4.0, Severity.CRIT, 120, "site configuration")
    assert profiles.limits(replace(OFFICE, site_low=60.0, site_high=80.0), None).high == 80.0


@pytest.mark.parametrize(
    ("states", "abnormal"),
    [
        (("Normal", "Alarm"), {1}),
        (("Alarm", "Normal"), {0}),
        ((), {1}),
        (("Inactive", "Active"), {1}),
        (("OK", "Tripped"), {1}),
    ],
)
def test_which_side_of_a_contact_is_the_alarm(profiles, states, abnormal):
    panel = point("gas/alarm", "alarm", kind=Kind.BINARY, states=states, safety=Safety.MEDICAL)
    assert profiles.abnormal(panel, OXYGEN_ZONE).states == abnormal


def test_how_bad_an_alarm_point_is(profiles):
    assert profiles.abnormal(PANEL, OXYGEN_ZONE).severity is Severity.LIFE
    comfort = point("ahu/filter", "alarm", kind=Kind.BINARY, safety=Safety.COMFORT)
    assert profiles.abnormal(comfort, None).severity is Severity.LOW
    assert profiles.abnormal(point("x/y", "alarm"), None) is None  # an analog point has no states


def test_states_of_power_equipment(profiles):
    def abnormal(point_class, equipment, states=(), kind=Kind.BINARY, label="x"):
        found = profiles.abnormal(
            point("p/x", point_class, kind=kind, states=states, equipment_type=equipment, label=label), None
        )
        return set() if found is None else set(found.states)

    assert abnormal("mode", "generator", ("Auto", "Off", "Manual"), Kind.MULTISTATE) == {2, 3}
    assert abnormal("generator", "generator", ("No", "Yes"), label="GEN1 NotInAuto") == {1}
    assert abnormal("generator", "generator", ("Stopped", "Running")) == set()
    assert abnormal("power-transfer", "transfer-switch", ("Normal", "Emergency")) == {1}
    assert abnormal("power-transfer", "transfer-switch", ("Not available", "Available")) == set()
    assert abnormal("generator", "generator", ("Normal", "Alarm")) == {1}  # low fuel, by its states
    assert abnormal("status", "vav", ("Normal", "Alarm")) == set()
    assert abnormal("ups", "ups", ("Online", "On Battery", "Bypass"), Kind.MULTISTATE) == {2, 3}


def test_the_site_file_is_laid_over_key_by_key(tmp_path):
    site = tmp_path / "site.toml"
    site.write_text(
        '[operating_room.limits.zone-temperature]\nhigh = 22\nverified_by = "r. diaz"\n'
        '[hybrid_or]\nname = "Hybrid OR"\ngroup = "Operating & procedure"\ncritical = true\n'
        'energy_measures = "never"\ndeadline_s = 10\n'
        '[hybrid_or.limits]\nzone-temperature = { low = 18, high = 22, unit = "degrees-celsius", '
        'delay_s = 60, severity = "HIGH" }\n'
    )
    profiles = Profiles.load(site)
    temperature = point("a/b", "zone-temperature", "degrees-celsius")
    limit = profiles.limits(temperature, OR)
    assert (limit.low, limit.high, limit.verified_by) == (20, 22, "")  # the rest of it nobody has verified
    assert profiles.limits(PRESSURE, OR).low == 2.5
    assert profiles.of("hybrid_or").name == "Hybrid OR"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[operating_room]\ncritcal = true\n", r"site.toml: operating_room.critcal: unknown key"),
        ("[operating_room.limits.humidity]\nmaximum = 3\n", r"operating_room.limits.humidity.maximum: unknown key"),
        ("[operating_room.limits.humidity]\nlow = 90\n", r"`low` must be below `high`"),
        ('[operating_room]\ngroup = "Attic"\n', r"operating_room.group"),
        ("operating_room = 3\n", r"site.toml: operating_room"),
        ("[new_room]\nname = 'x'\n", r"new_room.group: Field required"),
        ("[broken\n", r"site.toml is not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_file_and_key(tmp_path, text, says):
    site = tmp_path / "site.toml"
    site.write_text(text)
    with pytest.raises(Trouble, match=says):
        Profiles.load(site)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Trouble, match=r"nowhere.toml cannot be read"):
        Profiles.load(tmp_path / "nowhere.toml")


def test_conversion():
    assert convert(50, "degrees-fahrenheit", "degrees-celsius") == pytest.approx(10)
    assert convert(5, "degrees-celsius", "degrees-fahrenheit", difference=True) == pytest.approx(9)
    assert convert(0.01, "inches-of-water", "pascals") == pytest.approx(2.49, abs=0.001)
    assert convert(1, "pascals", "degrees-celsius") is None
    assert convert(1, "hours", "minutes") == 60


ISOLATION = Space(id=SpaceId("aii"), name="AII-1", type="aii_isolation")


def valve(name, point_class="valve", description=""):
    return point("x/y", point_class, "percent", label=name, description=description)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("mercy/surgery/or_2/supply airflow setpoint", "supply"),
        ("mercy/surgery/or_2/exhaust air valve", "extract"),
        ("mercy/central_supply/room_4/exhaust airflow", "extract"),
        ("MC.AII-1:EXH FLOW STPT", "extract"),
        ("MC.AII-1:SUP AIR VOL", "supply"),
        ("OR3-RA-DMPR", "extract"),
        ("OR3.SaFlowSp", "supply"),
        ("mercy/surgery/or_2/reheat valve", None),
        ("supply to exhaust offset", None),
    ],
)
def test_the_way_of_the_air_is_read_from_the_end_of_the_name(name, way):
    assert air_path(valve(name)) == way


def test_without_a_word_in_the_name_the_description_says_which_way():
    assert air_path(valve("AV 06", description="Isolation room 1 exhaust airflow setpoint")) == "extract"


def test_a_reheat_valve_moves_no_air_even_if_it_sits_in_the_supply():
    assert command_class(valve("OR-2 supply air valve")) == "air-valve"
    assert command_class(valve("EXH DMPR", "damper")) == "air-valve"
    assert command_class(valve("OR-2 reheat valve", description="supply duct reheat valve")) == "valve"
    assert command_class(valve("supply airflow setpoint", "airflow-setpoint")) == "airflow-setpoint"


def test_in_an_operating_room_policies_move_air_by_its_setpoint_and_nothing_else(profiles):
    flow = profiles.command_rule(valve("supply airflow setpoint", "airflow-setpoint"), OR)
    assert (flow.who, flow.ramp_per_minute, flow.spacing_s) == ("policy", 25.0, 10.0)
    assert profiles.command_rule(valve("supply air valve"), OR).who == "nobody"
    assert profiles.command_rule(valve("reheat valve"), OR).who == "two-people"
    assert profiles.command_rule(valve("x", "room-pressure-setpoint"), OR).who == "two-people"
    assert profiles.command_rule(valve("x", "temperature-setpoint"), OR).who == "operator"


@pytest.mark.parametrize("point_class", ["airflow-setpoint", "mode", "room-pressure-setpoint", "fan-speed", "damper"])
def test_nobody_moves_the_air_of_an_isolation_room(profiles, point_class):
    assert profiles.command_rule(valve("exhaust thing", point_class), ISOLATION).who == "nobody"


def test_a_damper_of_unknown_direction_counts_as_one_that_moves_air(profiles):
    assert profiles.command_rule(valve("DMPR 1", "damper"), OR).who == "nobody"


def test_policies_have_no_say_in_critical_places_that_say_nothing_of_a_class(profiles):
    fridge = point("f/t", "mode", equipment_type="vaccine-refrigerator")
    assert profiles.command_rule(fridge, None).who == "operator"
    assert profiles.command_rule(valve("x", "request"), OR).who == "operator"
    assert profiles.command_rule(valve("x", "request"), OFFICE_1).who == "policy"
    assert profiles.command_rule(valve("x", "request"), None).who == "policy"


def test_a_fan_stays_on_or_off_for_five_minutes_wherever_it_is(profiles):
    rule = profiles.command_rule(valve("AHU-1 fan", "start-stop-command"), None)
    assert (rule.minimum_on_s, rule.minimum_off_s, rule.per_hour) == (300, 300, 6)
    assert "common practice" in rule.cited
    assert rule.cited.endswith("not verified at this site")


def test_a_rule_made_of_two_names_both_and_is_verified_only_if_both_are(profiles, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(
        '[actuators.airflow-setpoint]\nramp_percent_per_minute = 25\nspacing_s = 10\nverified_by = "Ann"\n'
        '[operating_room.commands.airflow-setpoint]\nwho = "policy"\nramp_percent_per_minute = 25\n'
        'source = "our balancing report"\nverified_by = "Ben"\n'
    )
    flow = valve("supply airflow setpoint", "airflow-setpoint")
    assert "; " in profiles.command_rule(flow, OR).source
    assert profiles.command_rule(flow, OR).verified_by == ""
    rule = Profiles.load(own).command_rule(flow, OR)
    assert rule.source.startswith("our balancing report; ASHRAE Guideline 36")
    assert rule.verified_by == "Ben, Ann"


def test_the_rules_of_a_critical_room(profiles):
    rules = profiles.room_rules(OR)
    assert rules.sign == 1
    assert (rules.turndown.vacant_s, rules.turndown.enter_margin, rules.turndown.hold_margin) == (1200, 1.5, 1.2)
    assert (rules.turndown.door_open_s, rules.turndown.lowest_share) == (0, pytest.approx(0.3))
    assert "note ff" in rules.turndown.cited
    assert rules.protect == ()
    assert profiles.room_rules(ISOLATION).sign == -1
    assert profiles.room_rules(ISOLATION).turndown is None
    assert profiles.room_rules(OFFICE_1) is None
    assert profiles.room_rules(None) is None


def test_the_sign_of_a_room_is_the_side_of_its_pressure_limit(profiles):
    for room_type in profiles.types:
        profile = profiles.of(room_type)
        if limit := profile.limits.get("room-pressure"):
            assert profile.pressure == ("positive" if limit.low is not None and limit.low > 0 else "negative"), (
                room_type
            )


def test_air_is_turned_down_only_in_the_four_rooms_whose_conditions_are_known(profiles):
    turned = {room for room in profiles.types if profiles.of(room).turndown}
    assert turned == {"operating_room", "procedure_room", "cath_lab", "imaging_class2"}


def test_every_command_rule_and_turndown_says_where_it_is_from(profiles):
    for room_type in profiles.types:
        profile = profiles.of(room_type)
        for table in [*profile.commands.values(), *([profile.turndown] if profile.turndown else [])]:
            assert table.source, room_type
            assert not table.verified_by
    for critical in (r for r in profiles.types if profiles.of(r).critical and profiles.of(r).pressure != "none"):
        assert profiles.of(critical).commands["room-pressure-setpoint"].who in ("nobody", "two-people"), critical


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('[operating_room.commands]\nairflow-setpiont = { who = "nobody" }\n', "airflow-setpiont: no such point class"),
        ('[operating_room]\nenergy_measures = "never"\n', "contradicts"),
        ('[operating_room]\npressure = "none"\n', "needs `pressure`"),
        ("[actuators.fan]\nspacing_s = 1\n", "fan: no such point class"),
    ],
)
def test_what_makes_no_sense_is_an_error(tmp_path, text, wrong):
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(Trouble, match=wrong):
        Profiles.load(own)


def test_the_ways_of_the_air_of_every_critical_room_of_the_simulated_hospital_are_read_right():
    classes = {"supply-valve": "damper", "extract-valve": "damper", "reheat-valve": "valve"}
    seen = set()
    for device in critical_rooms():
        for spec in device.points:
            known = valve(spec.name, classes.get(spec.role, "flow"), spec.description)
            moves = spec.role.partition("-")[0] if spec.role.endswith(("flow", "flow-setpoint")) else None
            if spec.role in classes:
                seen.add(command_class(known))
                assert command_class(known) == ("valve" if spec.role == "reheat-valve" else "air-valve"), spec.name
                moves = spec.role.partition("-")[0] if spec.role != "reheat-valve" else None
            if moves in ("supply", "extract"):
                seen.add(moves)
                assert air_path(known) == moves, spec.name
    assert seen == {"valve", "air-valve", "supply", "extract"}


# what is critical and in no profile


@pytest.mark.parametrize(
    ("point_class", "who"),
    [
        ("start-stop-command", "two-people"),
        ("fan-speed", "two-people"),
        ("pressure-setpoint", "two-people"),
        ("damper", "two-people"),
        ("mode", "two-people"),
        ("override", "two-people"),
        ("temperature-setpoint", "engineer"),
        ("valve", "engineer"),
        ("unknown", "engineer"),
    ],
)
def test_what_moves_the_air_of_nobody_knows_which_rooms_takes_two_people(profiles, point_class, who):
    fan = replace(point("ahu-4/x", point_class), safety=Safety.CRITICAL)
    rule = profiles.command_rule(fan, None)
    assert rule.who == who
    assert "our own caution" in rule.cited
    strange = Space(id=SpaceId("x"), name="x", type="a type without a profile")
    assert profiles.command_rule(fan, strange).who == who
    assert profiles.command_rule(replace(fan, safety=Safety.COMFORT), None).who == "policy"


def test_the_pace_of_an_actuator_holds_for_plant_too(profiles):
    rule = profiles.command_rule(replace(point("ahu-4/x", "start-stop-command"), safety=Safety.CRITICAL), None)
    assert (rule.minimum_on_s, rule.per_hour) == (300, 6)


def test_no_policy_may_ever_be_given_such_a_point(tmp_path):
    own = tmp_path / "own.toml"
    own.write_text('[plant.fan-speed]\nwho = "policy"\n')
    with pytest.raises(Trouble, match=r"own.toml: plant: .*fan-speed: no policy"):
        Profiles.load(own)


# who verified what


def cite(text, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(text)
    return Profiles.load(own).limits(point("or-3/rh", "humidity", "percent-relative-humidity"), OR)


def test_a_limit_is_verified_only_if_each_of_its_values_is(tmp_path):
    low = '[operating_room.limits.humidity]\nlow = 25\nverified_by = "Ann"\n'
    mixed = cite(low, tmp_path)
    assert (mixed.low, mixed.high, mixed.verified_by) == (25, 60, "")
    assert mixed.source.startswith("low: the site's own profile (verified by Ann); the rest: ASHRAE 170")
    table = tomllib.loads(SHIPPED[1].read_text())["operating_room"]["limits"]["humidity"]
    rest = {key: value for key, value in table.items() if key not in ("low", *PROVENANCE)}
    whole = cite(low + "".join(f"{key} = {json.dumps(value)}\n" for key, value in rest.items()), tmp_path)
    assert (whole.low, whole.high, whole.verified_by) == (25, 60, "Ann")


@pytest.mark.parametrize("where", ["operating_room", "operating_room.limits.humidity"])
def test_a_name_without_a_number_verifies_nothing(where, tmp_path):
    assert cite(f'[{where}]\nverified_by = "Ann"\n', tmp_path).verified_by == ""
    assert list(idle({"operating_room": {"verified_by": "Ann"}})) == ["operating_room"]
    assert not list(idle({"operating_room": {"verified_by": "Ann", "limits": {"humidity": {"low": 25}}}}))


def test_whoever_verified_a_room_verified_what_the_site_wrote_of_it_and_nothing_else(tmp_path):
    text = '[operating_room]\nverified_by = "Ann"\nverified_on = "2026-02-01"\nlimits.humidity = { low = 25 }\n'
    assert cite(text, tmp_path).verified_by == ""
    site = tomllib.loads(text)
    found = {entry.what: entry for entry in entries(merged(shipped(), site), shipped(), site, "operating-room")}
    low = found["operating_room.limits.humidity.low"]
    assert (low.source, low.verified_by, low.verified_on) == ("the site's own profile", "Ann", "2026-02-01")
    for what in ("limits.humidity.high", "limits.humidity.unit", "limits.room-pressure.low", "deadline_s"):
        entry = found[f"operating_room.{what}"]
        assert (entry.verified_by, entry.verified_on) == ("", ""), what
        assert "own profile" not in entry.source


def test_who_verified_all_that_a_room_says_of_itself_did_not_verify_its_limits(tmp_path):
    room = tomllib.loads(SHIPPED[1].read_text())["operating_room"]
    own = {key: value for key, value in room.items() if not isinstance(value, dict | list) and key not in PROVENANCE}
    lines = [f"{key} = {json.dumps(value)}" for key, value in own.items()]
    assert cite("\n".join(["[operating_room]", *lines, 'verified_by = "Ann"', ""]), tmp_path).verified_by == ""


def test_a_shipped_number_that_the_site_wrote_down_keeps_its_source_and_is_verified():
    site = {"operating_room": {"limits": {"humidity": {"high": 60, "verified_by": "Ann"}}}}
    found = {entry.what: entry for entry in entries(merged(shipped(), site), shipped(), site)}
    high = found["operating_room.limits.humidity.high"]
    assert ("ASHRAE" in high.source, high.verified_by) == (True, "Ann")
    assert found["operating_room.limits.humidity.low"].verified_by == ""


def test_one_side_that_the_site_wrote_for_a_point_does_not_vouch_for_the_other():
    humidity = point("or-3/rh", "humidity", "percent-relative-humidity")
    limit = Profiles.load().limits(replace(humidity, site_low=25.0), OR)
    assert (limit.low, limit.high, limit.verified_by) == (25, 60, "")
    assert limit.source.startswith("low: site configuration; high: ASHRAE 170")
    assert Profiles.load().limits(replace(humidity, site_low=25.0, site_high=55.0), OR).source == "site configuration"
