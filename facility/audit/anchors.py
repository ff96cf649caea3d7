"""What was signed and put where the database's owner cannot reach: the head of the audit, now and then.

An anchor is the same line of JSON wherever it is: in the database, in the anchor file, in the journal, retained on
MQTT. `found_in` finds anchors in any of these, also between other lines. Pure; `facility.audit.anchoring` makes them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from facility.audit.chain import Fault, Witnessed
from facility.audit.keys import SigningKey, is_signed
from facility.audit.record import written


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """The entry `seq` had this hash at that time: said and signed."""

    agent: str  # whose audit: "st-mary/main"
    seq: int
    hash: str
    time: datetime
    key: str  # the id of the key
    signature: str = ""

    @property
    def said(self) -> bytes:
        """The bytes that are signed."""
        return _json({name: value for name, value in self.fields.items() if name != "signature"})

    @property
    def fields(self) -> dict[str, Any]:
        return {**asdict(self), "time": written(self.time)}

    @property
    def line(self) -> bytes:
        """The anchor as it is kept and told."""
        return _json(self.fields)

    def signed(self, key: SigningKey) -> Anchor:
        return replace(self, signature=key.sign(self.said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An anchor, and where it was found."""

    anchor: Anchor
    where: str


def anchor_of(fields: Mapping[str, Any]) -> Anchor:
    """ValueError where these are not the fields of an anchor."""
    try:
        texts = {name: str(fields[name]) for name in ("agent", "hash", "key", "signature")}
        time = datetime.fromisoformat(fields["time"]).astimezone(UTC)
        return Anchor(seq=int(fields["seq"]), time=time, **texts)
    except (KeyError, TypeError, OverflowError) as error:
        raise ValueError("this is no anchor") from error


def found_in(lines: Iterable[str], where: str) -> Iterator[Found]:
    """The anchors in a file of anchors, in what the journal printed, or in what MQTT retained."""
    for line in lines:
        anchor = _in_text(line)
        if anchor is not None:
            yield Found(anchor=anchor, where=where)


def witnessed(found: Iterable[Found], keys: Mapping[str, str]) -> tuple[list[Witnessed], list[Fault]]:
    """What the anchors prove, each once, and those that prove nothing."""
    proven: dict[tuple[int, str], tuple[Anchor, list[str]]] = {}
    worthless: dict[str, Fault] = {}
    for each in found:
        anchor = each.anchor
        name = f"the anchor of entry {anchor.seq} of {written(anchor.time)} ({each.where})"
        if anchor.key not in keys:
            text = f"{name}: its key {anchor.key} is not known; give its public half with --key"
            worthless[text] = Fault(seq=anchor.seq, text=text)
        elif not is_signed(anchor.said, anchor.signature, keys[anchor.key]):
            text = f"{name}: was changed (it is not what was signed)"
            worthless[text] = Fault(seq=anchor.seq, text=text)
        else:
            _, places = proven.setdefault((anchor.seq, anchor.hash), (anchor, []))
            if each.where not in places:
                places.append(each.where)
    told = [
        Witnessed(seq=seq, hash=digest, time=anchor.time, where=", ".join(places))
        for (seq, digest), (anchor, places) in proven.items()
    ]
    return told, list(worthless.values())


def _in_text(text: str) -> Anchor | None:
    start = text.find("{")
    if start < 0:
        return None
    try:
        fields = json.loads(text[start:])
        if isinstance(fields, dict) and isinstance(fields.get("MESSAGE"), str):  # `journalctl -o json`
            return _in_text(fields["MESSAGE"])
        return anchor_of(fields)
    except (ValueError, TypeError, RecursionError):
        return None


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
