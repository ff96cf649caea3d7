"""A message is exactly what it has to be, or it is refused whole, with a reason from a closed list."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import NOON

from facility.feeds.book import BedReport, BookingReport
from facility.feeds.messages import bed_report, booking_report
from facility.feeds.tally import Refused

BED = {"space": "room-1", "state": "U", "time": "2026-03-01T12:00:00Z"}
BOOKING = {"space": "or-1", "start": "2026-03-01T13:00:00Z", "end": "2026-03-01T14:00:00Z"}
UUID = "0190c2f4-6a3e-7c11-9d0f-3a1f5b7c9e21"


def knows(space):
    return space in ("room-1", "or-1")


def read(message, place="room-1", reads=bed_report):
    payload = message if isinstance(message, bytes) else json.dumps(message).encode()
    return reads(payload, place, NOON, knows)


def read_booking(message):
    return read(message, "or-1", booking_report)


def test_exactly_space_state_and_time_is_taken():
    report = read(BED)
    assert isinstance(report, BedReport)
    assert (report.space, report.bed, report.state.value, report.time) == ("room-1", "", "U", NOON)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({**BED, "name": "DOE^JOHN"}, Refused.NOT_IN_SHAPE),
        ({**BED, "note": None}, Refused.NOT_IN_SHAPE),
        ({"space": "room-1", "state": "U"}, Refused.NOT_IN_SHAPE),
        ({**BED, "state": "X"}, Refused.UNKNOWN_STATE),
        ({**BED, "state": "occupied by John"}, Refused.UNKNOWN_STATE),
        ({**BED, "space": "room-9"}, Refused.TOPIC),
        ({**BED, "space": "Room 1"}, Refused.NOT_IN_SHAPE),
        ({**BED, "time": "2026-03-01T12:02:01Z"}, Refused.TIME),
        ({**BED, "time": "2026-02-28T11:59:59Z"}, Refused.TIME),
        ({**BED, "time": "2026-02-30T12:00:00Z"}, Refused.TIME),
        ({**BED, "time": "2026-03-01T12:00:00+01:00"}, Refused.NOT_IN_SHAPE),
        ({**BED, "time": 1772366400}, Refused.NOT_IN_SHAPE),
        ([BED], Refused.NOT_IN_SHAPE),
        ("U", Refused.NOT_IN_SHAPE),
        (b"", Refused.NOT_READABLE),
        (b"MSH|^~\\&|A|B|C|D|20260301||ADT^A01|1|P|2.5\rPID|1||12345^^^MRN||DOE^JOHN\r", Refused.NOT_READABLE),
        ('{"space": "r\u00f6om"}'.encode(), Refused.NOT_READABLE),
        (json.dumps(BED)[:-1].encode() + b', "time": "DOE^JOHN"}', Refused.NOT_READABLE),
        (b"[" * 512, Refused.NOT_READABLE),
        (json.dumps(BED).encode() + b" " * 512, Refused.TOO_LONG),
    ],
)
def test_anything_else_is_refused_whole(message, why):
    assert read(message) is why


def test_a_space_that_is_not_known_is_refused():
    assert read({**BED, "space": "room-2"}, "room-2") is Refused.UNKNOWN_SPACE


def test_a_time_that_is_a_little_ahead_is_now():
    report = read({**BED, "time": "2026-03-01T12:01:59.5Z"})
    assert isinstance(report, BedReport)
    assert report.time == NOON


def test_a_booking_and_its_id_that_is_not_kept():
    report = read_booking({**BOOKING, "id": UUID})
    assert isinstance(report, BookingReport)
    assert (report.space, report.start - NOON) == ("or-1", timedelta(hours=1))
    assert len(report.key) == 16
    assert UUID not in repr(report)
    assert report == read_booking({**BOOKING, "id": UUID})
    assert read_booking(BOOKING).key == b""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": "MRN-0012345"}, Refused.NOT_IN_SHAPE),
        ({"id": 12345}, Refused.NOT_IN_SHAPE),
        ({"procedure": "appendectomy"}, Refused.NOT_IN_SHAPE),
        ({"surgeon": "Dr Doe"}, Refused.NOT_IN_SHAPE),
        ({"end": "2026-03-01T12:59:59Z"}, Refused.TIME),
        ({"end": "2026-03-02T13:00:01Z"}, Refused.TIME),
        ({"start": "2027-01-01T00:00:00Z", "end": "2027-01-01T01:00:00Z"}, Refused.TIME),
    ],
)
def test_a_booking_with_anything_else_is_refused(changes, why):
    assert read_booking({**BOOKING, **changes}) is why


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.binary(max_size=600) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_is_a_reason(payload):
    assert isinstance(read(payload), Refused)
    assert isinstance(read(payload, "or-1", booking_report), Refused)


@given(st.dictionaries(st.text(max_size=12), JSON, min_size=1, max_size=3))
def test_no_further_key_gets_through(extra):
    unknown = {key: value for key, value in extra.items() if key not in (*BED, *BOOKING, "id")}
    if unknown:
        assert isinstance(read({**BED, **unknown}), Refused)
        assert isinstance(read_booking({**BOOKING, **unknown}), Refused)


def test_no_more_digits_of_a_time_are_kept_than_mean_something():
    report = read({**BED, "time": "2026-03-01T11:59:59.098765Z"})
    assert report.time == NOON - timedelta(seconds=1) + timedelta(milliseconds=98)
