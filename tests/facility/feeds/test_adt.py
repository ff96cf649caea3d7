"""A bed status has room for a bed and a state; whatever could carry a person refuses the message."""

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from manual_clock import NOON

from facility.feeds import adt
from facility.feeds.book import BedReport
from facility.feeds.tally import Refused

HOSPITAL = adt.Hospital(
    zone=ZoneInfo("America/Chicago"),
    systems=frozenset({"BEDBOARD", "MERCY"}),
    beds={"4EAST^301^A": "room-301", "4EAST^302^": "room-302"},
)
MSH = "MSH|^~\\&|BEDBOARD|MERCY|||20260301055900||ADT^A20^ADT_A20|MSG00001|P|2.5"
EVN = "EVN|A20|20260301055900"
NPU = "NPU|4EAST^301^A^MERCY|U"


def message(*segments):
    return ("\r".join(segments) + "\r").encode()


def read(*segments, now=NOON):
    return adt.bed_report(message(*segments), HOSPITAL, now)


def test_a_bed_status_is_taken():
    report = read(MSH, EVN, NPU)
    assert isinstance(report, BedReport)
    assert (report.space, report.bed, report.state.value) == ("room-301", "4EAST^301^A", "U")
    assert report.time == NOON - timedelta(minutes=1)  # 05:59 in Chicago


@pytest.mark.parametrize(
    ("msh", "evn", "npu"),
    [
        (MSH.replace("2.5", "2.3.1"), EVN, NPU),
        (MSH.replace("^ADT_A20", ""), EVN, NPU),
        (MSH + "|||AL|NE|USA|ASCII", EVN, NPU),
        (MSH + "||||||||", EVN, NPU),
        (MSH, "EVN||202603010559-0600|||", NPU),
        (MSH, "EVN|A20|20260301055900||||20260301055800", NPU),
        (MSH, EVN, "NPU|4EAST^302|O"),
        (MSH, EVN, "NPU|4EAST^301^A|U^^HL70116"),
    ],
)
def test_the_usual_ways_to_write_it(msh, evn, npu):
    assert isinstance(read(msh, evn, npu), BedReport)


@pytest.mark.parametrize(
    "segments",
    [
        (MSH, EVN, "PID|1||0012345^^^MRN||DOE^JOHN", NPU),
        (MSH, EVN, NPU, "PV1|1|I|4EAST^301^A"),
        (MSH, EVN, NPU, "NK1|1|DOE^JANE|SPO"),
        (MSH, EVN, NPU, "OBX|1|ST|NAME||DOE"),
        (MSH, EVN, NPU, "DG1|1||A41.9^SEPSIS"),
        (MSH, EVN, NPU, "ZXX|DOE"),
        (MSH, EVN, NPU, NPU),
        (MSH, EVN),
        (MSH, NPU, EVN),
        (MSH, EVN, NPU, ""),
        (MSH + "||||||||DOE", EVN, NPU),
        (MSH.replace("055900||", "055900|DOE|"), EVN, NPU),
        (MSH.replace("MSG00001", "DOE JOHN, born 1950"), EVN, NPU),
        (MSH, "EVN|A20|20260301055900||DOE", NPU),
        (MSH, "EVN|A20|20260301055900|||12345^DOE^JOHN", NPU),
        (MSH, "EVN|A20|", NPU),
        (MSH, "EVN|A01|20260301055900", NPU),
        (MSH, EVN, "NPU|4EAST^301^A^MERCY^DOE|U"),
        (MSH, EVN, "NPU|4EAST^301^A&DOE|U"),
        (MSH, EVN, "NPU|4EAST^301^A~DOE|U"),
        (MSH, EVN, "NPU|4EAST^301^A|U|DOE"),
        (MSH, EVN, "NPU|4EAST^301^A|U^Doe"),
        (MSH, EVN, "NPU|4EAST^301^A|UO"),
        (MSH, EVN, "NPU|4EAST^301^A\n|U"),
        (MSH, EVN, "NPU|4EAST^301^\u00c4|U"),
    ],
)
def test_anything_that_could_carry_a_person_is_refused(segments):
    assert read(*segments) is Refused.NOT_IN_SHAPE


