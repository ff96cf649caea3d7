"""Payloads and the published schema."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mirror_building import make_device, make_point

from facility.mirror import payloads, schemas
from facility.model import Alarm, AlarmKind, Severity
from points.model import Event, EventKind, Kind, PointId, Quality, Reading, Source, StatusFlags, Value

NOW = datetime(2026, 11, 22, 13, 30, 5, 250_000, tzinfo=UTC)
POINT = make_point("ahu-1/temp")
FILE = Path(__file__).parents[3] / schemas.DEFAULT_FILE


def validate(name: str, payload: bytes) -> Any:
    bundle = json.loads(FILE.read_text())
    content = json.loads(payload, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))
    schema = {"$schema": bundle["$schema"], "$defs": bundle["$defs"], "$ref": f"#/$defs/{name}"}
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(content)
    return content


def a_reading(value: Value | None, **changes: Any) -> Reading:
    given_ = {"point": PointId("ahu-1/temp"), "time": NOW, "at": NOW, "quality": Quality.GOOD, "source": Source.POLL}
    return Reading(value=value, **(given_ | changes))


def test_the_published_schema_is_what_the_models_say():
    assert FILE.read_text() == schemas.text(), "run: python -m facility.mirror.schemas"
    jsonschema.Draft202012Validator.check_schema(json.loads(FILE.read_text()))


def test_the_schema_refuses_what_is_not_a_sample():
    for wrong in (b'{"v":1,"t":"2026-11-22T13:30:05Z","q":"fine","n":1}', b'{"v":1,"q":"good","n":1}', b'{"v":[1]}'):
        with pytest.raises(jsonschema.ValidationError):
            validate("Sample", wrong)


def test_a_sample_says_it_all():
    reading = a_reading(18.5, quality=Quality.UNCERTAIN, reason="overridden", flags=StatusFlags.OVERRIDDEN)
    assert validate("Sample", payloads.sample(reading, POINT, 7)) == {
        "v": 18.5,
        "t": "2026-11-22T13:30:05.250000Z",
        "q": "uncertain",
        "qr": "overridden",
        "u": "degrees-celsius",
        "src": "poll",
        "ov": True,
        "n": 7,
    }


def test_times_are_utc_whatever_zone_they_came_in():
    reading = a_reading(1.0, time=NOW.astimezone(timezone(timedelta(hours=5))))
    assert validate("Sample", payloads.sample(reading, POINT, 1))["t"] == "2026-11-22T13:30:05.250000Z"


@given(
    value=st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(exclude_categories=[]))
    ),
    quality=st.sampled_from(Quality),
)
def test_whatever_the_value_the_sample_is_valid_and_never_better_than_known(value: Value | None, quality: Quality):
    shown = validate("Sample", payloads.sample(a_reading(value, quality=quality), POINT, 1))
    if shown["v"] is None:
        assert shown["q"] != "good"
    else:
        assert type(shown["v"]) is type(value)
        assert shown["v"] == value
        assert shown["q"] == quality


def test_a_point_never_read_is_bad():
    shown = validate("Sample", payloads.never_read(POINT, NOW, 1))
    assert (shown["v"], shown["q"], shown["qr"]) == (None, "bad", "never-read")


def test_other_payloads_are_valid():
    alarm = Alarm(
        id="a",
        kind=AlarmKind.STALE,
        severity=Severity.LOW,
        about="ahu-1/temp",
        where="plant \udcff",
        text="stale",
        since=NOW,
        acknowledged=NOW,
    )
    assert validate("AlarmPayload", payloads.alarm(alarm))["state"] == "ack"
    event = Event(kind=EventKind.DEVICE_LOST, time=NOW, about="ahu-1", text="lost \udcff", details={"why": "silent"})
    assert validate("EventPayload", payloads.event(event, 3))["details"] == {"why": "silent"}
    status = payloads.Status(state="online", t=NOW, session="s", version="1", schema=1)
    assert validate("Status", payloads.encoded(status))["schema"] == 1


def test_a_big_device_is_told_in_pages():
    points = [make_point(f"ahu-1/p-{number}", description="x" * 300) for number in range(500)]
    pages = payloads.catalog_pages(make_device("ahu-1"), points)
    assert len(pages) > 3
    assert all(len(page) < 64_000 for page in pages)
    told = [validate("CatalogPage", page) for page in pages]
    assert [page["page"] for page in told] == list(range(1, len(pages) + 1))
    assert {page["pages"] for page in told} == {len(pages)}
    assert sorted(point["id"] for page in told for point in page["points"]) == sorted(point.id for point in points)
    assert [point for page in pages for point in payloads.points_listed(page)] == sorted(point.id for point in points)


@pytest.mark.parametrize(
    ("unit", "code"), [("degrees-celsius", "Cel"), ("pascals", "Pa"), ("furlongs-per-fortnight", None), ("", None)]
)
def test_a_catalog_says_the_unit_as_the_device_and_as_ucum_do(unit: str, code: str | None):
    (page,) = payloads.catalog_pages(make_device("ahu-1"), [make_point("ahu-1/temp", unit=unit)])
    (told,) = validate("CatalogPage", page)["points"]
    assert (told.get("unit"), told.get("ucum")) == (unit or None, code)


def test_a_catalog_survives_foreign_text_and_numbers():
    odd = make_point(
        "ahu-1/odd", name="T\udcff", low=float("nan"), high=float("inf"), kind=Kind.BINARY, states=("a", "b")
    )
    (page,) = payloads.catalog_pages(make_device("ahu-1"), [odd])
    (told,) = validate("CatalogPage", page)["points"]
    assert (told["name"], told["states"]) == ("T?", ["a", "b"])
    assert "low" not in told
    assert validate("CatalogPage", payloads.catalog_pages(make_device("ahu-1"), [])[0])["points"] == []


@pytest.mark.parametrize(
    "foreign", [b"", b"x", b"[]", b"1", b'{"points":1}', b'{"points":[1]}', b'{"points":[{"id":1}]}']
)
def test_a_foreign_catalog_page_lists_nothing(foreign: bytes):
    assert payloads.points_listed(foreign) == []


def test_a_sample_is_small():
    assert len(payloads.sample(a_reading(18.5), make_point("a/b", unit="percent"), 12_345)) < 120
    assert orjson.loads(payloads.sample(a_reading(value=True), POINT, 1))["v"] is True
