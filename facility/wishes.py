"""What one person asks of the command desk: from a wish to its plan, and from a plan to its result.

A plan can be committed only by whoever it was made for. Where a second person is needed, committing it only asks for
one; what was asked for is carried out by the commit of another person, once that is on record.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from facility import answers, views
from facility.commands import StalePlan
from facility.model import Command, Failed, Outcome, Rejected
from facility.permits import must_at, places_of
from facility.port import FacilityError
from facility.preview import Preview
from facility.requests import Request, UnknownRequest
from facility.serving import serving_of
from facility.users import Permission, User
from facility.wire import Plan, Result, ValueInfo, WaitingInfo, Wish
from points.catalog import Catalog
from points.errors import PointsError, UnknownPoint
from points.model import Point, Priority, Reading

if TYPE_CHECKING:
    from facility.session import Parts

LOOK_S = 12.0  # a device that answers at all answers a look sooner; both are shorter than a caller waits
WRITE_S = 24.0
MOST_MINUTES = 366 * 24 * 60  # of a command: far more than the guard allows, and still a date


def known(catalog: Catalog, point: str) -> Point:
    """The point of that id, or the caller is told that there is none."""
    try:
        return catalog.point(point)
    except UnknownPoint as error:
        raise FacilityError("unknown-point", str(error)) from None


class Wishes:
    """Of one person."""

    def __init__(self, parts: Parts, user: User, *, shown: Callable[[Iterable[Reading]], list[ValueInfo]]) -> None:
        """`shown`: readings as this person sees them."""
        self._parts = parts
        self._user = user
        self._shown = shown

    async def preview(self, wish: Wish) -> Plan:
        """What the wish would do."""
        point = known(self._catalog, wish.point)
        must_at(self._user, Permission.COMMAND, point, self._catalog)
        command = Command(
            point=point.id,
            value=wish.value,
            priority=self._level(wish.priority),
            by=self._user.by,
            role=self._user.role,
            origin=self._user.origin,
            reason=wish.reason,
            lasts=_lasts(wish.minutes),
        )
        return await self._plan(command, point)

    async def _plan(self, command: Command, point: Point) -> Plan:
        try:
            async with asyncio.timeout(LOOK_S):
                preview = await self._parts.previews.preview(command)
        except PointsError as error:
            why = f"{point.device} cannot be asked: {answers.sentence(error)} Nothing was written."
            raise FacilityError("busy", why) from None
        except TimeoutError:
            raise FacilityError("busy", f"{point.device} does not answer. Nothing was written.") from None
        claims = views.claims_by_level(self._parts.claims.of(point.id))
        spaces = views.touched(point, self._catalog, self._parts.critical, serving_of(self._parts.config))
        if preview.verdict.refused:
            await self._parts.denials.note(self._user, command, preview.verdict)
            return answers.plan(preview, point, claims, spaces)
        check, ramp = self._parts.announce(point, preview.command.value), self._parts.desk.judge.ramp(preview.command)
        return answers.plan(preview, point, claims, spaces, check=check, ramp=ramp)

    async def commit(self, plan: str) -> Result:
        """Carries out what was shown to this person, or asks for a second one."""
        preview = self._own(plan)
        if preview.verdict.decision == "second-person" and not preview.command.seconded_by:
            return await self._ask_for_another(preview)
        request = await self._agreed(preview.command) if preview.command.seconded_by else None
        try:
            async with asyncio.timeout(WRITE_S):
                outcome = await self._parts.previews.commit(plan)
        except StalePlan as error:
            self._put_back(request)
            raise FacilityError("stale-plan", str(error)) from None
        except TimeoutError:  # the desk carries it to its end all the same
            text = f"The device has not answered for {WRITE_S:.0f} s. The command goes on; the audit tells its end."
            raise FacilityError("busy", text) from None
        if isinstance(outcome, Rejected) or (isinstance(outcome, Failed) and not outcome.written):
            self._put_back(request)
        return self._result(outcome, was_empty=_is_empty(preview))

    async def second(self, request: str) -> Plan:
        """What somebody else asked for, shown to this person."""
        found = self._request(request)
        point = known(self._catalog, found.command.point)
        must_at(self._user, Permission.COMMAND, point, self._catalog)
        if found.command.by == self._user.by:
            raise FacilityError("not-allowed", "You have asked for it yourself: somebody else has to agree.")
        self._must_be_one_person()
        return await self._plan(replace(found.command, seconded_by=self._user.by), point)

    async def dismiss(self, request: str) -> WaitingInfo:
        """Withdraws what this person asked for, or declines what somebody else did."""
        found = self._request(request)
        if found.command.by != self._user.by:
            must_at(self._user, Permission.COMMAND, known(self._catalog, found.command.point), self._catalog)
        try:
            return self._waits(await self._parts.requests.dismiss(request, self._user))
        except UnknownRequest as error:
            raise FacilityError("unknown", str(error)) from None
        except PointsError as error:
            raise FacilityError("busy", f"{answers.sentence(error)} It waits as before.") from None

    def _must_be_one_person(self) -> None:
        """Behind an account that nobody was given by name may be the very person who asked."""
        if not self._user.named:
            why = f"{self._user.name} is an account, not a person: it counts for nobody where two people are needed."
            raise FacilityError("not-allowed", f"{why} Use an account that `[users]` or `[groups]` names.")

    def _own(self, plan: str) -> Preview:
        """The preview of that id, made for this caller and for a point that he may still command."""
        try:
            preview = self._parts.previews.shown(plan)
        except StalePlan as error:
            raise FacilityError("stale-plan", str(error)) from None
        if (preview.command.seconded_by or preview.command.by) != self._user.by:
            raise FacilityError("not-allowed", "This preview was made for somebody else. Make one of your own.")
        must_at(self._user, Permission.COMMAND, known(self._catalog, preview.command.point), self._catalog)
        return preview

    async def _ask_for_another(self, preview: Preview) -> Result:
        self._must_be_one_person()
        try:
            request = await self._parts.requests.ask(preview.command, preview.verdict)
        except PointsError as error:
            raise FacilityError("busy", f"{answers.sentence(error)} Nothing was written, nobody was asked.") from None
        self._parts.previews.forget(preview.id)
        return answers.asked(request, self._parts.config.site.tz)

    async def _agreed(self, command: Command) -> Request:
        try:
            return await self._parts.requests.agree(command, self._user)
        except UnknownRequest as error:
            raise FacilityError("unknown", f"{answers.sentence(error)} Nothing was written.") from None
        except PointsError as error:
            raise FacilityError("busy", f"{answers.sentence(error)} Nothing was written.") from None

    def _put_back(self, request: Request | None) -> None:
        if request is not None:
            self._parts.requests.put_back(request)

    def _request(self, request: str) -> Request:
        try:
            return self._parts.requests.named(request)
        except UnknownRequest as error:
            raise FacilityError("unknown", str(error)) from None

    def waiting(self) -> list[WaitingInfo]:
        """What waits for a second person, as this one sees it."""
        return [self._waits(request) for request in self._parts.requests.waiting()]

    def _waits(self, request: Request) -> WaitingInfo:
        point = self._catalog.points.get(request.command.point)
        may = point is not None and self._user.may(Permission.COMMAND, places_of(point, self._catalog))
        return answers.waiting(request, point, self._user.by, may=may)

    def _level(self, priority: int) -> Priority:
        if priority != Priority.OPERATOR:
            raise FacilityError("not-allowed", f"Level {priority} is not for operators: they write at level 8.")
        return Priority.OPERATOR

    def _result(self, outcome: Outcome, *, was_empty: bool) -> Result:
        command = outcome.command
        reading = self._parts.store.get(command.point)
        return answers.result(
            outcome,
            self._catalog.points.get(command.point),
            was_empty=was_empty,
            ours=self._parts.claims[(command.point, command.priority)] is not None,
            readback=self._shown([reading])[0] if reading else None,
            now=self._parts.clock.now(),
            zone=self._parts.config.site.tz,
        )

    @property
    def _catalog(self) -> Catalog:
        return self._parts.book.current


def _is_empty(preview: Preview) -> bool:
    """Whether its slot held nothing, and nothing else was to end with it."""
    return preview.slots is not None and preview.slots.values[preview.command.priority - 1] is None and not preview.also


def _lasts(minutes: float | None) -> timedelta | None:
    """The guard says what is allowed; here only what is a stretch of time at all."""
    if minutes is None:
        return None
    if not 0 <= minutes <= MOST_MINUTES:
        raise FacilityError("bad-wish", f"A command cannot last {minutes:g} minutes.")
    return timedelta(minutes=minutes)
