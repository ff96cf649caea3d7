"""Events of a VTN of OpenADR 3: asked for by poll, with a token of OAuth2 client credentials.

Guarantees:
- Only payloads of the type SIMPLE, levels 0 to 3, are obeyed. What does not have the form of an event is counted, and
  the others of the same answer count all the same.
- A VTN that does not answer, or answers what cannot be read, takes nothing back: its events stay until they are over.
  One that answers without an event has cancelled it, unless it answers something that cannot be read as well.
- A token is asked for when there is none, when it runs out, and once more when it is refused. The secret and the token
  are in no log and no error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from pydantic import AwareDatetime, BaseModel, TypeAdapter, ValidationError
from pydantic import Field as Given

from facility.config.demand_response import OpenAdrSection
from facility.feeds.utility import Sender, UtilityEvents
from facility.wire import DemandNotice
from points.clock import Clock

SENDER = Sender(by="openadr")
ANSWER_S = 20.0
LONGEST_ANSWER = 1024 * 1024  # bytes
PAGE = 50  # events in one answer, the most that OpenADR 3 allows
MOST_PAGES = 10
EARLY = timedelta(seconds=30)  # a token is renewed so long before it runs out
_NOW = re.compile(r"0001-01-01T")  # OpenADR 3: "starts when it is read"

log = structlog.get_logger(__name__)


class VtnFailed(Exception):
    """The VTN could not be asked, or did not answer what it should; the text says what, without any secret."""

    expected = True  # a trouble of the network, not a fault of ours: one line in the log


class _Period(BaseModel):
    start: str
    duration: timedelta | None = None
    randomizeStart: timedelta = timedelta(0)  # noqa: N815 - as OpenADR calls it, here and below


class _Payload(BaseModel):
    type: str
    values: list[Any] = []


class _Interval(BaseModel):
    id: int
    intervalPeriod: _Period | None = None  # noqa: N815
    payloads: list[_Payload]


class _Event(BaseModel):
    id: str = Given(min_length=1)
    programID: str  # noqa: N815
    createdDateTime: AwareDatetime | None = None  # noqa: N815
    intervalPeriod: _Period | None = None  # noqa: N815
    intervals: list[_Interval]


class _Token(BaseModel):
    access_token: str
    expires_in: float = 3600.0


_INSTANT = TypeAdapter(AwareDatetime)


def notices_of(document: Any, program: str) -> list[DemandNotice]:
    """The events of one element of the VTN's answer: one for each interval. Raises `ValueError` for what is none."""
    event = _Event.model_validate(document)
    if program and event.programID != program:
        return []
    return list(_notices(event))


def _notices(event: _Event) -> Iterator[DemandNotice]:
    after: datetime | None = None
    for interval in event.intervals:
        period = interval.intervalPeriod or event.intervalPeriod
        if period is None or period.duration is None:
            raise ValueError("an interval without a time")
        own = interval.intervalPeriod is not None or after is None
        start = _start(event, period) if own or after is None else after
        after = start + period.duration
        levels = [value for payload in interval.payloads if payload.type == "SIMPLE" for value in payload.values]
        if not levels:
            continue
        (level,) = levels
        if isinstance(level, bool) or level not in (0, 1, 2, 3):
            raise ValueError("a level that is none")
        yield DemandNotice(
            id=_identity(event.id, interval.id),
            level=int(level),
            start=start,
            end=after,
            randomize_minutes=period.randomizeStart / timedelta(minutes=1) if own else 0.0,
            source="openadr",
        )


def _start(event: _Event, period: _Period) -> datetime:
    if not _NOW.match(period.start):
        return _INSTANT.validate_python(period.start)
    if event.createdDateTime is None:
        raise ValueError("an event that begins at once, of which nobody says since when it is there")
    return event.createdDateTime


