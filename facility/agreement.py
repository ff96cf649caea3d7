"""Two people agree to a relaxation, or one withdraws: recorded first, then in force at once, then how it ended.

Whoever may agree may withdraw, also what others agreed to: to make something stricter needs nobody, and waits for no
record; only for what is held to be let go of (`facility.withdrawals`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TypedDict

from facility.answers import sentence
from facility.audit import Audit, AuditUnavailable
from facility.commands import CommandDesk
from facility.consents import Consent, Consents, Standing
from facility.database import StateDatabase, StateUnavailable
from facility.guard import REASON_LENGTH
from facility.permits import must
from facility.port import FacilityError
from facility.relaxations import PEOPLE_NEEDED
from facility.users import Permission, User
from facility.wire import ConsentInfo, RelaxationInfo
from facility.withdrawals import Withdrawals
from points.clock import Clock
from points.errors import PointsError

WITHDRAW = "withdraw consent"


class Agreement:
    """What people say to relaxations."""

    def __init__(
        self,
        consents: Consents,
        db: StateDatabase,
        desk: CommandDesk,
        audit: Audit,
        clock: Clock,
        reshape: Callable[[], Awaitable[None]],
    ) -> None:
        """`reshape` makes the catalog in use anew."""
        self.withdrawals = Withdrawals(consents, db, desk, clock, reshape)
        self._consents = consents
        self._db = db
        self._audit = audit
        self._clock = clock
        self._reshape = reshape

    def infos(self) -> list[RelaxationInfo]:
        """Every relaxation of the site, in force or not."""
        ending = self.withdrawals.ending
        return [_info(standing, ending=standing.relaxation.key in ending) for standing in self._consents.standing()]

    def _of(self, keys: Sequence[str]) -> list[RelaxationInfo]:
        chosen = set(keys)
        return [info for info in self.infos() if info.key in chosen]

    async def agree(self, user: User, keys: Sequence[str], reason: str, *, withdraw: bool) -> list[RelaxationInfo]:
        """These relaxations as they stand then. Raises `FacilityError` where it may not or cannot be."""
        wanted = list(dict.fromkeys(keys))
        if len(reason.strip()) < REASON_LENGTH:
            raise FacilityError("bad-wish", f"A consent needs a reason of {REASON_LENGTH} characters or more.")
        chosen = self._chosen(user, wanted, withdraw=withdraw)
        if withdraw:
            await self._withdraw(user, chosen, reason)
        else:
            await self._consent(user, chosen, reason)
        return self._of(chosen)

    async def _consent(self, user: User, keys: Sequence[str], reason: str) -> None:
        try:
            seq = await self._audit.intent(action="consent", **_said(user, keys, reason))
            try:
                now = self._clock.now()
                given = [Consent(relaxation=key, by=user.by, reason=reason, time=now) for key in keys]
                await self._consents.give(self._db, given)
            except PointsError as error:
                await self._audit.result(seq, f"failed: {error}")
                raise
            finally:
                await self._reshape()
        except PointsError as error:
            raise FacilityError("busy", f"{sentence(error)} Nothing was agreed to.") from None
        with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
            await self._audit.result(seq, _outcome(self._of(keys)))

    async def _withdraw(self, user: User, keys: Sequence[str], reason: str) -> None:
        """The stricter holds, whatever cannot be stored or recorded: that is owed."""
        seq: int | None = None
        with suppress(AuditUnavailable):
            seq = await self._audit.intent(action=WITHDRAW, **_said(user, keys, reason))
        untold: list[str] = []
        try:
            await self.withdrawals.withdraw(keys, f"consent withdrawn by {user.name}: {reason}")
        except StateUnavailable as error:
            untold.append(f"{sentence(error)} It is not stored yet: should the agent end before, it would count again.")
        outcome = _outcome(self._of(keys))
        try:
            if seq is None:
                await self._audit.note_in_any_case(action=WITHDRAW, result=outcome, **_said(user, keys, reason))
            else:
                await self._audit.result(seq, outcome)
        except AuditUnavailable:
            untold.append("It is not on record yet: that is made up for first when something can be recorded.")
        if untold:
            raise FacilityError("busy", " ".join((f"Withdrawn: {outcome}.", *untold)))

    def _chosen(self, user: User, keys: Sequence[str], *, withdraw: bool) -> list[str]:
        """The keys that this changes something about."""
        if not (user.named or withdraw):  # one person with sudo would be two
            name_them = "let an admin add you and the other person to [users] in facility.toml."
            raise FacilityError("not-allowed", f"The account {user.name} may be anybody's: to agree, {name_them}")
        known = {standing.relaxation.key: standing for standing in self._consents.standing()}
        if not keys:
            raise FacilityError("bad-wish", "Say which relaxations; `facility relaxations` lists them.")
        for key in keys:
            if key not in known:
                raise FacilityError("unknown", f"There is no relaxation {key!r}; `facility relaxations` lists them.")
            if key in self.withdrawals.ending and not withdraw:
                raise FacilityError("bad-wish", f"{key} was withdrawn; it ends once what is held there is let go of.")
            if not user.may(Permission.CONSENT, known[key].relaxation.places):
                must(user, Permission.CONSENT)
        people = {key: {consent.by for consent in known[key].consents} for key in keys}
        given = {key: people[key] or known[key].lapsed for key in keys}
        chosen = [key for key in keys if (given[key] if withdraw else user.by not in people[key])]
        if not chosen:
            already = "You have agreed already: somebody else has to agree too."
            raise FacilityError("bad-wish", "Nobody has agreed to it." if withdraw else already)
        return chosen


class _Said(TypedDict):
    """Of every entry of the audit about consents."""

    by: str
    role: str
    origin: str
    target: str
    value: str | None
    reason: str


def _said(user: User, keys: Sequence[str], reason: str) -> _Said:
    one = len(keys) == 1
    return _Said(
        by=user.by,
        role=user.role,
        origin=user.origin,
        target=keys[0] if one else f"{len(keys)} relaxations",
        value=None if one else "\n".join(keys),
        reason=reason,
    )


def _info(standing: Standing, *, ending: bool) -> RelaxationInfo:
    relaxation, consents = standing.relaxation, () if ending else standing.consents
    return RelaxationInfo(
        key=relaxation.key,
        what=relaxation.what,
        before=relaxation.before,
        after=relaxation.after,
        consents=[ConsentInfo(by=each.by, reason=each.reason, time=each.time) for each in consents],
        in_force=standing.in_force,
        ending=ending,
    )


def _outcome(after: Sequence[RelaxationInfo]) -> str:
    ending = sum(info.ending for info in after)
    holding = sum(info.in_force for info in after) - ending
    waiting = len(after) - holding - ending
    said = [f"{holding} in force"] if holding else []
    if ending:
        said.append(f"{ending} in force until what is held there is let go of")
    if waiting:
        said.append(f"{waiting} not in force, the stricter holds: {PEOPLE_NEEDED} people have to agree")
    return "; ".join(said)
