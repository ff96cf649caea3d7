"""The site has the last word, and lowers the safety of a point only by saying so."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.model import Access, DeviceId, DeviceRef, EquipmentId, Kind, Point, PointId, Ref, Safety, Space, SpaceId
from points.selectors import SelectorError
from points.site_rules import PointRule, SpaceRule, apply

WHERE = DeviceRef(network=0, address="1", instance=1)


def a_point(point_id: str = "vav-1/sp", safety: Safety = Safety.COMFORT, **more) -> Point:
    return Point(
        id=PointId(point_id),
        device=DeviceId(point_id.partition("/")[0]),
        ref=Ref(device=WHERE, object_type="analog-value", instance=1),
        name=point_id,
        kind=Kind.ANALOG,
        safety=safety,
        commandable=True,
        **more,
    )


def ruled(point: Point, *rules: PointRule, spaces: tuple[SpaceRule, ...] = ()) -> Point:
    (result,), _ = apply([point], rules, spaces)
    return result


def test_without_rules_nothing_changes():
    known = Space(id=SpaceId("office-1"), name="Office 1", type="admin_office")
    point = a_point(space=known.id)
    assert apply([point], [], [], [known]) == ([point], [known])


def test_a_rule_that_matches_nothing_changes_nothing():
    assert ruled(a_point(), PointRule(match="ahu-*/*", safety=Safety.MEDICAL)) == a_point()


def test_an_explicit_safety_lowers():
    unknown = a_point(safety=Safety.UNKNOWN, point_class="damper")
    assert unknown.access is Access.MONITOR_ONLY
    assert ruled(unknown, PointRule(match="vav-1/*", safety=Safety.COMFORT)).access is Access.COMMANDABLE


def test_a_safety_written_as_text_is_the_same():
    assert ruled(a_point(), PointRule(match="*", safety="medical")).safety is Safety.MEDICAL  # as configuration has it


def test_nothing_but_an_explicit_safety_lowers():
    office = SpaceRule(id="office-1", name="Office 1", type="admin_office", match=["vav-1/*"])
    rule = PointRule(match="*", point_class="heating-setpoint", equipment="vav-1", limit_low=1, name="Setpoint")
    for safety in Safety:
        assert ruled(a_point(safety=safety), rule, spaces=(office,)).safety is safety


def test_a_dangerous_class_raises():
    assert ruled(a_point(), PointRule(match="*", point_class="medical-gas-pressure")).safety is Safety.MEDICAL
    assert ruled(a_point(), PointRule(match="*", point_class="generator")).safety is Safety.LIFE_SAFETY
    assert ruled(a_point(), PointRule(match="*", point_class="unknown")).safety is Safety.UNKNOWN


def test_a_critical_space_raises():
    theatre = SpaceRule(id="or-3", name="OR-3", type="operating_room", match=["vav-1/*"])
    point = ruled(a_point(), spaces=(theatre,))
    assert (point.space, point.safety) == ("or-3", Safety.CRITICAL)


def test_a_space_whose_type_the_site_corrects_raises_what_was_in_it():
    points, spaces = apply(
        [a_point(space=SpaceId("office-1"))],
        [],
        [SpaceRule(id="office-1", name="Procedure 1", type="procedure_room")],
        [Space(id=SpaceId("office-1"), name="Office 1", type="admin_office")],
    )
    assert points[0].safety is Safety.CRITICAL
    assert spaces == [Space(id=SpaceId("office-1"), name="Procedure 1", type="procedure_room")]


def test_a_space_nobody_has_a_profile_for_is_critical():
    strange = SpaceRule(id="x", name="X", type="hyperbaric_chamber", match=["*"])
    assert ruled(a_point(), spaces=(strange,)).safety is Safety.CRITICAL


def test_the_last_rule_counts():
    rules = (PointRule(match="*", point_class="damper"), PointRule(match="vav-1/*", point_class="valve"))
    point = ruled(a_point(), *rules)
    assert (point.point_class, point.confidence) == ("valve", 1.0)


def test_monitor_only_stays_whatever_else_is_said():
    rules = (PointRule(match="*", access="monitor-only"), PointRule(match="*", safety=Safety.COMFORT))
    assert ruled(a_point(), *rules).access is Access.MONITOR_ONLY


def test_limits_are_narrowed_and_never_widened():
    rule = PointRule(match="*", limit_low=18, limit_high=26)
    narrow, wide = ruled(a_point(low=10, high=30), rule), ruled(a_point(low=20, high=24), rule)
    assert (narrow.low, narrow.high) == (18, 26)
    assert (wide.low, wide.high) == (20, 24)
    assert (ruled(a_point(), rule).low, ruled(a_point(), rule).high) == (18, 26)


def test_rules_speak_of_spaces_that_the_site_has_named():
    office = SpaceRule(id="office-1", name="Office 1", type="admin_office", match=["vav-1/*"])
    rule = PointRule(match="space-type:admin_office", safety=Safety.COMFORT)
    assert ruled(a_point(safety=Safety.UNKNOWN), rule, spaces=(office,)).safety is Safety.COMFORT


def test_a_space_may_have_several_globs():
    office = SpaceRule(id="office-1", name="Office 1", type="admin_office", match=["vav-1/*", "lp-1/z01-*"])
    points, _ = apply([a_point("vav-1/sp"), a_point("lp-1/z01-relay"), a_point("lp-1/z02-relay")], [], [office])
    assert [point.space for point in points] == ["office-1", "office-1", None]


def test_the_range_of_what_is_only_read_stays_the_devices():
    sensor = replace(a_point(low=0, high=50), commandable=False)
    known = ruled(sensor, PointRule(match="*", limit_low=18, limit_high=26))
    assert (known.low, known.high) == (0, 50)


def test_a_selector_that_cannot_be_read_is_an_error():
    with pytest.raises(SelectorError):
        ruled(a_point(), PointRule(match="class:nonsense"))


SPACE_TYPES = st.sampled_from(["admin_office", "operating_room", "generator", "medical_gas_oxygen", "unknown"])
CLASSES = st.sampled_from([None, "damper", "generator", "medical-gas-pressure", "unknown"])


@given(st.sampled_from(Safety), CLASSES, SPACE_TYPES)
def test_no_rule_without_safety_makes_a_point_writable(safety, point_class, space_type):
    space = SpaceRule(id="s", name="S", type=space_type, match=["*"])
    before = a_point(safety=safety)
    after = ruled(before, PointRule(match="*", point_class=point_class, space="s"), spaces=(space,))
    assert before.access is Access.COMMANDABLE or after.access is Access.MONITOR_ONLY
    assert before.safety is Safety.COMFORT or after.safety is not Safety.COMFORT


def test_limits_and_deadlines_stay_with_a_point_that_the_same_rule_renames():
    unknown = a_point("a/x", point_class="unknown")
    rules = [
        PointRule(match="class:unknown", point_class="damper", limit_low=10.0, deadline_s=60.0),
        PointRule(match="a/*", limit_high=30.0),
    ]
    known = ruled(unknown, *rules)
    assert (known.point_class, known.site_low, known.site_high, known.deadline_s) == ("damper", 10.0, 30.0, 60.0)


def test_tags_of_rules_add_up_and_change_nothing_else():
    point = ruled(
        a_point(), PointRule(match="*", tags=["north", "pilot"]), PointRule(match="vav-1/*", tags=["pilot", "b"])
    )
    assert point == replace(a_point(), tags=("north", "pilot", "b"))


def test_a_rule_can_go_by_what_an_earlier_one_tagged_a_space_or_a_machine():
    clinic = SpaceRule(id="office-1", name="Office 1", type="admin_office", match=["vav-1/*"], tags=["clinic-b"])
    rules = [PointRule(match="tag:clinic-b", equipment="vav-9"), PointRule(match="tag:roof", name="Up there")]
    (point,), (space,) = apply([a_point()], rules, [clinic], (), {"vav-9": ("roof",)})
    assert (point.name, point.tags, space.tags) == ("Up there", ("roof",), ("clinic-b",))


def test_a_point_has_the_tags_of_the_equipment_it_is_of_and_of_no_other():
    tags = {"ahu-1": ("roof", "old"), "ahu-2": ("cellar", "old")}
    guessed = a_point(equipment=EquipmentId("ahu-1"))
    (point,), _ = apply([guessed], [], [], (), tags)
    assert point.tags == ("roof", "old")
    (point,), _ = apply([guessed], [PointRule(match="*", tags=["pilot"], equipment="ahu-2")], [], (), tags)
    assert (point.equipment, point.tags) == ("ahu-2", ("cellar", "old", "pilot"))
    (point,), _ = apply([guessed], [PointRule(match="*", equipment="ahu-3")], [], (), tags)
    assert (point.equipment, point.tags) == ("ahu-3", ())
