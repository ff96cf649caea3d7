"""Selectors say which points; a word that cannot be right is told at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.catalog import Catalog
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Ref, Safety, Space, SpaceId
from points.selectors import SelectorError, parse, tags_in

WHERE = DeviceRef(network=0, address="1", instance=1)


def a_point(point_id: str, **more) -> Point:
    return Point(
        id=PointId(point_id),
        device=DeviceId(point_id.partition("/")[0]),
        ref=Ref(device=WHERE, object_type="analog-value", instance=1),
        name=point_id,
        kind=Kind.ANALOG,
        **more,
    )


CATALOG = Catalog.of(
    [],
    [
        a_point(
            "ahu-1/sat", point_class="supply-air-temperature", equipment="ahu-1", equipment_type="ahu", tags=("roof",)
        ),
        a_point("office-1/htg-sp", point_class="heating-setpoint", space="office-1", unit="degrees-celsius"),
        a_point("office-2/htg-sp", point_class="heating-setpoint", space="office-2", safety=Safety.COMFORT),
        a_point("or-3/htg-sp", point_class="heating-setpoint", space="or-3", safety=Safety.CRITICAL),
    ],
    [
        Space(id=SpaceId("office-1"), name="Office 1", type="admin_office"),
        Space(id=SpaceId("office-2"), name="Office 2", type="admin_office", tags=("clinic-b", "north")),
        Space(id=SpaceId("or-3"), name="OR-3", type="operating_room"),
    ],
)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ahu-1/sat", ["ahu-1/sat"]),
        ("office-*/*", ["office-1/htg-sp", "office-2/htg-sp"]),
        ("*", ["ahu-1/sat", "office-1/htg-sp", "office-2/htg-sp", "or-3/htg-sp"]),
        ("class:heating-setpoint space-type:admin_office", ["office-1/htg-sp", "office-2/htg-sp"]),
        ("class:heating-setpoint  office-1/*", ["office-1/htg-sp"]),
        ("space:or-3, device:ahu-1", ["ahu-1/sat", "or-3/htg-sp"]),
        ("ahu-1/*, class:supply-air-temperature", ["ahu-1/sat"]),
        ("equipment:ahu", ["ahu-1/sat"]),
        ("equipment:ahu-1", ["ahu-1/sat"]),
        ("unit:degrees-celsius", ["office-1/htg-sp"]),
        ("safety:comfort", ["office-2/htg-sp"]),
        ("class:*-setpoint safety:critical", ["or-3/htg-sp"]),
        ("space-type:no_such_type", []),
        ("access:commandable", []),
        ("tag:roof", ["ahu-1/sat"]),
        ("tag:clinic-b class:heating-setpoint", ["office-2/htg-sp"]),
        ("tag:clinic-* tag:north, tag:roof", ["ahu-1/sat", "office-2/htg-sp"]),
        ("tag:south", []),
    ],
)
def test_what_is_selected(text, wanted):
    assert [point.id for point in parse(text)(CATALOG)] == wanted


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "empty part"),
        ("ahu-1/*,", "empty part"),
        ("class:heating-setpont", "Did you mean 'heating-setpoint'"),
        ("class:damper klass:damper", "'klass:damper': there is no 'klass'. Did you mean 'class'"),
        ("space:", "'space:'"),
        ("AHU-1/*", "'AHU-1/*'"),
        ("safety:harmless", "'safety:harmless'"),
    ],
)
def test_the_wrong_word_is_named(text, told):
    with pytest.raises(SelectorError) as error:
        parse(text)
    assert told in str(error.value)


@given(st.text())
def test_any_text_is_a_selector_or_a_selector_error(text):
    try:
        selector = parse(text)
    except SelectorError:
        return
    assert set(selector(CATALOG)) <= set(CATALOG.points.values())


def test_the_tags_that_a_selector_names():
    assert tags_in("tag:clinic-b class:damper, tag:roof-*,ahu-1/tag") == ["clinic-b", "roof-*"]