@pytest.mark.parametrize(
    ("segments", "why"),
    [
        ((MSH.replace("^A20^ADT_A20", "^A01"), EVN, NPU), Refused.NOT_OURS),
        ((MSH.replace("^~\\&", "^~\\#"), EVN, NPU), Refused.NOT_OURS),
        ((MSH.replace("|P|", "|T|"), EVN, NPU), Refused.NOT_OURS),
        ((MSH.replace("BEDBOARD", "DOEJOHN"), EVN, NPU), Refused.NOT_OURS),
        ((MSH, EVN, NPU.replace("MERCY", "DOEJOHN")), Refused.NOT_OURS),
        ((MSH, EVN, "NPU|4EAST^309^A|U"), Refused.UNKNOWN_SPACE),
        ((MSH, EVN, "NPU|4EAST^301^A|X"), Refused.UNKNOWN_STATE),
        ((MSH, "EVN|A20|20260301060300", NPU), Refused.TIME),
        ((MSH, "EVN|A20|20260228055900", NPU), Refused.TIME),
        ((MSH, "EVN|A20|20261399055900", NPU), Refused.TIME),
        (("DOE^JOHN",), Refused.NOT_READABLE),
    ],
)
def test_what_is_not_ours_or_not_known(segments, why):
    assert read(*segments) is why


def test_the_hour_that_comes_twice_is_the_later_one_when_it_has_come():
    zone = HOSPITAL.zone
    evn = "EVN|A20|20261101013000"
    msh = MSH.replace("20260301055900", "")
    for now, since in (("2026-11-01T06:35", 5), ("2026-11-01T07:35", 5)):
        moment = NOON.fromisoformat(f"{now}+00:00")
        report = read(msh, evn, NPU, now=moment)
        assert isinstance(report, BedReport), (now, zone)
        assert moment - report.time == timedelta(minutes=since)


ANSWER = re.compile(
    rb"MSH\|\^~\\&\|FACILITY\|\|\|\|20260301120000\+0000\|\|ACK\^A20\^ACK\|F7\|P\|2\.5\r"
    rb"MSA\|(AA|AE|AR)\|[A-Za-z0-9._-]{0,20}(\|[a-z-]+)?\r"
)


def test_an_answer_echoes_the_control_id_and_nothing_else():
    control = adt.control_id(message(MSH, EVN, NPU))
    assert control == "MSG00001"
    assert adt.answer(None, control, NOON, 7).endswith(b"MSA|AA|MSG00001\r")
    assert adt.answer(Refused.NOT_IN_SHAPE, control, NOON, 7).endswith(b"MSA|AE|MSG00001|not-in-shape\r")
    assert adt.answer(Refused.NOT_OURS, "", NOON, 7).endswith(b"MSA|AR||not-ours\r")


FIELDS = st.sampled_from(
    ["DOE^JOHN", "0012345^^^MRN", "PID", "U", "|", "^", "~", "&", "\\", "\r", "\n", "é", "A20", "MSH"]
)
PIECES = st.lists(FIELDS, max_size=12).map("".join)


@given(st.sampled_from([MSH, EVN, NPU, "PID|1", ""]), PIECES, st.integers(0, 80), st.binary(max_size=50))
def test_nothing_that_is_put_into_a_message_gets_through(segment, piece, at, tail):
    odd = segment[:at] + piece + segment[at:]
    segments = [odd if each == segment else each for each in (MSH, EVN, NPU)]
    raw = message(*segments) + tail
    found = adt.bed_report(raw, HOSPITAL, NOON)
    assert isinstance(found, (Refused, BedReport))
    if isinstance(found, BedReport):
        assert (found.space, found.bed) in {("room-301", "4EAST^301^A"), ("room-302", "4EAST^302^")}
    verdict = found if isinstance(found, Refused) else None
    said = adt.answer(verdict, adt.control_id(raw), NOON, 7)
    assert ANSWER.fullmatch(said)


def test_no_more_digits_of_a_time_are_kept_than_mean_something():
    report = read(MSH, "EVN|A20|20260301055900.0987", NPU)
    assert report.time == NOON - timedelta(minutes=1) + timedelta(milliseconds=98)


@pytest.mark.parametrize("offset", ["+1401", "-0660", "+9999", "-2400"])
def test_an_offset_that_nobody_has_is_no_time(offset):
    assert read(MSH, f"EVN|A20|20260301120000{offset}", NPU) is Refused.TIME
