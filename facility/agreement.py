"""Two people agree to a relaxation, or one withdraws: recorded first, then in force at once, then how it ended.

Whoever may agree may withdraw, also what others agreed to: to make something stricter needs nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from facility.answers import sentence
from facility.audit import Audit, AuditUnavailable
from facility.commands import CommandDesk
from facility.consents import Consent, Consents, Standing
from facility.database import StateDatabase
from facility.guard import REASON_LENGTH
from facility.model import Command
from facility.permits import must
from facility.port import FacilityError
from facility.relaxations import PEOPLE_NEEDED
from facility.users import Permission, User
from facility.wire import ConsentInfo, RelaxationInfo
from points.clock import Clock
from points.errors import PointsError


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
        self._desk = desk
        self._consents = consents
        self._db = db
        self._audit = audit
        self._clock = clock
        self._reshape = reshape

    def infos(self) -> list[RelaxationInfo]:
        """Every relaxation of the site, in force or not."""
        return [_info(standing) for standing in self._consents.standing()]

    async def agree(self, user: User, keys: Sequence[str], reason: str, *, withdraw: bool) -> list[RelaxationInfo]:
        """These relaxations as they stand then. Raises `FacilityError` where it may not or cannot be."""
        wanted = list(dict.fromkeys(keys))
        if len(reason.strip()) < REASON_LENGTH:
            raise FacilityError("bad-wish", f"A consent needs a reason of {REASON_LENGTH} characters or more.")
        chosen = self._chosen(user, wanted, withdraw=withdraw)
        verb = "withdraw consent" if withdraw else "consent"
        try:
            seq = await self._audit.intent(
                by=user.by,
                role=user.role,
                origin=user.origin,
                action=verb,
                target=chosen[0] if len(chosen) == 1 else f"{len(chosen)} relaxations",
                value=None if len(chosen) == 1 else "\n".join(chosen),
                reason=reason,
            )
            try:
                await self._carry_out(user, chosen, reason, withdraw=withdraw)
            except PointsError as error:
                await self._audit.result(seq, f"failed: {error}")
                raise
        except PointsError as error:
            what = "It is not stored: after a start it would count again." if withdraw else "Nothing was agreed to."
            raise FacilityError("busy", f"{sentence(error)} {what}") from None
        after = [info for info in self.infos() if info.key in set(chosen)]
        with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
            await self._audit.result(seq, _outcome(after))
        return after

    async def _carry_out(self, user: User, keys: Sequence[str], reason: str, *, withdraw: bool) -> None:
        try:
            if withdraw:
                await self._let_go(user, keys, reason)
                await self._consents.withdraw(self._db, keys)
            else:
                now = self._clock.now()
                given = [Consent(relaxation=key, by=user.by, reason=reason, time=now) for key in keys]
                await self._consents.give(self._db, given)
        finally:
            await self._reshape()

    async def _let_go(self, user: User, keys: Sequence[str], reason: str) -> None:
        """Of what is held at these points: once they are locked again, nothing is written there, not even a release."""
        wanted = set(keys)
        standing = self._consents.standing()
        chosen = {each.relaxation.point for each in standing if each.relaxation.key in wanted}
        for claim in self._desk.claims.standing():
            if claim.point in chosen:
                why = f"consent withdrawn: {reason}"
                await self._desk.submit(
                    Command(point=claim.point, value=None, priority=claim.priority, by=user.by, reason=why)
                )

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
            if not user.may(Permission.CONSENT, known[key].relaxation.places):
                must(user, Permission.CONSENT)
        people = {key: {consent.by for consent in known[key].consents} for key in keys}
        chosen = [key for key in keys if (people[key] if withdraw else user.by not in people[key])]
        if not chosen:
            already = "You have agreed already: somebody else has to agree too."
            raise FacilityError("bad-wish", "Nobody has agreed to it." if withdraw else already)
        return chosen


def _info(standing: Standing) -> RelaxationInfo:
    relaxation = standing.relaxation
    return RelaxationInfo(
        key=relaxation.key,
        what=relaxation.what,
        before=relaxation.before,
        after=relaxation.after,
        consents=[ConsentInfo(by=each.by, reason=each.reason, time=each.time) for each in standing.consents],
        in_force=standing.in_force,
    )


def _outcome(after: Sequence[RelaxationInfo]) -> str:
    holding = sum(info.in_force for info in after)
    waiting = len(after) - holding
    said = [f"{holding} in force"] if holding else []
    if waiting:
        said.append(f"{waiting} not in force, the stricter holds: {PEOPLE_NEEDED} people have to agree")
    return "; ".join(said)
