"""A reply's shape, so that the next one of the same shape is not decoded but picked from.

What stands around the values is compared, all of it at once. REALs, which nearly always change, are
picked all at once too; of the other values only those are decoded whose octets differ.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from points.bacnet.port import Answer
from points.bacnet.wire.primitives import Shape
from points.bacnet.wire.tags import decode
from points.errors import ProtocolError

_REAL = 0x44  # a REAL's whole tag
_OCTETS = 4  # of a REAL, behind its tag


class Template:
    """Made from a reply and its answers: position -> where the value's tags begin and end, and its shape.

    Answers without a place are taken to be the same as long as the octets around the values are.
    """

    __slots__ = ("_around", "_between", "_length", "_others", "_pick", "_reals", "_rest", "_same", "_values")

    def __init__(self, reply: bytes, answers: Sequence[Answer], values: Mapping[int, tuple[int, int, Shape]]) -> None:
        reals = {position: place[0] + 1 for position, place in values.items() if _is_real(reply, *place)}
        offsets = sorted(set(reals.values()))
        nth = {offset: number for number, offset in enumerate(offsets)}
        self._length = len(reply)
        self._reals = struct.Struct(_format(offsets, self._length)).unpack
        regions = [(offset, offset + _OCTETS) for offset in offsets]
        number = int.from_bytes(reply, "big")
        self._between = _mask(self._length, regions)  # all but REALs
        self._same = number & self._between
        others = [position for position in range(len(answers)) if position not in reals]
        regions += [values[position][:2] for position in others if position in values]
        self._around = _mask(self._length, regions)
        self._rest = number & self._around
        self._others = [
            (number, *values[position]) for number, position in enumerate(others) if position in values
        ]  # (which of the other answers, begin, end, shape)
        self._values: tuple[bytes, list[Answer]] = (reply, [answers[position] for position in others])
        self._pick = _pick(len(answers), {position: nth[offset] for position, offset in reals.items()})

    def values(self, reply: bytes) -> list[Answer] | None:
        """The answers in `reply`; None when it is of another shape, or has a value that cannot be decoded."""
        if len(reply) != self._length:
            return None
        number = int.from_bytes(reply, "big")
        if number & self._between != self._same and not self._learned(reply, number):
            return None
        reals = self._reals(reply)
        if self._pick is None:
            return list(reals)
        return list(self._pick((*reals, *self._values[1]))[:-1])

    def _learned(self, reply: bytes, number: int) -> bool:
        """Whether only values differ; those that are no REALs are decoded, and kept for the next reply."""
        if number & self._around != self._rest:
            return False
        before, answers = self._values
        now = answers.copy()
        for which, start, stop, shape in self._others:
            if reply[start:stop] != before[start:stop]:
                try:
                    now[which] = decode(reply, start, stop, shape)
                except ProtocolError:
                    return False
        self._values = reply, now
        self._same = number & self._between
        return True


def _is_real(reply: bytes, start: int, stop: int, shape: Shape) -> bool:
    return stop - start == 1 + _OCTETS and reply[start] == _REAL and not shape.many


def _mask(length: int, regions: Sequence[tuple[int, int]]) -> int:
    """Ones in as many octets, but for zeros in the regions."""
    mask = bytearray(b"\xff" * length)
    for start, stop in regions:
        mask[start:stop] = bytes(stop - start)
    return int.from_bytes(mask, "big")


def _format(offsets: Sequence[int], length: int) -> str:
    """REALs at `offsets`, and whatever else between them, in `length` octets."""
    ends = [0, *(offset + _OCTETS for offset in offsets)]
    starts = [*offsets, length]
    gaps = [f"{start - end}x" for end, start in zip(ends, starts, strict=True)]
    return ">" + "f".join(gaps)


def _pick(many: int, reals: Mapping[int, int]) -> Any:
    """Puts REALs, and the other answers behind them, into the order of the answers; None if they are."""
    behind = iter(range(max(reals.values(), default=-1) + 1, many * 2))
    order = [reals[position] if position in reals else next(behind) for position in range(many)]
    if order == list(range(many)) and len(reals) == many:
        return None
    return itemgetter(*order, order[0])  # one index alone would pick the item itself and no tuple
