"""Events of the utility over the port: who may send and cancel them, and what he is told."""

from __future__ import annotations

from collections.abc import Collection

from facility.feeds.utility import EventRefused, Sender, UtilityEvents
from facility.port import FacilityError
from facility.users import User
from facility.wire import DemandAnswer, DemandEventInfo, DemandNotice


class UtilityDesk:
    """For any caller; a service account only if the configuration names it."""

    def __init__(self, events: UtilityEvents, accounts: Collection[str]) -> None:
        self._events = events
        self._accounts = frozenset(accounts)

    def infos(self) -> list[DemandEventInfo]:
        return self._events.infos()

    async def send(self, user: User, event: DemandNotice) -> DemandAnswer:
        """Raises `FacilityError`."""
        try:
            return await self._events.take(event, self._sender(user))
        except EventRefused as refusal:
            raise FacilityError("bad-wish", str(refusal)) from None

    async def cancel(self, user: User, event: str) -> DemandAnswer:
        """Raises `FacilityError`."""
        try:
            return await self._events.cancel(event, self._sender(user))
        except EventRefused as refusal:
            raise FacilityError("unknown", str(refusal)) from None

    def _sender(self, user: User) -> Sender:
        if user.role == "service" and user.name not in self._accounts:
            text = f"{user.name} is a service that sends no events: add it to demand_response.accounts if it should."
            raise FacilityError("not-allowed", text)
        return Sender(by=user.by, role=user.role, origin=user.origin)
