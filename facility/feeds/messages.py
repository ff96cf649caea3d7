"""The JSON messages of beds and bookings, in their strict form. Pure.

`{"space": "patient-room-301", "state": "U", "time": "2026-11-24T11:02:00Z"}` and
`{"space": "or-1", "start": "...Z", "end": "...Z", "id": "<uuid>"}`, the id being optional: exactly these keys, each
once, in ASCII and short. No field of them can hold free text. What is refused is told as a reason, never as an error:
an error would carry what it is about.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facility.feeds.book import AHEAD, BedReport, BookingReport, to_milliseconds
from facility.feeds.tally import Refused
from points.model import SpaceId
from schedules.feeds import BedState

LONGEST = 512  # bytes of a message
OLDEST = timedelta(hours=24)
FARTHEST = timedelta(days=90)  # ahead, that a booking may begin
LONGEST_BOOKING = timedelta(hours=24)

_SPACE = r"^[a-z0-9][a-z0-9-]{0,47}$"
_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"
_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_PEPPER = secrets.token_bytes(32)  # of this run: an id can be told from another and not be read back

Instant = Annotated[str, Field(pattern=_TIME, max_length=27)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class BedMessage(_Strict):
    """One bed, or a room with one."""

    space: Annotated[str, Field(pattern=_SPACE)]
    state: Literal["C", "H", "I", "K", "O", "U"]
    time: Instant


class BookingMessage(_Strict):
    """A time in which a room is expected to be in use; of no length: there is no such booking any more."""

    space: Annotated[str, Field(pattern=_SPACE)]
    start: Instant
    end: Instant
    id: Annotated[str, Field(pattern=_UUID)] | None = None


def bed_report(payload: bytes, place: str, now: datetime, knows: Callable[[SpaceId], bool]) -> BedReport | Refused:
    """What the message says. `place`: the space that its topic names; `knows`: whether there is such a space."""
    found = _keys(payload)
    if isinstance(found, Refused):
        return found
    try:
        message = BedMessage.model_validate(found)
    except ValidationError as error:
        return _reason({each["loc"][:1] for each in error.errors(include_input=False, include_url=False)})
    time = _instant(message.time)
    if time is None or not now - OLDEST <= time <= now + AHEAD:
        return Refused.TIME
    if message.space != place:
        return Refused.TOPIC
    space = SpaceId(message.space)
    if not knows(space):
        return Refused.UNKNOWN_SPACE
    return BedReport(space=space, bed="", state=BedState(message.state), time=min(time, now))


def booking_report(
    payload: bytes, place: str, now: datetime, knows: Callable[[SpaceId], bool]
) -> BookingReport | Refused:
    """The same of a booking."""
    found = _keys(payload)
    if isinstance(found, Refused):
        return found
    try:
        message = BookingMessage.model_validate(found)
    except ValidationError as error:
        return _reason({each["loc"][:1] for each in error.errors(include_input=False, include_url=False)})
    start, end = _instant(message.start), _instant(message.end)
    if start is None or end is None or not timedelta(0) <= end - start <= LONGEST_BOOKING:
        return Refused.TIME
    if end < now - OLDEST or start > now + FARTHEST:
        return Refused.TIME
    if message.space != place:
        return Refused.TOPIC
    space = SpaceId(message.space)
    if not knows(space):
        return Refused.UNKNOWN_SPACE
    key = b"" if message.id is None else hashlib.blake2b(message.id.encode(), key=_PEPPER, digest_size=16).digest()
    return BookingReport(space=space, start=start, end=end, key=key)


def _keys(payload: bytes) -> dict[str, Any] | Refused:
    """The object in the message; each key once."""
    if len(payload) > LONGEST:
        return Refused.TOO_LONG
    try:
        found = json.loads(payload.decode("ascii"), object_pairs_hook=_once)
    except (ValueError, RecursionError):  # not ASCII, not JSON, a key twice
        return Refused.NOT_READABLE
    return found if isinstance(found, dict) else Refused.NOT_IN_SHAPE


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found


def _reason(wrong: set[tuple[int | str, ...]]) -> Refused:
    return Refused.UNKNOWN_STATE if wrong == {("state",)} else Refused.NOT_IN_SHAPE


def _instant(text: str) -> datetime | None:
    try:
        return to_milliseconds(datetime.fromisoformat(text))
    except ValueError:  # the 31st of November
        return None
