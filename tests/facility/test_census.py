"""How many points are known, counted without asking each: always what a count of each would give."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from desk_bench import FAN, SETPOINT
from hypothesis import given
from hypothesis import strategies as st
from session_bench import DEVICES

from facility.census import Census
from points.catalog import Catalog, CatalogBook
from points.model import PointId, Quality, Reading, Source
from points.store import PointStore

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
POINTS = [replace(SETPOINT, id=PointId(f"dev/p-{number}")) for number in range(4)]
STRANGER = PointId("dev/nobody-knows-it")
IDS = [*(point.id for point in POINTS), STRANGER]


def reading(point, quality=Quality.GOOD, source=Source.POLL):
    return Reading(point=point, value=1.0, time=NOW, at=NOW, quality=quality, source=source)


def counted_one_by_one(catalog, store):
    present = [point.id for point in catalog.points.values() if point.present]
    known = [found for point in present if (found := store.get(point)) is not None]
    good = sum(found.is_good for found in known)
    return {
        "total": len(present),
        "read": len(known),
        "good": good,
        "unknown": len(present) - good,
        "cov": sum(found.source is Source.COV for found in known),
        "poll": sum(found.source is Source.POLL for found in known),
    }


steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(IDS), st.sampled_from(Quality), st.sampled_from(Source)),
        st.sets(st.sampled_from(range(4))),  # which points are still there
    ),
    max_size=12,
)


@given(steps=steps)
def test_it_is_what_counting_each_would_give(steps):
    book, store = CatalogBook(Catalog.of(DEVICES, POINTS)), PointStore()
    census = Census(book, store)
    for step in steps:
        if isinstance(step, tuple):
            store.put(reading(*step))
        else:
            here = [replace(point, present=number in step) for number, point in enumerate(POINTS)]
            book.replace(Catalog.of(DEVICES, here))
        assert census.counts() == counted_one_by_one(book.current, store)


@pytest.mark.parametrize("quality", Quality)
def test_only_good_is_good(quality):
    book, store = CatalogBook(Catalog.of(DEVICES, [FAN])), PointStore()
    store.put(reading(FAN.id, quality))
    assert Census(book, store).counts()["good"] == (quality is Quality.GOOD)
