"""The chain of the audit: every entry is hashed together with the hash of the one before it. Pure.

`hash = SHA-256(previous hash || canonical bytes)`; before the first entry stand 32 zero bytes. `Chain` takes the
stored rows in the order of their numbers, one by one, and names what is wrong by the number of the entry:

- an entry whose bytes are not those that were hashed, or whose columns say another thing than its bytes;
- numbers that are missing, two entries that changed places, an end that came too early;
- an entry that was hashed anew, because the next one, or an anchor, was made for another.

Someone who can rewrite all of it can make a chain that is whole: only an anchor that he cannot reach tells then.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from facility.audit.record import NAMES, fields_of, in_columns

BEGINNING = "00" * 32
"""Stands before the first entry."""

CHAINED = "chain"
"""The action of the note with which older entries were chained; its `found` lists the numbers that were not there."""


ALTERED = "its bytes are not those that were hashed"


def link(previous: str, canonical: bytes) -> str:
    """The hash of an entry whose predecessor has the hash `previous`."""
    return hashlib.sha256(bytes.fromhex(previous) + canonical).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not as it was written. `seq` is the entry that it is about, the first of several."""

    seq: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What an anchor says stood at `seq`, and where the anchor was found."""

    seq: int
    hash: str
    time: datetime
    where: str


class Chain:
    """Checks rows in the order of their numbers. `take` each, then ask `faults`."""

    def __init__(self, witnessed: Iterable[Witnessed] = (), *, last: int = 0, head: str = BEGINNING) -> None:
        """`last` and `head`: of the entry after which the rows begin, where they are not all."""
        self.entries = 0
        self.last = last
        self.head = head
        self._anchors: dict[int, list[Witnessed]] = {}
        for each in witnessed:
            self._anchors.setdefault(each.seq, []).append(each)
        self._highest = max(self._anchors, default=0)
        self._faults: list[Fault] = []
        self._gaps: list[tuple[int, int]] = []
        self._excused: set[tuple[int, int]] = set()
        self._moved: dict[int, int] = {}  # where an entry stands -> the number that its bytes say
        self._borne_out = 0  # the latest entry that is as an anchor says
        self._doubted = False  # an anchor was contradicted: all that follows would be too

    def take(self, row: Mapping[str, Any]) -> None:
        """The next row: the columns as SQLite holds them, `canonical`, `previous` and `hash`."""
        seq: int = row["seq"]
        if seq > self.last + 1:
            self._gaps.append((self.last + 1, seq - 1))
        own, wrong = _own_faults(row)
        if own is not None and _is_number(own["seq"]) and own["seq"] != seq:
            self._moved[seq] = own["seq"]
        elif wrong:
            self._faults.append(Fault(seq=seq, text=f"entry {seq}: was changed ({wrong})"))
        elif row["previous"] != self.head and self._is_next_to(seq):
            self._blame(seq)
        if own is not None and own["action"] == CHAINED and not wrong:
            self._excused |= _gaps_listed(own["found"])
        for anchor in self._anchors.get(seq, ()):
            self._compare(anchor, row["hash"])
        self.entries += 1
        self.last, self.head = seq, row["hash"]

    def faults(self, counted: int = 0) -> list[Fault]:
        """All that is wrong. `counted` is the highest number that the database remembers to have given."""
        found = [*self._faults, *self._swaps(), *self._missing(), *self._end(counted)]
        return sorted(found, key=lambda fault: fault.seq)

    def _is_next_to(self, seq: int) -> bool:
        """Whether the row before it is there, and is the one that was chained there."""
        return seq == self.last + 1 and self.last not in self._moved

    def _blame(self, seq: int) -> None:
        if self.last == 0:
            text = f"entry {seq}: was changed (the chain does not begin with it)"
            self._faults.append(Fault(seq=seq, text=text))
            return
        if any(fault.seq == self.last for fault in self._faults):
            return  # named already
        text = (
            f"entry {self.last}: was changed (it has been hashed anew, it or one before it: "
            f"entry {seq} was chained to another)"
        )
        self._faults.append(Fault(seq=self.last, text=text))

    def _compare(self, anchor: Witnessed, present: str) -> None:
        if anchor.hash == present:
            self._borne_out = max(self._borne_out, anchor.seq)
        elif not self._doubted:
            self._doubted = True
            first = self._borne_out + 1
            between = f"; what was changed is among the entries {first} to {anchor.seq}" if first < anchor.seq else ""
            text = f"entry {anchor.seq} is not the one that was anchored at {_at(anchor)}{between}"
            self._faults.append(Fault(seq=anchor.seq, text=text))

    def _swaps(self) -> Iterable[Fault]:
        for stands, says in self._moved.items():
            if self._moved.get(says) == stands:
                if stands < says:
                    yield Fault(seq=stands, text=f"entries {says} and {stands} are swapped")
            else:
                yield Fault(seq=stands, text=f"entry {stands}: was changed (it was written as entry {says})")

    def _missing(self) -> Iterable[Fault]:
        for first, last in self._gaps:
            if (first, last) not in self._excused:
                yield Fault(seq=first, text=f"{_named(first, last)} missing")

    def _end(self, counted: int) -> Iterable[Fault]:
        beyond = max(
            (each for many in self._anchors.values() for each in many), key=lambda each: each.seq, default=None
        )
        if beyond is not None and beyond.seq > self.last:
            last = max(beyond.seq, counted)
            yield Fault(
                seq=self.last + 1,
                text=f"the audit ends at {self.last}, but entry {beyond.seq} was anchored at {_at(beyond)}: "
                f"{_named(self.last + 1, last)} missing, or an old copy was put in place",
            )
        elif counted > self.last:
            yield Fault(
                seq=self.last + 1,
                text=f"the audit ends at {self.last}, but the database has counted to {counted}: "
                f"{_named(self.last + 1, counted)} missing",
            )


def _own_faults(row: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """What the row's bytes say, None if they are not those that were hashed; and what about the row alone is wrong."""
    canonical = row["canonical"]
    if not isinstance(canonical, bytes) or not canonical:
        return None, "it has no bytes of its own"
    try:
        whole = link(row["previous"], canonical) == row["hash"]
    except (TypeError, ValueError):
        return None, "the hash before it is none"
    try:
        own = fields_of(canonical)
        expected = in_columns(own)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None, "its bytes are no entry" if whole else ALTERED
    differing = [name for name in NAMES if expected[name] != row[name] and name != "seq"]
    if not whole:
        return None, f"{ALTERED}: {', '.join(differing)}" if differing else ALTERED
    if not _is_number(own["seq"]):
        return own, "the number in its bytes is none"
    return own, f"column {', '.join(differing)}: it was written otherwise" if differing else ""


def _is_number(seq: object) -> bool:
    """1.0 and true are none, although they equal one."""
    return type(seq) is int


def _gaps_listed(found: object) -> set[tuple[int, int]]:
    """What a note about the chaining lists: `[[12, 14], [20, 20]]`."""
    try:
        return {(int(first), int(last)) for first, last in json.loads(str(found))}
    except (ValueError, TypeError):
        return set()


def _named(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"


def _at(anchor: Witnessed) -> str:
    return f"{anchor.time.strftime('%Y-%m-%d %H:%M:%S')}Z ({anchor.where})"
