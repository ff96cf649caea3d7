"""Names to ids: always slugs, always unique, whatever the field calls its things."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.naming import abbreviation, device_slugs, point_slugs, slug

SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?")
TYPES = ["analog-input", "binary-value", "multi-state-output", "131", "4242"]

names = st.text(max_size=80) | st.sampled_from(["AHU-1", "AHU-1.SAT", "AHU_1 SAT", "VAV_2_01/ZN-T", "", "Ü", "温度"])
slugs = st.from_regex(SLUG, fullmatch=True)


@given(names)
def test_a_slug_is_a_slug(name: str) -> None:
    assert SLUG.fullmatch(slug(name))
    assert slug(slug(name)) == slug(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("AHU-1.SAT", "ahu-1-sat"),
        ("SupplyAirTemp", "supply-air-temp"),
        ("NAE 01 N2 1 VMA111 ZN T", "nae-01-n2-1-vma111-zn-t"),
        ("Zähler kWh", "zahler-kwh"),
        ("  --  ", "x"),
        ("a" * 47 + " b", "a" * 47),
    ],
)
def test_slugs_as_a_person_would_write_them(name: str, expected: str) -> None:
    assert slug(name) == expected


def test_types_are_short_and_proprietary_ones_are_numbers() -> None:
    assert abbreviation("analog-input") == "ai"
    assert abbreviation("131") == "t131"
    assert abbreviation("life-safety-point") == "lsp"


@given(st.lists(st.tuples(names, st.integers(0, 4_194_302)), max_size=12), st.sets(slugs, max_size=5))
def test_device_slugs_are_unique_and_leave_the_old_ones_alone(devices: list[tuple[str, int]], taken: set[str]) -> None:
    given_out = device_slugs(dict(enumerate(devices)), taken)
    assert len(set(given_out.values())) == len(devices)
    assert not taken & set(given_out.values())
    assert all(SLUG.fullmatch(name) for name in given_out.values())


objects = st.lists(st.tuples(names, st.sampled_from(TYPES), st.integers(0, 99)), max_size=20)


@given(names, objects, st.sets(slugs, max_size=5))
def test_point_slugs_are_unique_and_leave_the_old_ones_alone(
    device: str, found: list[tuple[str, str, int]], taken: set[str]
) -> None:
    given_out = point_slugs(device, dict(enumerate(found)), taken)
    assert len(set(given_out.values())) == len(found)
    assert not taken & set(given_out.values())
    assert all(SLUG.fullmatch(name) for name in given_out.values())


@given(names, st.lists(st.tuples(names, st.sampled_from(TYPES), st.integers(0, 99)), unique=True), st.randoms())
def test_the_order_of_discovery_does_not_matter(device: str, found: list[tuple[str, str, int]], chance: object) -> None:
    shuffled = found[:]
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert point_slugs(device, {o: o for o in found}) == point_slugs(device, {o: o for o in shuffled})


def ids(device: str, *found: tuple[str, str, int]) -> list[str]:
    return list(dict(sorted(point_slugs(device, dict(enumerate(found))).items())).values())


def test_what_all_objects_share_is_left_out() -> None:
    assert ids("x", ("VAV_2/ZN-T", "analog-input", 1), ("VAV_2/ZN-SP", "analog-value", 1)) == ["t", "sp"]
    assert ids("x", ("AHU-1.SAT", "analog-input", 1), ("AHU-1.RAT", "analog-input", 2)) == ["sat", "rat"]


def test_the_device_name_is_left_out_even_where_not_all_have_it() -> None:
    assert ids("AHU-1", ("AHU-1.SAT", "analog-input", 1), ("Uptime", "analog-value", 9)) == ["sat", "uptime"]


def test_nothing_is_left_out_of_a_name_that_would_vanish() -> None:
    assert ids("AHU-1", ("AHU-1", "analog-input", 1), ("AHU-1.SAT", "analog-input", 2)) == ["ahu-1", "sat"]
    assert ids("other", ("AHU-1", "analog-input", 1)) == ["ahu-1"]


def test_equal_names_are_told_apart_by_type_and_instance() -> None:
    assert ids("x", ("Temp", "analog-input", 1), ("Temp", "analog-value", 1), ("Flow", "analog-input", 2)) == [
        "temp-ai1",
        "temp-av1",
        "flow",
    ]
