"""Topic names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.mirror.topics import MOST_BYTES, MOST_LEVELS, BadTopic, Topics, as_id, is_id

TOPICS = Topics(site="main", agent="bldg-a")
SLUG = st.from_regex(r"[a-z0-9-]{1,48}", fullmatch=True)


def test_the_tree():
    assert TOPICS.status == "fac/v1/main/bldg-a/status"
    assert TOPICS.catalog("ahu-1") == "fac/v1/main/bldg-a/catalog/ahu-1"
    assert TOPICS.catalog("ahu-1", 2) == "fac/v1/main/bldg-a/catalog/ahu-1/2"
    assert TOPICS.state("ahu-1/supply-air-temp") == "fac/v1/main/bldg-a/state/ahu-1/supply-air-temp"
    assert TOPICS.alarm("stale-ahu-1") == "fac/v1/main/bldg-a/alarm/stale-ahu-1"
    assert TOPICS.event("device-found") == "fac/v1/main/bldg-a/event/device-found"


@pytest.mark.parametrize(
    "point", ["", "a", "a/", "/b", "a/b/c", "a/+", "a/#", "A/b", "a/b ", "a/ü", f"a/{'x' * 49}", "a/b\n"]
)
def test_what_is_no_point_id_has_no_topic(point: str):
    with pytest.raises(BadTopic):
        TOPICS.state(point)


@pytest.mark.parametrize("root", ["", "/", "fac//v1", "fac/+", "#", "$SYS/x", "a/b/c/d"])
def test_a_bad_root_fails_at_start(root: str):
    with pytest.raises(BadTopic):
        Topics(site="main", agent="a", root=root)


@pytest.mark.parametrize("place", [{"site": "Main", "agent": "a"}, {"site": "main", "agent": ""}])
def test_a_bad_place_fails_at_start(place: dict[str, str]):
    with pytest.raises(BadTopic):
        Topics(**place)


@given(site=SLUG, agent=SLUG, device=SLUG, point=SLUG)
def test_every_topic_is_within_the_limits(site: str, agent: str, device: str, point: str):
    topics = Topics(site=site, agent=agent)
    if len(f"{topics.base}/state/{device}/{point}") > MOST_BYTES:
        with pytest.raises(BadTopic, match="longer"):
            topics.state(f"{device}/{point}")
    else:
        assert topics.state(f"{device}/{point}").count("/") < MOST_LEVELS


@given(text=st.text())
def test_any_text_becomes_an_id(text: str):
    assert is_id(as_id(text))
    assert as_id(as_id(text)) == as_id(text)


def test_long_ids_that_begin_alike_stay_apart():
    beginning = "out-of-limits-" + "x" * 60
    assert as_id(beginning + "a") != as_id(beginning + "b")
    assert as_id("or-1/pressure") != as_id("or-1-pressure")
