"""Demand response over MQTT: `<base>/in/demand-response`, answered at `<base>/out/demand-response`.

The same schema as over HTTP, and `expires`: a message that waited in a broker longer than its sender meant is refused.
`{"cancel": "<id>", "expires": ...}` takes an event back. What cannot be read is answered without any part of it.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from facility.feeds.utility import EventRefused, Sender, UtilityEvents
from facility.wire import DemandAnswer, DemandNotice
from facility.wire.demand_events import EventId
from points.clock import Clock

LONGEST = 1024  # bytes of a message
FARTHEST = timedelta(days=1)  # ahead, that a message may expire
SENDER = Sender(by="mqtt:demand-response")
FAULT = "The agent has failed at this message, which is a fault of its own; nothing is known of what became of it."

log = structlog.get_logger(__name__)


class _Notice(DemandNotice):
    expires: AwareDatetime


class _Cancel(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    cancel: EventId
    expires: AwareDatetime


class UtilityBus:
    """Reads one message and says what became of it."""

    def __init__(self, events: UtilityEvents, clock: Clock) -> None:
        self._events = events
        self._clock = clock
        self.refused = 0

    async def answer(self, payload: bytes) -> bytes:
        try:
            said = (await self._take(payload)).model_dump(mode="json")
        except EventRefused as refusal:
            self.refused += 1
            said = {"result": "refused", "text": str(refusal)}
        except Exception as fault:  # noqa: BLE001 - unanswered, the broker would bring the message again, for ever
            log.error("an event of the utility failed", fault=type(fault).__name__)  # noqa: TRY400 - nor its text
            self.refused += 1
            said = {"result": "refused", "text": FAULT}
        return json.dumps(said).encode()

    async def _take(self, payload: bytes) -> DemandAnswer:
        found = _object(payload)
        kind = _Cancel if "cancel" in found else _Notice
        try:
            message = kind.model_validate_json(payload, strict=False)
        except ValidationError as error:
            # by number where it is not one of our own keys: no part of what was sent comes back
            wrong = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"] and each["loc"][0] in _KEYS})
            detail = f": look at {', '.join(wrong)}" if wrong else ""
            raise EventRefused(f"The message does not have the form of docs/demand-response.md{detail}.") from None
        now = self._clock.now()
        if not now <= message.expires <= now + FARTHEST:
            raise EventRefused("The message has expired, or expires in more than a day; is the sender's clock right?")
        if isinstance(message, _Cancel):
            return await self._events.cancel(message.cancel, SENDER)
        return await self._events.take(message, SENDER)


_KEYS = frozenset(_Notice.model_fields) | frozenset(_Cancel.model_fields)


def _object(payload: bytes) -> dict[str, Any]:
    if len(payload) > LONGEST:
        raise EventRefused(f"The message is longer than {LONGEST} bytes.")
    try:
        found = json.loads(payload.decode("ascii"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise EventRefused("The message is no JSON in ASCII, or has a key twice.") from None
    if not isinstance(found, dict):
        raise EventRefused("The message must be a JSON object.")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key twice")
    return found
