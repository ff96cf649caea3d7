"""Whether what we command moves anything: each standing claim is held against a sensor of its own (`witness`).

- Level-triggered: it looks at the claims that stand, at what is so now and at what was so a moment before. A restart, a
  renewal and a missed moment need nothing of their own; a new value is checked anew, a renewed one is not.
- Only a good reading from after the write says "confirmed" or "not effective". The sensor is read once more
  before the latter is said.
- What another level outranks is not in force: nothing is expected of it, and its window begins when it is.
- "Not effective" goes on record, is told and stands as an alarm until the sensor agrees or the claim is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from facility.audit import Audit
from facility.books import AGENT
from facility.claims import Claims, is_ours
from facility.effectiveness import (
    Check,
    Effect,
    Ineffective,
    Troubles,
    Verdict,
    Write,
    announced,
    expected,
    is_same,
    judge_effect,
    next_step,
)
from facility.model import Claim, SlotKey, is_policy
from facility.standing import lasting
from facility.witness import Expectation, Witnesses
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.events import Events
from points.model import Event, EventKind, Point, PointId, Reading, Slots, Value
from points.store import PointStore
from points.units import show

TICK_S = 1.0
AT_ONCE = 4  # devices that are asked at the same time
ASK_AGAIN = timedelta(seconds=60)
IGNORED_AFTER = timedelta(seconds=60)  # a slot that wins and shows nothing: a device takes seconds at most

log = structlog.get_logger(__name__)


class Effects:
    """Checks the effect of what we hold; a service."""

    name = "effects"

    def __init__(
        self,
        *,
        book: CatalogBook,
        store: PointStore,
        claims: Claims,
        read: Callable[[PointId], Awaitable[Reading]],
        slots: Callable[[PointId], Awaitable[Slots]],
        audit: Audit,
        events: Events,
        clock: Clock,
    ) -> None:
        """`read` asks a sensor now, `slots` a priority array; both raise `PointsError`."""
        self._book = book
        self._store = store
        self._claims = claims
        self._read = read
        self._slots = slots
        self._audit = audit
        self._events = events
        self._clock = clock
        self._witnesses = Witnesses(book.current)
        self._checks: dict[SlotKey, Check] = {}
        self._before: Mapping[PointId, Reading] | None = None  # the latest look; None: there was none yet
        self._owed: list[tuple[Claim, str]] = []  # what is to be put on record
        self._strongest: dict[PointId, int] = {}  # of our own levels at a point
        self._paying = asyncio.Lock()
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                for check in self._look():
                    check.asking, check.asked = True, self._clock.now()
                    tasks.create_task(self._ask(check))
                await self._pay()
                await self._clock.sleep(TICK_S)

    def announce(self, point: Point, value: Value | None) -> str:
        """How the effect of such a command will be checked, in one sentence; "" for a release."""
        return announced(self._of_catalog().of(point), value, self._present(point.id))

    def of(self, key: SlotKey) -> str:
        """What is known of the effect of a claim, in one sentence; "" as long as nothing is."""
        check = self._checks.get(key)
        return check.effect.text if check is not None else ""

    def of_point(self, point: PointId) -> str:
        """The same of the claim that stands highest at the point."""
        return next((text for claim in self._claims.of(point) if (text := self.of(claim.key))), "")

    def troubles(self) -> Troubles:
        """For the alarms. What has not been judged yet stays as it is."""
        ineffective, undecided = [], set()
        for claim in self._claims.standing():
            check = self._checks.get(claim.key)
            if check is None or check.effect.verdict in (Verdict.PENDING, Verdict.UNKNOWN, Verdict.UNREAD):
                undecided.add(claim.point)
            elif check.effect.verdict is Verdict.INEFFECTIVE and check.ineffective_since is not None:
                ineffective.append(self._trouble(check, check.ineffective_since))
        return Troubles(ineffective=tuple(ineffective), undecided=frozenset(undecided))

    def _trouble(self, check: Check, since: datetime) -> Ineffective:
        point, expectation = check.point, check.expectation
        if expectation is None or check.not_in_force_since is not None:
            text, value, limit = "the point itself does not follow", self._said(point), show(point, check.claim.value)
        else:
            text, value = f"{expectation.witness.id} does not bear it out", self._said(expectation.witness)
            limit = expected(expectation, check.write.value, check.write.previous).removeprefix("is ")
        return Ineffective(
            point=point, text=f"command not effective: {text}", value=value, limit=f"expected: {limit}", since=since
        )

    def _look(self) -> list[Check]:
        """Judges every standing claim; returns those of which only the devices can tell more."""
        now, standing = self._clock.now(), self._claims.standing()
        self._checks = {claim.key: self._checks[claim.key] for claim in standing if claim.key in self._checks}
        self._strongest = {}
        for claim in standing:
            self._strongest[claim.point] = min(self._strongest.get(claim.point, 16), int(claim.priority))
        questions = []
        for claim in standing:
            check = self._checks.get(claim.key)
            point = self._book.current.points.get(claim.point)
            if point is None:
                continue  # nothing can be said of it before the catalog is there
            if check is None or not is_same(check.claim, claim):
                check = self._checks[claim.key] = self._begun(claim, point, check, now)
            check.claim = claim
            if not claim.confirmed or check.asking or check.is_settled:
                continue
            if self._judge(check, now) and (check.asked is None or now - check.asked >= ASK_AGAIN):
                questions.append(check)
        self._before = self._store.snapshot()
        return questions

    def _begun(self, claim: Claim, point: Point, earlier: Check | None, now: datetime) -> Check:
        """The check of a value that was not checked before."""
        expectation = self._of_catalog().of(point)
        if self._before is None:
            return _check(claim, point, expectation, Write(at=now, value=claim.value), restored=True)
        witness = None if expectation is None else self._before.get(expectation.witness.id)
        present = self._before.get(claim.point)
        previous = None if present is None else present.value
        write = Write(at=claim.since, value=claim.value, previous=previous, before=witness)
        check = _check(claim, point, expectation, write)
        if earlier is None or not earlier.on_its_way or earlier.claim.command != claim.command:
            return check
        return next_step(check, earlier, now)

    def _judge(self, check: Check, now: datetime) -> bool:
        """True if the devices must be asked before it can be said."""
        if not self._is_in_force(check):
            return self._judge_without_force(check, now)
        if check.not_in_force_since is not None:  # from now on it may show
            check.not_in_force_since, check.write = None, replace(check.write, at=now)
            check.effect = Effect(verdict=Verdict.PENDING, text="")
        if check.expectation is None:
            text = announced(None, check.claim.value)
            check.effect = Effect(verdict=Verdict.NOTHING, text=text)
            return False
        reading = self._store.get(check.expectation.witness.id)
        effect = judge_effect(check.expectation, check.write, reading, now)
        if effect.verdict is Verdict.UNREAD or (
            effect.verdict is Verdict.INEFFECTIVE and check.effect.verdict is not Verdict.INEFFECTIVE
        ):
            return True
        self._conclude(check, effect, now)
        return False

    def _is_in_force(self, check: Check) -> bool:
        """Whether the point is what we wrote; one that cannot be read is taken to be."""
        claim, reading = check.claim, self._store.get(check.claim.point)
        if self._strongest[claim.point] < claim.priority:
            return False
        if reading is None or not reading.is_good or reading.value is None or reading.time < check.since:
            return True
        return is_ours(claim, reading.value)

    def _judge_without_force(self, check: Check, now: datetime) -> bool:
        """Outranked, as a rule. If nothing outranks it the device ignores what stands in its slot."""
        check.not_in_force_since = check.not_in_force_since or now
        stronger = self._strongest[check.claim.point]
        if stronger < check.claim.priority:
            check.not_in_force_since = now  # what the device does is seen once nothing of ours stands above
            self._conclude(check, _outranked(stronger), now)
        elif now - check.not_in_force_since >= IGNORED_AFTER:
            return check.effect.verdict not in (Verdict.OUTRANKED, Verdict.INEFFECTIVE)
        else:
            check.effect = Effect(verdict=Verdict.PENDING, text="being checked: the point itself is another value")
        return False

    async def _ask(self, check: Check) -> None:
        """Looks at the devices before anything bad is said of a command."""
        try:
            async with self._turn:
                effect = await self._answer(check)
            if self._checks.get(check.claim.key) is check:  # and not released, nor another value, meanwhile
                self._conclude(check, effect, self._clock.now())
                await self._pay()
        finally:
            check.asking = False

    async def _answer(self, check: Check) -> Effect:
        try:
            if check.not_in_force_since is not None:
                return self._ignored(check, await self._slots(check.claim.point))
            return await self._seen_now(check)
        except PointsError as error:
            return Effect(verdict=Verdict.UNKNOWN, text=f"unknown: {str(error).rstrip('.')}")

    async def _seen_now(self, check: Check) -> Effect:
        assert check.expectation is not None, "without a sensor nothing is asked"
        reading = await self._read(check.expectation.witness.id)
        effect = judge_effect(check.expectation, check.write, reading, self._clock.now())
        return replace(effect, verdict=Verdict.UNKNOWN) if effect.verdict is Verdict.UNREAD else effect

    def _ignored(self, check: Check, slots: Slots) -> Effect:
        winner, claim = slots.winner, check.claim
        if winner is not None and winner < claim.priority:
            return _outranked(winner)
        text = f"not effective: nothing outranks it, and {claim.point} is {self._said(check.point)} all the same"
        return Effect(verdict=Verdict.INEFFECTIVE, text=text)

    def _conclude(self, check: Check, effect: Effect, now: datetime) -> None:
        """Keeps what was found, and puts on record what somebody should know."""
        before, check.effect = check.effect.verdict, effect
        if effect.verdict is Verdict.INEFFECTIVE and check.ineffective_since is None:
            check.ineffective_since = now
            self._record(check.claim, f"command {effect.text}", now)
        elif effect.verdict is Verdict.CONFIRMED and check.ineffective_since is not None:
            check.effect = replace(effect, text=f"effective after {lasting(now - check.claim.since)}: {effect.text}")
            check.ineffective_since = None
            self._record(check.claim, check.effect.text, now)
        elif effect.verdict in (Verdict.NOTHING, Verdict.OUTRANKED):
            check.ineffective_since = None
        elif effect.verdict is Verdict.CONFIRMED and before is not Verdict.CONFIRMED and self._is_worth(check):
            self._record(check.claim, effect.text, now)
        if check.on_its_way and effect.verdict in (Verdict.CONFIRMED, Verdict.NOTHING):
            check.effect = replace(effect, text="on its way; followed so far")

    def _is_worth(self, check: Check) -> bool:
        """What people command is on record when it worked, too; policies command much, and again and again."""
        return not (is_policy(check.claim.by) or check.restored or check.on_its_way)

    def _record(self, claim: Claim, text: str, now: datetime) -> None:
        self._owed.append((claim, text))
        self._events.tell(Event(kind=EventKind.COMMAND, time=now, about=claim.point, text=f"{claim.point}: {text}"))

    async def _pay(self) -> None:
        """Writes the notes; what cannot be written now is written later."""
        async with self._paying:
            while self._owed:
                claim, text = self._owed[0]
                try:
                    await self._audit.note(
                        by=AGENT, action="effect", target=claim.point, request=str(claim.command), result=text
                    )
                except PointsError as error:
                    log.debug("effects are not on record yet", notes=len(self._owed), error=str(error))
                    return
                del self._owed[0]

    def _said(self, point: Point) -> str:
        return show(point, self._present(point.id))

    def _present(self, point: PointId) -> Value | None:
        reading = self._store.get(point)
        return None if reading is None else reading.value

    def _of_catalog(self) -> Witnesses:
        if self._witnesses.catalog is not self._book.current:
            self._witnesses = Witnesses(self._book.current)
        return self._witnesses


def _check(
    claim: Claim, point: Point, expectation: Expectation | None, write: Write, *, restored: bool = False
) -> Check:
    return Check(
        claim=claim,
        point=point,
        expectation=expectation,
        write=write,
        start=write,
        since=claim.since,
        restored=restored,
    )


def _outranked(slot: int) -> Effect:
    return Effect(verdict=Verdict.OUTRANKED, text=f"nothing to check: outranked by slot {slot}")
