import dataclasses
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facility.catalog_rows import load_catalog, save_catalog, stored_catalog
from facility.database import StateUnavailable, open_state
from points.catalog import Catalog
from points.model import Device, Point, Space, SpaceId

CATALOGS = st.builds(
    Catalog.of,
    st.lists(st.builds(Device), max_size=3, unique_by=lambda each: each.id),
    st.lists(st.builds(Point), max_size=5, unique_by=lambda each: each.id),
    st.lists(st.builds(Space), max_size=3, unique_by=lambda each: each.id),
)


def same(one, other):
    """Equality in which NaN is itself."""
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if dataclasses.is_dataclass(one):
        return type(one) is type(other) and all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one)
        )
    return type(one) is type(other) and one == other


@given(catalog=CATALOGS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=25
)
async def test_every_field_comes_back_as_it_was_saved(tmp_path, catalog):
    with open_state(tmp_path) as db:
        await save_catalog(db, catalog)
        loaded = await load_catalog(db)
    for kept, came in zip(
        (catalog.devices, catalog.points, catalog.spaces), (loaded.devices, loaded.points, loaded.spaces), strict=True
    ):
        assert kept.keys() == came.keys()
        for key, thing in kept.items():
            assert same(thing, came[key]), (thing, came[key])


async def test_a_new_state_folder_has_an_empty_catalog(tmp_path):
    with open_state(tmp_path) as db:
        assert await load_catalog(db) == Catalog.of([], [])


async def test_saving_replaces_the_whole_catalog(tmp_path):
    with open_state(tmp_path) as db:
        await save_catalog(db, Catalog.of([], [], [Space(id=SpaceId("a"), name="A"), Space(id=SpaceId("b"), name="B")]))
        await save_catalog(db, Catalog.of([], [], [Space(id=SpaceId("b"), name="Bay", type="corridor")]))
        assert (await load_catalog(db)).spaces == {"b": Space(id=SpaceId("b"), name="Bay", type="corridor")}


async def test_another_process_can_read_the_catalog_of_a_running_agent(tmp_path):
    assert stored_catalog(tmp_path / "state.db") == Catalog()
    with open_state(tmp_path) as db:
        await save_catalog(db, Catalog.of([], [], [Space(id=SpaceId("a"), name="A")]))
        assert list(stored_catalog(db.path).spaces) == ["a"]
    (tmp_path / "broken.db").write_text("not a database")
    with pytest.raises(StateUnavailable, match="cannot be read"):
        stored_catalog(tmp_path / "broken.db")
