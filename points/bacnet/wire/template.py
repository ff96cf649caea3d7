"""A reply's shape, so that the next one of the same shape is not decoded but picked from.

Only octets inside REALs may differ from the reply the template was made of; every other octet is
compared, all of them at once.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from points.bacnet.port import Answer

_REAL = 4  # octets


class Template:
    """Made from a reply, the answers in it, and the places of those that are REALs: position -> offset."""

    __slots__ = ("_constant", "_fixed", "_length", "_mask", "_pick", "_reals")

    def __init__(self, reply: bytes, answers: Sequence[Answer], reals: dict[int, int]) -> None:
        offsets = sorted(set(reals.values()))
        self._length = len(reply)
        self._reals = struct.Struct(_format(offsets, self._length)).unpack
        mask = bytearray(b"\xff" * self._length)
        for offset in offsets:
            mask[offset : offset + _REAL] = bytes(_REAL)
        self._mask = int.from_bytes(mask, "big")
        self._fixed = int.from_bytes(reply, "big") & self._mask
        place = {offset: number for number, offset in enumerate(offsets)}
        others = [position for position in range(len(answers)) if position not in reals]
        self._constant = tuple(answers[position] for position in others)
        after = {position: len(offsets) + number for number, position in enumerate(others)}
        order = [place[reals[each]] if each in reals else after[each] for each in range(len(answers))]
        in_order = order == list(range(len(offsets)))
        # one index alone would pick the item itself and no tuple
        self._pick: Any = None if in_order else itemgetter(*order, order[0])

    def values(self, reply: bytes) -> list[Answer] | None:
        """The answers in `reply`; None when it is of another shape, or differs in more than REALs."""
        if len(reply) != self._length or int.from_bytes(reply, "big") & self._mask != self._fixed:
            return None
        reals = self._reals(reply)
        if self._pick is None:
            return list(reals)
        return list(self._pick(reals + self._constant)[:-1])


def _format(offsets: Sequence[int], length: int) -> str:
    """REALs at `offsets`, and whatever else between them, in `length` octets."""
    ends = [0, *(offset + _REAL for offset in offsets)]
    starts = [*offsets, length]
    gaps = [f"{start - end}x" for end, start in zip(ends, starts, strict=True)]
    return ">" + "f".join(gaps)
