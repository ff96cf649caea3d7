"""Acknowledgements and refusals, from octets to answers in the order asked."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_octets import (
    ANALOG_INPUT,
    BINARY_INPUT,
    DEVICE,
    OBJECT_LIST,
    PRESENT_VALUE,
    RELIABILITY,
    STATUS_FLAGS,
    UNITS,
    Counted,
    Result,
    application,
    bit_string,
    context,
    enumerated,
    inside,
    mutated,
    object_octets,
    read_property_ack,
    read_property_multiple_ack,
    real,
    unsigned,
    values,
)

from points.bacnet.port import Answer, Opaque, Property
from points.bacnet.wire import replies
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError

FIRST = Property("analog-input", 1, "present-value")
WANTED = (
    FIRST,
    Property("analog-input", 1, "status-flags"),
    Property("binary-input", 2, "present-value"),
    Property("200", 3, "600"),
    Property("device", 4, "object-list", 2),
)
ANSWERED = (
    Result(ANALOG_INPUT, 1, PRESENT_VALUE, real(21.5)),
    Result(ANALOG_INPUT, 1, STATUS_FLAGS, bit_string([False, True, False, False])),
    Result(BINARY_INPUT, 2, PRESENT_VALUE, enumerated(1)),
    Result(200, 3, 600, inside(0, unsigned(7))),
    Result(DEVICE, 4, OBJECT_LIST, application(12, object_octets(DEVICE, 4)), 2),
)
ANSWERS = [21.5, (False, True, False, False), True, Opaque(inside(0, unsigned(7))), "device,4"]


def test_annex_f_is_read() -> None:
    """ASHRAE 135, F.3.5 and F.3.7."""
    ack = bytes.fromhex("30010c0c00000005 1955 3e44429099 9a3f".replace(" ", ""))
    assert replies.read_property(ack, 3, Property("analog-input", 5, "present-value")) == pytest.approx(72.3)
    ack = bytes.fromhex("30f10e0c000000101e29554e444290999a4f29674e91004f1f")
    wanted = [Property("analog-input", 16, "present-value"), Property("analog-input", 16, "reliability")]
    assert replies.read_property_multiple(ack, 3, wanted) == [pytest.approx(72.3), "no-fault-detected"]
    ack = bytes.fromhex(
        "30020e 0c000000211e29554e44422933334f1f 0c000000321e29555e9101911f5f1f"
        "0c000000231e29554e4443d9d99a4f1f".replace(" ", "")
    )
    wanted = [Property("analog-input", instance, "present-value") for instance in (33, 50, 35)]
    answers = replies.read_property_multiple(ack, 3, wanted)
    assert answers[0] == pytest.approx(42.3)
    assert isinstance(answers[1], DeviceRefused)
    assert answers[1].code == "unknown-object"
    assert answers[2] == pytest.approx(435.7)


class TestOne:
    @pytest.mark.parametrize("value", [math.inf, -math.inf, 0.1, 3.4028234663852886e38, 1e-45])
    def test_a_real_is_exact(self, value: float) -> None:
        ack = read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(value))
        back = replies.read_property(b"xyz" + ack, 3, FIRST)
        assert isinstance(back, float)
        assert real(back) == real(value)

    def test_nan_is_a_value(self) -> None:
        ack = read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(math.nan))
        assert math.isnan(replies.read_property(ack, 0, FIRST))  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "ack",
        [
            read_property_ack(ANALOG_INPUT, 2, PRESENT_VALUE, real(1)),
            read_property_ack(BINARY_INPUT, 1, PRESENT_VALUE, real(1)),
            read_property_ack(ANALOG_INPUT, 1, UNITS, real(1)),
            read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(1), index=0),
            read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(1)) + b"\0",
        ],
    )
    def test_an_answer_to_something_else_is_none(self, ack: bytes) -> None:
        with pytest.raises(ProtocolError, match="something else"):
            replies.read_property(ack, 0, FIRST)

    def test_a_value_that_is_none_is_an_error_with_its_name(self) -> None:
        ack = read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, application(4, b"ab"))
        with pytest.raises(ProtocolError, match="present-value of analog-input 1 cannot be decoded"):
            replies.read_property(ack, 0, FIRST)

    @pytest.mark.parametrize("length", range(len(read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(1)))))
    def test_a_cut_off_answer_is_an_error(self, length: int) -> None:
        with pytest.raises(ProtocolError):
            replies.read_property(read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(1))[:length], 0, FIRST)


class TestMany:
    def test_answers_come_in_the_order_asked(self) -> None:
        assert replies.read_property_multiple(read_property_multiple_ack(ANSWERED), 0, WANTED) == ANSWERS

    @given(st.permutations(ANSWERED))
    def test_whatever_the_order_of_the_reply(self, answered: list[Result]) -> None:
        assert replies.read_property_multiple(read_property_multiple_ack(answered), 0, WANTED) == ANSWERS

    def test_grouped_by_object_they_are_the_same(self) -> None:
        ack = (
            context(0, object_octets(ANALOG_INPUT, 1))
            + inside(1, ANSWERED[0].octets + ANSWERED[1].octets)
            + read_property_multiple_ack(ANSWERED[2:])
        )
        assert replies.read_property_multiple(ack, 0, WANTED) == ANSWERS

    def test_what_was_asked_twice_is_answered_twice(self) -> None:
        ack = read_property_multiple_ack([ANSWERED[0], ANSWERED[0]])
        assert replies.read_property_multiple(ack, 0, [FIRST, FIRST]) == [21.5, 21.5]

    def test_a_property_that_is_refused_costs_no_other(self) -> None:
        refused = Result(ANALOG_INPUT, 1, STATUS_FLAGS, (2, 32))
        ack = read_property_multiple_ack([ANSWERED[0], refused, *ANSWERED[2:]])
        answers = replies.read_property_multiple(ack, 0, WANTED)
        assert [*answers[:1], *answers[2:]] == [*ANSWERS[:1], *ANSWERS[2:]]
        assert isinstance(answers[1], DeviceRefused)
        assert answers[1].code == "unknown-property"
        assert str(answers[1]) == "status-flags of analog-input 1: refused (unknown-property)"

    @pytest.mark.parametrize("content", [b"", enumerated(2), unsigned(2) + unsigned(32), inside(0, b"")])
    def test_a_refusal_without_a_code_is_no_refusal(self, content: bytes) -> None:
        body = context(2, bytes((PRESENT_VALUE,))) + inside(5, content)
        ack = context(0, object_octets(ANALOG_INPUT, 1)) + inside(1, body)
        [answer] = replies.read_property_multiple(ack, 0, [FIRST])
        assert isinstance(answer, ProtocolError)

    def test_a_refusal_that_leaves_out_the_index_is_about_the_one_element_asked_for(self) -> None:
        """As rusty-bacnet refuses one slot of a priority array that an object does not have."""
        ack = read_property_multiple_ack([*ANSWERED[:4], Result(DEVICE, 4, OBJECT_LIST, (2, 32))])
        answers = replies.read_property_multiple(ack, 0, WANTED)
        assert answers[:4] == ANSWERS[:4]
        assert isinstance(answers[4], DeviceRefused)
        assert answers[4].code == "unknown-property"

    def test_without_its_index_no_value_is_taken_and_no_refusal_that_could_mean_two(self) -> None:
        value = Result(DEVICE, 4, OBJECT_LIST, application(12, object_octets(DEVICE, 4)))
        refusal = Result(DEVICE, 4, OBJECT_LIST, (2, 32))
        two = [WANTED[4], Property("device", 4, "object-list", 3)]
        for result, wanted in ((value, [WANTED[4]]), (refusal, two)):
            with pytest.raises(ProtocolError, match="something else"):
                replies.read_property_multiple(read_property_multiple_ack([result]), 0, wanted)

    def test_an_unknown_code_is_a_number(self) -> None:
        ack = read_property_multiple_ack([Result(ANALOG_INPUT, 1, PRESENT_VALUE, (2, 40_000))])
        [answer] = replies.read_property_multiple(ack, 0, [FIRST])
        assert isinstance(answer, DeviceRefused)
        assert answer.code == "40000"

    def test_a_value_that_is_none_costs_no_other(self) -> None:
        broken = Result(ANALOG_INPUT, 1, STATUS_FLAGS, application(8, b""))
        ack = read_property_multiple_ack([ANSWERED[0], broken, *ANSWERED[2:]])
        answers = replies.read_property_multiple(ack, 0, WANTED)
        assert [*answers[:1], *answers[2:]] == [*ANSWERS[:1], *ANSWERS[2:]]
        assert isinstance(answers[1], ProtocolError)

    def test_what_is_missing_is_an_error_in_its_place(self) -> None:
        answers = replies.read_property_multiple(read_property_multiple_ack(ANSWERED[1:]), 0, WANTED)
        assert answers[1:] == ANSWERS[1:]
        assert isinstance(answers[0], ProtocolError)
        assert "present-value of analog-input 1: missing" in str(answers[0])

    @pytest.mark.parametrize(
        "foreign",
        [
            Result(ANALOG_INPUT, 9, PRESENT_VALUE, real(1)),
            Result(BINARY_INPUT, 1, PRESENT_VALUE, real(1)),
            Result(ANALOG_INPUT, 1, RELIABILITY, enumerated(0)),
            Result(ANALOG_INPUT, 1, PRESENT_VALUE, real(1), 3),
        ],
    )
    def test_an_answer_about_anything_else_is_none_at_all(self, foreign: Result) -> None:
        with pytest.raises(ProtocolError, match="something else"):
            replies.read_property_multiple(read_property_multiple_ack([*ANSWERED, foreign]), 0, WANTED)

    @pytest.mark.parametrize(
        "number",
        [
            application(2, b"\x55"),  # of no context
            context(2, b""),
            context(2, bytes(4) + b"\x55"),
            context(1, b"\x55"),
            inside(2, b"\x55"),
        ],
    )
    def test_a_result_without_its_property_is_an_error(self, number: bytes) -> None:
        body = number + inside(4, real(1))
        with pytest.raises(ProtocolError):
            replies.read_property_multiple(context(0, object_octets(ANALOG_INPUT, 1)) + inside(1, body), 0, [FIRST])

    def test_a_cut_off_answer_is_an_error(self) -> None:
        ack = read_property_multiple_ack(ANSWERED)
        for length in range(len(ack)):
            try:
                answers = replies.read_property_multiple(ack[:length], 0, WANTED)
            except ProtocolError:
                continue
            assert any(isinstance(answer, ProtocolError) for answer in answers)  # it ended between two objects


class TestRefusal:
    @pytest.mark.parametrize(
        ("apdu", "code", "shown"),
        [
            ("50 01 0c 91 02 91 20", "unknown-property", "it: refused (unknown-property)"),
            ("50 01 0c 91 02 92 9c40", "40000", "it: refused (40000)"),
            ("50 01 10 0e 91 02 91 28 0f 19 01", "write-access-denied", "it: refused (write-access-denied)"),
            ("60 01 09", "unrecognized-service", "it: rejected (unrecognized-service)"),
            ("60 01 c8", "200", "it: rejected (200)"),
            ("71 01 04", "segmentation-not-supported", "it: aborted (segmentation-not-supported)"),
            ("70 01 0a", "tsm-timeout", "it: aborted (tsm-timeout)"),
        ],
    )
    def test_a_refusal_has_its_code(self, apdu: str, code: str, shown: str) -> None:
        refusal = replies.refusal(b"npdu" + bytes.fromhex(apdu), 4, "it")
        assert isinstance(refusal, DeviceRefused)
        assert (refusal.code, str(refusal)) == (code, shown)

    def test_no_route_is_silence(self) -> None:
        code = next(number for number in range(300) if replies.error_code_name(number) == "unknown-route")
        refusal = replies.refusal(bytes.fromhex("50010c9101") + enumerated(code), 0, "it")
        assert isinstance(refusal, DeviceSilent)

    @pytest.mark.parametrize(
        "apdu", ["", "50", "60 01", "50 01 0c", "50 01 0c 91 02", "50 01 0c 21 02 21 20", "30 01 0c"]
    )
    def test_what_is_no_refusal_is_a_protocol_error(self, apdu: str) -> None:
        assert isinstance(replies.refusal(bytes.fromhex(apdu), 0, "it"), ProtocolError)

    @given(st.binary(max_size=30))
    def test_foreign_octets_are_some_refusal(self, octets: bytes) -> None:
        assert isinstance(replies.refusal(octets, 0, "it"), DeviceError)


results = st.lists(
    st.builds(
        lambda result, value: result._replace(value=value),
        st.sampled_from(ANSWERED),
        st.one_of(values(), st.tuples(st.integers(0, 9), st.integers(0, 65535))),
    ),
    max_size=6,
)


@given(st.one_of(st.binary(max_size=80), mutated(results.map(read_property_multiple_ack))))
def test_foreign_octets_are_answers_or_an_error(octets: bytes) -> None:
    for read in (replies.read_property_multiple, lambda *given: replies.read_property(*given[:2], given[2][0])):
        try:
            answers: list[Answer] | Answer = read(octets, 0, WANTED)
        except ProtocolError:
            continue
        assert not isinstance(answers, list) or len(answers) == len(WANTED)


@pytest.mark.parametrize(
    "value",
    [b"\x0e" * 10_000 + b"\x0f" * 10_000, b"\x0e" * 10_000, b"\x21\x01" * 5000, b"\x75\xff\xff\xff\xff\xff" * 2000],
)
def test_the_work_is_as_long_as_the_octets(value: bytes) -> None:
    counted = Counted(read_property_multiple_ack([ANSWERED[0]._replace(value=value)] * 3))
    with contextlib.suppress(ProtocolError):
        replies.read_property_multiple(counted, 0, WANTED)
    assert counted.looked <= 8 * len(counted)
