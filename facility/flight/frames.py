"""What is on file of the planner's rounds, and how it is written: one line of JSON for each frame. Pure.

- `start`: the agent began, another configuration or catalog came, or another day, or something before it was lost. What
  is needed to go on from there: the configuration (without secrets), the special events, which catalog, what policies
  remembered, what they held.
- `round`: who was asked, which of the inputs were new since the frame before, and what each said. What somebody says
  again is not written again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import TypeAdapter

from points.model import PointId, Priority, Quality, Reading, Source, SpaceId, StatusFlags, Value
from schedules.feeds import Feeds
from schedules.plan import Slot
from schedules.policy import Demand, Memory, Remark

_FEEDS = TypeAdapter(Feeds)
_FORMS: dict[type[Memory], TypeAdapter[Memory]] = {}

Why = Literal["start", "configuration", "catalog", "day", "lost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An input as it was: the reading, and since when it had been so; nothing where there was no reading."""

    reading: Reading | None
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one policy answered. None: the same as the last time."""

    policy: str
    until: datetime | None
    demands: tuple[Demand, ...] | None = None
    remarks: tuple[Remark, ...] | None = None
    fault: str = ""
    stood: Mapping[PointId, float] = field(default_factory=dict)
    """Where setpoints stood before others moved them, as it was told, in °C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """From here on, by this."""

    at: datetime
    why: Why
    config: Mapping[str, Any]
    events: Mapping[str, Any]  # programme -> special events, as JSON
    catalog: str  # digest; the catalog is in a file of that name
    memories: Mapping[str, Any]  # policy -> what it remembered, as JSON
    held: Mapping[Slot, tuple[Value, str]]  # slot -> value, policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One round."""

    at: datetime
    inputs: Mapping[PointId, Seen] = field(default_factory=dict)
    said: Sequence[Said] = ()
    feeds: Feeds | None = None
    recap: bool = False
    """Nobody was asked: what everybody has said, and seen, so that a day can be replayed without the day before."""


Frame = Start | Turn


def form_of(memory: type[Memory]) -> TypeAdapter[Memory]:
    """How what a policy remembers is written and read; made once, because that takes long."""
    if memory not in _FORMS:
        _FORMS[memory] = TypeAdapter(memory)
    return _FORMS[memory]


def line(frame: Frame) -> bytes:
    """The frame as one line."""
    return orjson.dumps(_start(frame) if isinstance(frame, Start) else _turn(frame)) + b"\n"


def frame(text: bytes) -> Frame:
    """What a line says. Raises ValueError, KeyError or TypeError for one that says nothing."""
    document = orjson.loads(text)
    return _read_start(document) if document["kind"] == "start" else _read_turn(document)


def _start(start: Start) -> dict[str, Any]:
    held = [[point, int(level), value, policy] for (point, level), (value, policy) in start.held.items()]
    return {
        "kind": "start",
        "at": start.at,
        "why": start.why,
        "config": start.config,
        "events": start.events,
        "catalog": start.catalog,
        "memories": start.memories,
        "held": held,
    }


def _read_start(document: Mapping[str, Any]) -> Start:
    held = {(PointId(point), Priority(level)): (value, policy) for point, level, value, policy in document["held"]}
    return Start(
        at=datetime.fromisoformat(document["at"]),
        why=document["why"],
        config=document["config"],
        events=document["events"],
        catalog=document["catalog"],
        memories=document["memories"],
        held=held,
    )


def _turn(turn: Turn) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": "round", "at": turn.at}
    if turn.inputs:
        document["in"] = {point: _seen(seen) for point, seen in turn.inputs.items()}
    if turn.said:
        document["said"] = [_said(said) for said in turn.said]
    if turn.recap:
        document["recap"] = True
    if turn.feeds is not None:
        document["feeds"] = _FEEDS.dump_python(_plain(turn.feeds), mode="json")
    return document


def _plain(feeds: Feeds) -> Feeds:
    """The same without views of mappings, which pydantic cannot write."""
    return replace(feeds, beds=dict(feeds.beds), bookings=dict(feeds.bookings), heard=dict(feeds.heard))


def _read_turn(document: Mapping[str, Any]) -> Turn:
    return Turn(
        at=datetime.fromisoformat(document["at"]),
        inputs={PointId(point): _read_seen(PointId(point), seen) for point, seen in document.get("in", {}).items()},
        said=tuple(map(_read_said, document.get("said", ()))),
        feeds=_FEEDS.validate_python(document["feeds"]) if "feeds" in document else None,
        recap=document.get("recap", False),
    )


def _seen(seen: Seen) -> list[Any] | None:
    each = seen.reading
    if each is None:
        return None
    since = None if seen.since is None else seen.since
    return [each.value, each.quality, each.time, each.at, each.source, each.reason, int(each.flags), since]


def _read_seen(point: PointId, seen: Sequence[Any] | None) -> Seen:
    if seen is None:
        return Seen(reading=None, since=None)
    value, quality, time, at, source, reason, flags, since = seen
    reading = Reading(
        point=point,
        value=value,
        time=datetime.fromisoformat(time),
        at=datetime.fromisoformat(at),
        quality=Quality(quality),
        source=Source(source),
        reason=reason,
        flags=StatusFlags(flags),
    )
    return Seen(reading=reading, since=None if since is None else datetime.fromisoformat(since))


def _said(said: Said) -> dict[str, Any]:
    document: dict[str, Any] = {"policy": said.policy, "until": said.until}
    if said.demands is not None:
        document["demands"] = [
            [each.point, each.value, int(each.priority), each.reason, each.turns_down, each.vacates]
            for each in said.demands
        ]
    if said.remarks is not None:
        document["remarks"] = [[each.about, each.text, each.held] for each in said.remarks]
    if said.fault:
        document["fault"] = said.fault
    if said.stood:
        document["stood"] = dict(said.stood)
    return document


def _read_said(document: Mapping[str, Any]) -> Said:
    policy, until = document["policy"], document["until"]
    return Said(
        policy=policy,
        until=None if until is None else datetime.fromisoformat(until),
        demands=tuple(_read_demand(policy, each) for each in document["demands"]) if "demands" in document else None,
        remarks=tuple(Remark(about=about, text=text, held=held) for about, text, held in document["remarks"])
        if "remarks" in document
        else None,
        fault=document.get("fault", ""),
        stood={PointId(point): celsius for point, celsius in document.get("stood", {}).items()},
    )


def _read_demand(policy: str, demand: Sequence[Any]) -> Demand:
    point, value, level, reason, turns_down, vacates = demand
    return Demand(
        point=PointId(point),
        value=value,
        priority=Priority(level),
        policy=policy,
        reason=reason,
        turns_down=None if turns_down is None else SpaceId(turns_down),
        vacates=None if vacates is None else SpaceId(vacates),
    )