def _identity(event: str, interval: int) -> str:
    """An id of ours, whatever the VTN's looks like."""
    digest = hashlib.sha256(event.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    plain = re.sub(r"[^A-Za-z0-9._-]", "", event)[:32]
    return f"openadr:{plain}:{digest}:{interval}"


@dataclass(slots=True)
class _Pass:
    """The token in use."""

    text: str = ""
    until: datetime | None = None


class OpenAdr:
    """The service."""

    name = "openadr"

    def __init__(self, settings: OpenAdrSection, events: UtilityEvents, clock: Clock) -> None:
        self._settings = settings
        self._events = events
        self._clock = clock
        self._token = _Pass()
        self.garbled = 0  # events that could not be read
        self.heard: datetime | None = None
        self._trouble = "not asked yet"

    async def run(self) -> None:
        """Asks for ever. One that fails is told once and asked again at the next turn."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_S)) as session:
            while True:
                try:
                    await self.poll(session)
                except VtnFailed as failure:
                    if str(failure) != self._trouble:
                        log.warning("the VTN cannot be asked", vtn=self._settings.url, why=str(failure))
                    self._trouble = str(failure)
                await self._clock.sleep(self._settings.poll_seconds)

    async def poll(self, session: aiohttp.ClientSession) -> None:
        """Asks once. Raises `VtnFailed`, and then nothing has changed."""
        notices: list[DemandNotice] = []
        garbled = 0
        for document in await self._documents(session):
            try:
                notices += notices_of(document, self._settings.program)
            except (ValueError, OverflowError):  # pydantic's own included
                garbled += 1
        self.garbled += garbled
        now = self._clock.now()
        left = [each for each in notices if each.until > now]
        await self._events.follow(left, SENDER, complete=garbled == 0)
        self.heard, self._trouble = now, f"{garbled} events cannot be read" if garbled else ""

    def trouble(self) -> str:
        """What is wrong, for the screens; "" if nothing is."""
        return self._trouble and f"OpenADR {self._settings.url}: {self._trouble}"

    async def _documents(self, session: aiohttp.ClientSession) -> list[Any]:
        found: list[Any] = []
        for page in range(MOST_PAGES):
            answer = await self._page(session, page * PAGE)
            found += answer
            if len(answer) < PAGE:
                return found
        raise VtnFailed(f"it has more than {MOST_PAGES * PAGE} events: name the program")

    async def _page(self, session: aiohttp.ClientSession, skip: int) -> list[Any]:
        asked = {"skip": str(skip), "limit": str(PAGE)} | (
            {"programID": self._settings.program} if self._settings.program else {}
        )
        status, answer = await self._get(session, asked)
        if status == 401:  # it has forgotten our token, or thinks that it has run out
            self._token = _Pass()
            status, answer = await self._get(session, asked)
        if status != 200 or not isinstance(answer, list):
            raise VtnFailed(f"it answers {status} to GET /events" + ("" if status != 200 else " and not with a list"))
        return answer

    async def _get(self, session: aiohttp.ClientSession, asked: dict[str, str]) -> tuple[int, Any]:
        bearer = {"Authorization": f"Bearer {await self._bearer(session)}"}
        return await self._asked(session.get(f"{self._settings.url}/events", params=asked, headers=bearer))

    async def _bearer(self, session: aiohttp.ClientSession) -> str:
        token = self._token
        if token.until is not None and self._clock.now() < token.until:
            return token.text
        secret = self._settings.client_secret
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": "" if secret is None else secret.get_secret_value(),
        }
        if self._settings.scope:
            form["scope"] = self._settings.scope
        status, answer = await self._asked(session.post(self._settings.tokens, data=form))
        if status != 200:
            raise VtnFailed(f"it gives no token ({status}); check client_id and the secret")
        try:
            given = _Token.model_validate(answer)
        except ValidationError:
            raise VtnFailed("what it gives is no token") from None
        lasts = max(timedelta(seconds=min(given.expires_in, 86_400.0)) - EARLY, timedelta(0))
        self._token = _Pass(given.access_token, self._clock.now() + lasts)
        return given.access_token

    async def _asked(self, request: Any) -> tuple[int, Any]:
        """Status and body of a request. Raises `VtnFailed`."""
        try:
            async with request as answer:
                if answer.status != 200:
                    return answer.status, None
                body = bytearray()
                async for part in answer.content.iter_chunked(64 * 1024):
                    body += part
                    if len(body) > LONGEST_ANSWER:
                        raise VtnFailed("its answer is too long")
                return 200, _JSON.validate_json(bytes(body))
        except (aiohttp.ClientError, ConnectionError, TimeoutError) as error:
            raise VtnFailed(f"no answer ({type(error).__name__})") from None
        except ValueError:
            raise VtnFailed("its answer is no JSON") from None


_JSON: TypeAdapter[Any] = TypeAdapter(Any)
