"""What a repeated read remembers must never differ from what a whole decoding says."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_octets import (
    ANALOG_INPUT,
    BINARY_INPUT,
    PRESENT_VALUE,
    STATUS_FLAGS,
    Result,
    application,
    bit_string,
    enumerated,
    mutated,
    read_property_ack,
    read_property_multiple_ack,
    real,
    unsigned,
    values,
)

from points.bacnet.port import Answer, Property
from points.bacnet.wire import reading, replies
from points.bacnet.wire import template as template_module
from points.bacnet.wire.primitives import UNTYPED
from points.bacnet.wire.reading import Memory
from points.bacnet.wire.tags import decode
from points.bacnet.wire.template import Template
from points.errors import DeviceError, DeviceRefused, ProtocolError

WANTED = (
    Property("analog-input", 1, "present-value"),
    Property("analog-input", 1, "status-flags"),
    Property("binary-input", 2, "present-value"),
    Property("analog-input", 3, "present-value"),
    Property("analog-input", 3, "9999"),
)
OBJECTS = {1: ANALOG_INPUT, 2: BINARY_INPUT, 3: ANALOG_INPUT}


def reply(first: bytes, second: bytes, *, state: bytes = enumerated(1), flags: int = 0, tail: bytes = b"") -> bytes:
    return read_property_multiple_ack(
        [
            Result(ANALOG_INPUT, 1, PRESENT_VALUE, first),
            Result(ANALOG_INPUT, 1, STATUS_FLAGS, application(8, bytes((4, flags)))),
            Result(BINARY_INPUT, 2, PRESENT_VALUE, state),
            Result(ANALOG_INPUT, 3, PRESENT_VALUE, second),
            Result(ANALOG_INPUT, 3, 9999, tail or (2, 32)),
        ]
    )


def comparable(answers: Sequence[Answer]) -> list[object]:
    """Errors by their words, REALs by their octets: NaN is no equal of itself."""
    return [
        (type(answer), str(answer))
        if isinstance(answer, DeviceError)
        else struct.pack(">d", answer)
        if isinstance(answer, float)
        else answer
        for answer in answers
    ]


def test_one_property_is_asked_for_by_itself() -> None:
    memory = Memory(WANTED[:1])
    assert (memory.service, memory.parameters) == (12, bytes.fromhex("0c000000011955"))
    assert memory.take(b"xyz" + read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(1.5)), 3) == [1.5]
    assert memory.take(b"xyz" + read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, real(2.5)), 3) == [2.5]
    [answer] = memory.take(read_property_ack(ANALOG_INPUT, 1, PRESENT_VALUE, application(4, b"")), 0)
    assert isinstance(answer, ProtocolError)


def test_several_are_asked_for_at_once() -> None:
    memory = Memory(WANTED)
    assert memory.service == 14
    assert memory.parameters.hex() == "0c000000011e0955096f1f0c00c000021e09551f0c000000031e09550a270f1f"


def test_a_name_that_bacnet_does_not_know_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="is no name"):
        Memory([Property("analog-input", 1, "warmth")])


def test_the_same_octets_are_the_same_answers() -> None:
    memory = Memory(WANTED)
    first = memory.take(b"\x30\x01\x0e" + reply(real(1), real(2)), 3)
    assert memory.take(b"\x30\x02\x0e" + reply(real(1), real(2)), 3) is first
    changed = memory.take(b"\x30\x03\x0e" + reply(real(1), real(3)), 3)
    assert changed is not first
    assert comparable(first)[3] == struct.pack(">d", 2)
    assert memory.take(b"\x81\x0a\x00\x30\x03\x0e" + reply(real(1), real(3)), 6) is changed


def test_changed_reals_are_picked_and_nothing_else_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(WANTED)
    memory.take(reply(real(1), real(2)), 0)
    monkeypatch.setattr(reading, "multiple", None)
    answers = memory.take(reply(real(3.5), real(-4)), 0)
    assert [answers[0], answers[3]] == [3.5, -4.0]
    assert answers[1:3] == [(False,) * 4, True]


def test_of_other_values_those_that_changed_are_decoded_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = Memory(WANTED)
    memory.take(reply(real(1), real(2)), 0)
    decoded: list[bytes] = []
    monkeypatch.setattr(reading, "multiple", None)
    monkeypatch.setattr(
        template_module,
        "decode",
        lambda octets, start, stop, shape: (decoded.append(octets[start:stop]), decode(octets, start, stop, shape))[1],
    )
    answers = memory.take(reply(real(3), real(2), state=enumerated(0)), 0)
    assert (answers[0], answers[2]) == (3.0, False)
    answers = memory.take(reply(real(4), real(2), state=enumerated(0), flags=0x40), 0)
    assert (answers[0], answers[1], answers[2]) == (4.0, (False, True, False, False), False)
    assert decoded == [enumerated(0), application(8, b"\x04\x40")]


def test_a_state_that_goes_there_and_back_is_told_each_time() -> None:
    memory = Memory(WANTED)
    states = [1, 0, 1, 0, 0, 1]
    sent = [reply(real(number), real(2), state=enumerated(state)) for number, state in enumerate(states)]
    assert [memory.take(octets, 0)[2] for octets in sent] == [bool(state) for state in states]
    assert memory.decoded == 1


def test_a_changed_value_that_is_none_is_an_error_in_its_place() -> None:
    memory = Memory(WANTED)
    for state in (enumerated(1), enumerated(0), b"\x80\x00", b"\x80\x10", enumerated(1)):
        octets = reply(real(1), real(2), state=state)
        whole = replies.read_property_multiple(octets, 0, WANTED)
        assert comparable(memory.take(octets, 0)) == comparable(whole)


def test_a_list_of_one_real_stays_a_list() -> None:
    wanted = Property("analog-output", 1, "priority-array")
    for memory in (Memory([wanted]), Memory([wanted, WANTED[0]])):
        for value in (1.0, 2.0, 3.0):
            if memory.service == 12:
                octets = read_property_ack(1, 1, 87, real(value))
            else:
                octets = read_property_multiple_ack(
                    [Result(1, 1, 87, real(value)), Result(ANALOG_INPUT, 1, PRESENT_VALUE, real(value))]
                )
            assert memory.take(octets, 0)[0] == (value,)


def test_a_value_that_is_then_refused_in_the_same_reply_is_refused() -> None:
    memory = Memory([WANTED[0], WANTED[3]])
    for value in (1.0, 2.0, 3.0):
        octets = read_property_multiple_ack(
            [
                Result(ANALOG_INPUT, 1, PRESENT_VALUE, real(value)),
                Result(ANALOG_INPUT, 1, PRESENT_VALUE, (2, 32)),
                Result(ANALOG_INPUT, 3, PRESENT_VALUE, real(value)),
            ]
        )
        answers = memory.take(octets, 0)
        assert (type(answers[0]), answers[1]) == (DeviceRefused, value)


def test_what_else_changes_is_decoded() -> None:
    memory = Memory(WANTED)
    for octets in (
        reply(real(1), real(2)),
        reply(real(1), real(2), flags=0x40),
        reply(real(7), real(8), flags=0x40, state=enumerated(0)),
        reply(real(7), unsigned(0x10000000)),  # as long as a REAL
        reply(real(7), real(9), tail=real(3)),
        reply(real(8), real(9), tail=real(4)),
        reply(real(7), real(9), tail=unsigned(3)),
    ):
        assert comparable(memory.take(octets, 0)) == comparable(replies.read_property_multiple(octets, 0, WANTED))


def test_a_reply_that_is_none_leaves_the_memory_as_it_was() -> None:
    memory = Memory(WANTED)
    before = memory.take(reply(real(1), real(2)), 0)
    with pytest.raises(ProtocolError):
        memory.take(reply(real(1), real(2))[:-1], 0)
    assert memory.take(reply(real(1), real(2)), 0) is before
    assert memory.take(reply(real(1), real(5)), 0)[3] == 5.0


def test_an_empty_reply_is_not_taken_for_the_last_one() -> None:
    answers = Memory(WANTED).take(b"", 0)
    assert [type(answer) for answer in answers] == [ProtocolError] * len(WANTED)


def test_the_order_of_the_reply_is_not_that_of_the_answers() -> None:
    wanted = (WANTED[0], WANTED[3])
    swapped = [
        read_property_multiple_ack(
            [Result(ANALOG_INPUT, 3, PRESENT_VALUE, real(third)), Result(ANALOG_INPUT, 1, PRESENT_VALUE, real(first))]
        )
        for first, third in ((1.0, 3.0), (10.0, 30.0))
    ]
    memory = Memory(wanted)
    assert [list(memory.take(octets, 0)) for octets in swapped] == [[1.0, 3.0], [10.0, 30.0]]


def test_a_property_that_is_answered_twice_has_its_last_value() -> None:
    octets = [
        read_property_multiple_ack([Result(ANALOG_INPUT, 1, PRESENT_VALUE, real(value)) for value in both])
        for both in ((1.0, 2.0), (1.0, 3.0), (4.0, 3.0))
    ]
    memory = Memory([WANTED[0], WANTED[0]])
    assert [list(memory.take(each, 0)) for each in octets] == [[2.0, 2.0], [3.0, 3.0], [3.0, 3.0]]


def test_a_template_knows_its_own_replies_only() -> None:
    octets = reply(real(1), real(2))
    start = octets.index(real(2))
    template = Template(octets, ["first", "second"], {1: (start, start + 5, UNTYPED)})
    assert template.values(octets) == ["first", 2.0]
    assert template.values(reply(real(1), real(9))) == ["first", 9.0]
    assert template.values(reply(real(3), real(9))) is None  # that REAL is none of the template's
    assert template.values(octets + b"\0") is None
    assert template.values(octets[:-1]) is None
    assert template.values(b"\0" + octets) is None
    assert template.values(b"") is None


kinds = st.one_of(st.floats(width=32).map(real), st.integers(0, 255).map(unsigned), values())


@given(
    st.lists(
        st.one_of(
            st.builds(reply, kinds, kinds),
            st.builds(reply, st.floats(width=32).map(real), st.floats(width=32).map(real)),
            st.builds(
                lambda state, flags: reply(real(1), real(2), state=state, flags=flags),
                st.integers(0, 3).map(enumerated),
                st.integers(0, 255),
            ),
            st.builds(lambda bits: reply(bit_string(bits), real(2)), st.lists(st.booleans(), max_size=20)),
            mutated(st.just(reply(real(1), real(2)))),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_remembering_never_differs_from_decoding(sent: list[bytes]) -> None:
    memory = Memory(WANTED)
    for octets in sent:
        try:
            whole = comparable(replies.read_property_multiple(octets, 0, WANTED))
        except ProtocolError:
            with pytest.raises(ProtocolError):
                memory.take(octets, 0)
            continue
        assert comparable(memory.take(octets, 0)) == whole
