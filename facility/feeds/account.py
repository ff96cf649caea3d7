"""How the feeds are: connected, silent, and what was taken and refused, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from facility.feeds.book import FeedBook
from facility.feeds.mllp import MllpServer
from facility.feeds.tally import Refused, Tally
from facility.mirror.inbox import Inbox
from facility.wire import Link
from points.clock import Clock
from schedules.feeds import STALE_AFTER


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAccount:
    """Reads what each part says of itself."""

    book: FeedBook
    clock: Clock
    expected: tuple[str, ...] = ()
    """The feeds that the site has configured: one of them that is silent is worth telling."""
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    inbox: Inbox | None = None
    hl7: MllpServer | None = None
    troubles: tuple[Callable[[], str], ...] = ()
    """What is wrong with other sources, each in words; "" if nothing is."""

    def link(self) -> Link:
        if not self.expected and not self.troubles:
            return Link(name="feeds", state="off", text="not configured")
        state: Literal["ok", "degraded", "down"] = "ok"
        now = self.clock.now()
        texts = []
        for feed in self.expected:
            heard = self._heard(feed)
            silent = heard is None or now - heard > STALE_AFTER
            state = "degraded" if silent else state
            age = "nothing heard" if heard is None else f"heard {_age(heard, now)} ago"
            texts.append(f"{feed}: {age}{', silent' if silent and heard else ''}")
        cut = list(self._cut())
        taken, refused = self._taken(), self._refused()
        texts.append(f"{taken} taken")
        if refused:
            told = ", ".join(f"{why.value} {count}" for why, count in refused.most_common(3))
            texts.append(f"{refused.total()} refused ({told})")
        return Link(name="feeds", state="down" if cut else state, text="; ".join([*cut, *texts]))

    def stats(self) -> dict[str, float]:
        """Counters since the start; a reason that there was not is not among them."""
        refused = self._refused()
        return {
            "feeds_taken": self._taken(),
            "feeds_refused": refused.total(),
            **{f"feeds_refused_{why.value.replace('-', '_')}": count for why, count in sorted(refused.items())},
            "feeds_beds": len(self.book.beds),
            "feeds_bookings": sum(map(len, self.book.bookings.values())),
            "feeds_hl7_connections": self.hl7.connections if self.hl7 else 0,
        }

    def _taken(self) -> int:
        return sum(tally.accepted for tally in self.tallies.values())

    def _refused(self) -> Counter[Refused]:
        total: Counter[Refused] = Counter()
        for tally in self.tallies.values():
            total.update(tally.refused)
        return total

    def _heard(self, feed: str) -> datetime | None:
        return max((at for (name, _), at in self.book.heard.items() if name == feed), default=None)

    def _cut(self) -> Iterator[str]:
        if self.inbox is not None and not self.inbox.connected:
            yield f"MQTT {self.inbox.where}: {self.inbox.trouble or 'not connected'}"
        if self.hl7 is not None and not self.hl7.listening:
            yield "the HL7 port is not open"
        yield from filter(None, (trouble() for trouble in self.troubles))


def _age(since: datetime, now: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
