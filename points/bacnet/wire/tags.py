"""Tags and what they enclose, read at an offset (ASHRAE 135, clause 20.2.1).

Nesting is followed with a list, not with calls, and a length counts only as far as there are octets.
"""

from __future__ import annotations

from points.bacnet.port import Datum, Opaque
from points.bacnet.wire.primitives import Shape, primitive, shape_of
from points.errors import ProtocolError

APPLICATION, CONTEXT, OPENING, CLOSING = range(4)
CHARACTER_STRING = 7  # its application tag
_BOOLEAN = 1
_MORE_NUMBER = 15  # in the tag number: it is in the next octet
_MORE_LENGTH, _OPENS, _CLOSES = 5, 6, 7  # in the length
_TWO_OCTETS, _FOUR_OCTETS = 254, 255  # in the octet of the length


def tag(octets: bytes, at: int, end: int) -> tuple[int, int, int, int]:
    """(number, class, where its content starts, where that ends) of the tag at `at`."""
    if at >= end:
        raise ProtocolError("a tag is missing")
    first = octets[at]
    number, class_, length = first >> 4, first >> 3 & 1, first & 7
    at += 1
    if number == _MORE_NUMBER:
        number, at = _number(octets, at, end, 1)
    if length >= _MORE_LENGTH:
        if length != _MORE_LENGTH:
            if class_ == APPLICATION:
                raise ProtocolError("an application tag opens or closes")
            return number, OPENING if length == _OPENS else CLOSING, at, at
        length, at = _number(octets, at, end, 1)
        if length == _TWO_OCTETS:
            length, at = _number(octets, at, end, 2)
        elif length == _FOUR_OCTETS:
            length, at = _number(octets, at, end, 4)
    if class_ == APPLICATION and number == _BOOLEAN:
        if first & 7 > 1:
            raise ProtocolError("a BOOLEAN is neither true nor false")
        return number, class_, at, at
    if at + length > end:
        raise ProtocolError("a value is not as long as it says")
    return number, class_, at, at + length


def enclosed(number: int, octets: bytes, at: int, end: int) -> tuple[int, int]:
    """(where the closing tag is, where it ends) of opening tag `number`, whose content starts at `at`."""
    open_ = [number]
    while True:
        found, class_, _, stop = tag(octets, at, end)
        if class_ == OPENING:
            open_.append(found)
        elif class_ == CLOSING:
            if open_.pop() != found:
                raise ProtocolError("a closing tag is not of the tag that is open")
            if not open_:
                return at, stop
        at = stop


def enclosed_by(number: int, octets: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(start of the content, its end, what follows) of the opening and closing tag `number` at `at`."""
    if not opens(number, octets, at, end):
        raise ProtocolError(f"opening tag {number} is missing")
    close, after = enclosed(number, octets, at + 1, end)
    return at + 1, close, after


def opens(number: int, octets: bytes, at: int, end: int) -> bool:
    return at < end and octets[at] == number << 4 | 0x0E


def closes(number: int, octets: bytes, at: int, end: int) -> bool:
    return at < end and octets[at] == number << 4 | 0x0F


def unsigned(number: int, octets: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, what follows) of the context-tagged number at `at`; at most 32 bits of it."""
    if at + 2 <= end and octets[at] == number << 4 | 0x09:  # of one octet, as nearly all are
        return octets[at + 1], at + 2
    found, class_, start, stop = tag(octets, at, end)
    if found != number or class_ != CONTEXT or not 0 < stop - start <= 4:
        raise ProtocolError(f"number {number} is missing or not of a number's length")
    return int.from_bytes(octets[start:stop], "big"), stop


def optional_unsigned(number: int, octets: bytes, at: int, end: int) -> tuple[int | None, int]:
    if at >= end or octets[at] & 0xF8 != number << 4 | 0x08:
        return None, at
    return unsigned(number, octets, at, end)


def identifier(number: int, octets: bytes, at: int, end: int) -> tuple[int, int]:
    """(its 32 bits, what follows) of the context-tagged object identifier at `at`."""
    if at + 5 > end or octets[at] != number << 4 | 0x0C:
        raise ProtocolError(f"object identifier {number} is missing")
    return int.from_bytes(octets[at + 1 : at + 5], "big"), at + 5


def decode_values(octets: bytes, start: int, end: int, object_type: str, name: str, index: int | None) -> Datum:
    """The value of a property from the tags between `start` and `end`."""
    return decode(octets, start, end, shape_of(object_type, name, index))


def decode(octets: bytes, start: int, end: int, shape: Shape) -> Datum:
    values: list[Datum] = []
    names = shape.names
    at = start
    while at < end:
        number, class_, content, stop = tag(octets, at, end)
        if class_ != APPLICATION:
            return _opaque(octets, start, end, stop if class_ == CONTEXT else at)
        values.append(primitive(number, octets[at] & 7, octets[content:stop], names, shape.charset))
        at = stop
    if shape.many:
        return tuple(values)
    if not values and shape.typed:
        raise ProtocolError("there is no value in it")
    return values[0] if len(values) == 1 else tuple(values)


def _opaque(octets: bytes, start: int, end: int, at: int) -> Opaque:
    """Constructed: kept as it came, if its tags are whole."""
    while at < end:
        number, class_, _, stop = tag(octets, at, end)
        if class_ == CLOSING:
            raise ProtocolError("a closing tag has nothing to close")
        at = enclosed(number, octets, stop, end)[1] if class_ == OPENING else stop
    return Opaque(octets[start:end])


def _number(octets: bytes, at: int, end: int, width: int) -> tuple[int, int]:
    """(an unsigned number of `width` octets, what follows)"""
    if at + width > end:
        raise ProtocolError("a tag is cut off")
    return int.from_bytes(octets[at : at + width], "big"), at + width
