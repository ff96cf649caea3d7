"""What a caller needs for each method of the port. What is not in the table, nobody may: a new method says it here.

`guarded` puts the question in front of every method of a session, so that none can forget it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Protocol, TypeVar

from facility.calls import CALLS
from facility.port import FacilityError
from facility.users import Permission, User
from points.catalog import Catalog
from points.model import Point

NEEDS: Mapping[str, Permission | None] = {
    "hello": None,  # who is known at all may learn as whom
    "points": Permission.SEE,
    "values": Permission.SEE,
    "devices": Permission.SEE,
    "overview": Permission.SEE,
    "alarms": Permission.SEE,
    "overrides": Permission.SEE,
    "schedules": Permission.SEE,
    "calendar": Permission.SEE,
    "policies": Permission.SEE,
    "demand": Permission.SEE,
    "energy": Permission.SEE,
    "compliance_report": Permission.SEE,
    "demand_events": Permission.SEE,
    "special_events": Permission.SEE,
    "why": Permission.SEE,
    "detail": Permission.SEE,
    "trend": Permission.SEE,
    "read": Permission.SEE,
    "stats": Permission.SEE,
    "watch": Permission.SEE,
    "waiting": Permission.SEE,
    "relaxations": Permission.SEE,
    "discover": Permission.SEE,  # to start one, more: see the session
    "audit": Permission.AUDIT,
    "audit_check": Permission.AUDIT,
    "audit_page": Permission.AUDIT,
    "rehearsal": Permission.SEE,
    "rehearse": Permission.COMMAND,  # anywhere: nothing is written, but it costs the agent some work
    "stop_rehearsal": Permission.COMMAND,
    "apply_changes": Permission.CONFIGURE,
    "preview": Permission.COMMAND,
    "commit": Permission.COMMAND,
    "second": Permission.COMMAND,
    "dismiss": Permission.COMMAND,
    "announce_event": Permission.COMMAND,  # wherever the programme moves something
    "withdraw_event": Permission.COMMAND,
    "demand_event": Permission.DEMAND_RESPONSE,
    "cancel_demand_event": Permission.DEMAND_RESPONSE,
    "acknowledge": Permission.ACKNOWLEDGE,
    "approve": Permission.APPROVE,
    "consent": Permission.CONSENT,
    "device_schedules": Permission.SEE,
    "import_schedule": Permission.SEE,
    "drift": Permission.SEE,
    "preview_export": Permission.WRITE_SCHEDULES,
    "export_schedule": Permission.WRITE_SCHEDULES,
}
"""Method of `facility.port.Facility` -> what its caller must be allowed; None: being known is enough."""

PLACED = frozenset({Permission.COMMAND, Permission.ACKNOWLEDGE, Permission.CONSENT, Permission.WRITE_SCHEDULES})
"""What the session itself asks once more, for the place."""


class Session(Protocol):
    """Somebody's."""

    user: User


AnySession = TypeVar("AnySession", bound=Session)


def must(user: User, what: Permission | None, *, placed: bool = False) -> None:
    """Raises `FacilityError` unless he may. `placed`: where is asked later."""
    if what is None or (user.has(what) if placed else user.may(what)):
        return
    raise FacilityError("not-allowed", user.refusal(what, "this concerns the whole building"))


def must_at(user: User, what: Permission, point: Point, catalog: Catalog) -> None:
    """Raises `FacilityError` unless he may do it at this point."""
    if user.may(what, places_of(point, catalog)):
        return
    space = catalog.spaces.get(point.space) if point.space else None
    where = f"in {space.name} ({space.id}, {space.type})" if space else f"in {point.space}" if point.space else ""
    raise FacilityError("not-allowed", user.refusal(what, f"{point.id} is {where or 'in no space that is known'}"))


def places_of(point: Point, catalog: Catalog) -> tuple[str, ...]:
    """Id and type of the space that the point is in."""
    if not point.space:
        return ()
    space = catalog.spaces.get(point.space)
    return (point.space,) if space is None else (space.id, space.type)


def guarded(session: type[AnySession]) -> type[AnySession]:
    """The same class, every method of the port asking first."""
    for name in (*CALLS, "watch"):
        if (method := getattr(session, name, None)) is not None:
            setattr(session, name, _asking(name, method) if name in CALLS else _asking_first(name, method))
    return session


def _asking(name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def asked(self: Session, *args: Any, **kwargs: Any) -> Any:
        _must_for(self.user, name)
        return await method(self, *args, **kwargs)

    return asked


def _asking_first(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def asked(self: Session, *args: Any, **kwargs: Any) -> Any:
        _must_for(self.user, name)
        return method(self, *args, **kwargs)

    return asked


def _must_for(user: User, name: str) -> None:
    if name not in NEEDS:
        raise FacilityError("not-allowed", f"Nobody may call {name}: facility.permits does not say who.")
    what = NEEDS[name]
    must(user, what, placed=what in PLACED)
