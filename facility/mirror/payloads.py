"""What is said on MQTT, version 1.

The models are the contract: the published JSON Schema is made from them. Samples are the hot path and are written
without a model, but to the same schema. Whatever a device sends, a payload is strict JSON: NaN, infinity and values
JSON cannot carry become `null` with a quality that is not good, and nothing unknown ever looks known.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from facility.model import Alarm
from points.model import Device, Event, Point, Quality, Reading, StatusFlags, Value
from points.units import ucum

CATALOG_PAGE_BYTES = 48_000  # below the 64 KB that the strictest broker keeps retained (Azure Event Grid)

Id = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,48}$")]
PointPath = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,48}/[a-z0-9-]{1,48}$")]
Time = Annotated[AwareDatetime, Field(json_schema_extra={"pattern": "Z$"})]
Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
PayloadValue = Annotated[StrictBool | StrictInt | Finite | StrictStr, Field(union_mode="left_to_right")]


class Payload(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Sample(Payload):
    """`state/{device}/{point}`: the latest reading."""

    v: PayloadValue | None = Field(description="the value; null where there is none to trust")
    t: Time = Field(description="when the value was acquired")
    q: Literal["good", "uncertain", "bad", "stale"] = Field(description="only good may be counted as known")
    qr: str | None = Field(default=None, description="why not good: nan, stale, offline, never-read, ...")
    u: str | None = Field(default=None, description="BACnet engineering unit")
    src: Literal["cov", "poll", "write", "restore"] | None = Field(default=None, description="how it came to us")
    ov: bool | None = Field(default=None, description="overridden by hand at the device")
    n: int = Field(ge=0, description="counts the messages of one session of the agent")


class Status(Payload):
    """`status`: what the agent is doing. The broker itself says offline when the agent is cut off (last will)."""

    state: Literal["starting", "online", "offline"] = Field(
        description="starting: retained state may be older than this session; online: it is not"
    )
    t: Time
    session: str = Field(description="a new one with each connection")
    version: str
    schema_: Literal[1] = Field(default=1, alias="schema", serialization_alias="schema")
    reason: str | None = None
    insecure: bool | None = Field(default=None, description="the connection is not encrypted and leaves the machine")


class CatalogPoint(Payload):
    id: PointPath
    name: str
    description: str | None = None
    kind: Literal["analog", "binary", "multistate", "text"]
    unit: str | None = Field(default=None, description="BACnet engineering unit, in which the device gives the value")
    ucum: str | None = Field(default=None, description="the same as a UCUM code, where there is one")
    states: list[str] | None = Field(default=None, description="of inactive and active, or of 1, 2, ...")
    low: float | None = None
    high: float | None = None
    point_class: str
    safety: str
    access: Literal["monitor-only", "commandable"]
    confidence: float
    equipment: str | None = None
    space: str | None = None
    object: str
    present: bool = Field(description="false: known from before, not found by the latest discovery")


class CatalogPage(Payload):
    """`catalog/{device}`: a device and its points; page 2 and on are at `catalog/{device}/{page}`."""

    device: Id
    name: str
    vendor: str
    model: str
    network: int
    address: str
    instance: int
    present: bool
    page: int = Field(ge=1)
    pages: int = Field(ge=1)
    points: list[CatalogPoint]


class AlarmPayload(Payload):
    """`alarm/{alarm}`: there while it stands or nobody has acknowledged it; then cleared."""

    id: str
    kind: str
    severity: Literal["LIFE", "CRIT", "HIGH", "LOW"]
    state: Literal["NEW", "ack", "rtn"]
    about: str
    where: str
    text: str
    value: str
    limit: str
    since: Time
    ended: Time | None = None
    acknowledged: Time | None = None
    acknowledged_by: str | None = None


class EventPayload(Payload):
    """`event/{kind}`: something that happened; told once, not retained."""

    kind: Id
    t: Time
    about: str
    text: str
    details: dict[str, str]
    n: int = Field(ge=0)


class AuditHead(Payload):
    """`audit/head`: the head of the audit, signed. Keep it elsewhere: `facility audit verify --anchors` reads it."""

    agent: str = Field(description="whose audit: site and agent")
    seq: int = Field(ge=1, description="number of the entry")
    hash: str = Field(description="of that entry, and so of all before it")
    time: Time
    key: str = Field(description="which key has signed")
    signature: str = Field(description="Ed25519, of this object without the signature: keys sorted, nothing between")


MODELS = (Sample, Status, CatalogPage, AlarmPayload, EventPayload, AuditHead)


def encoded(payload: Payload) -> bytes:
    """A payload as it is sent; what is None is left out."""
    return orjson.dumps(payload.model_dump(by_alias=True, exclude_none=True), option=orjson.OPT_UTC_Z)


def sample(reading: Reading, point: Point, n: int) -> bytes:
    """A reading as a `Sample`."""
    value, quality, reason = _honest(reading)
    fields: dict[str, object] = {"v": value, "t": reading.time.astimezone(UTC), "q": quality}
    if reason:
        fields["qr"] = reason
    if point.unit:
        fields["u"] = point.unit
    fields["src"] = reading.source
    if reading.flags & StatusFlags.OVERRIDDEN:
        fields["ov"] = True
    fields["n"] = n
    try:
        return orjson.dumps(fields, option=orjson.OPT_UTC_Z)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, text that is not Unicode: foreign data
        fields |= {"v": None, "q": Quality.BAD, "qr": "unrepresentable"}
        return orjson.dumps(fields, option=orjson.OPT_UTC_Z)


def never_read(point: Point, now: datetime, n: int) -> bytes:
    """What is said of a point that has no reading yet: nothing is known, and not that it is as it last was."""
    fields: dict[str, object] = {"v": None, "t": now.astimezone(UTC), "q": Quality.BAD, "qr": "never-read"}
    if point.unit:
        fields["u"] = point.unit
    return orjson.dumps(fields | {"n": n}, option=orjson.OPT_UTC_Z)


def alarm(of: Alarm) -> bytes:
    return encoded(
        AlarmPayload.model_validate(
            {
                "id": of.id,
                "kind": of.kind.value,
                "severity": of.severity.value,
                "state": of.state,
                "about": of.about,
                "where": _text(of.where),
                "text": _text(of.text),
                "value": _text(of.value),
                "limit": _text(of.limit),
                "since": of.since.astimezone(UTC),
                "ended": of.ended and of.ended.astimezone(UTC),
                "acknowledged": of.acknowledged and of.acknowledged.astimezone(UTC),
                "acknowledged_by": of.acknowledged_by or None,
            }
        )
    )


def event(of: Event, n: int) -> bytes:
    return encoded(
        EventPayload(
            kind=of.kind.value,
            t=of.time.astimezone(UTC),
            about=_text(of.about),
            text=_text(of.text),
            details={_text(key): _text(value) for key, value in of.details.items()},
            n=n,
        )
    )


def catalog_pages(device: Device, points: Iterable[Point]) -> list[bytes]:
    """The device and its points, in as many pages as the size limit asks for; at least one."""
    chunks: list[list[CatalogPoint]] = [[]]
    room = CATALOG_PAGE_BYTES
    for point in sorted(points, key=lambda each: each.id):
        entry = _catalog_point(point)
        size = len(encoded(entry)) + 1
        if size > room and chunks[-1]:
            chunks.append([])
            room = CATALOG_PAGE_BYTES
        chunks[-1].append(entry)
        room -= size
    return [encoded(_page(device, chunk, number, len(chunks))) for number, chunk in enumerate(chunks, 1)]


def points_listed(page: bytes) -> list[str]:
    """The point ids in a catalog page that the broker kept; none if it is not one of ours."""
    try:
        entries = orjson.loads(page)["points"]
        return [entry["id"] for entry in entries if isinstance(entry["id"], str)]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []


def _honest(reading: Reading) -> tuple[Value | None, Quality, str]:
    """No number that is none, and no good quality without a value."""
    if isinstance(reading.value, float) and not math.isfinite(reading.value):
        return None, Quality.BAD, "nan" if math.isnan(reading.value) else "infinite"
    if reading.value is None and reading.quality is Quality.GOOD:
        return None, Quality.BAD, reading.reason or "no-value"
    return reading.value, reading.quality, reading.reason


def _catalog_point(point: Point) -> CatalogPoint:
    return CatalogPoint.model_validate(
        {
            "id": point.id,
            "name": _text(point.name),
            "description": _text(point.description) or None,
            "kind": point.kind.value,
            "unit": point.unit or None,
            "ucum": ucum(point.unit) if point.unit else None,
            "states": [_text(state) for state in point.states] or None,
            "low": _finite(point.low),
            "high": _finite(point.high),
            "point_class": point.point_class,
            "safety": point.safety.value,
            "access": point.access.value,
            "confidence": point.confidence,
            "equipment": point.equipment,
            "space": point.space,
            "object": f"{point.ref.object_type} {point.ref.instance}",
            "present": point.present,
        }
    )


def _page(device: Device, points: Sequence[CatalogPoint], page: int, pages: int) -> CatalogPage:
    return CatalogPage(
        device=device.id,
        name=_text(device.name),
        vendor=_text(device.vendor),
        model=_text(device.model),
        network=device.ref.network,
        address=device.ref.address,
        instance=device.ref.instance,
        present=device.present,
        page=page,
        pages=pages,
        points=list(points),
    )


def _text(foreign: str) -> str:
    """Text of a device, with what cannot be UTF-8 replaced."""
    return foreign.encode("utf-8", "replace").decode()


def _finite(limit: float | None) -> float | None:
    return limit if limit is not None and math.isfinite(limit) else None
