"""The agent from the outside: `RemoteFacility` over its Unix socket.

Every failure is a `FacilityError` with a sentence for a person; nobody at the socket is `AgentLost`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from facility.calls import CALLS, TROUBLE_HEADER
from facility.port import AgentLost, FacilityError
from facility.wire import (
    AlarmInfo,
    AppliedInfo,
    AuditCheck,
    AuditPage,
    CalendarInfo,
    ComplianceReport,
    DemandAnswer,
    DemandEventInfo,
    DemandInfo,
    DemandNotice,
    DeviceInfo,
    DeviceScheduleInfo,
    Discovery,
    DriftInfo,
    EnergyReport,
    ExportPlan,
    ExportResult,
    Hello,
    ImportedSchedule,
    OverrideInfo,
    Overview,
    Plan,
    PointDetail,
    PointInfo,
    PolicyState,
    Record,
    RehearsalInfo,
    RelaxationInfo,
    Result,
    ScheduleInfo,
    SpecialEventInfo,
    Trend,
    Trouble,
    Update,
    ValueInfo,
    WaitingInfo,
    Why,
    Wish,
)

Answer = TypeVar("Answer")

ANSWER_S = 30.0  # a command waits for a device; longer than that nobody believes in an answer
REPORT_S = 300.0  # of months, on a small machine that runs a building meanwhile
HEARTBEAT_S = 5.0  # a stream whose other end is gone is noticed within two of these
LONGEST_MESSAGE = 256 * 1024 * 1024  # the catalog of a very large site in one message


class RemoteFacility:
    """`facility.port.Facility`, spoken over the agent's socket. Use as a context manager."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = self._new_session()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def hello(self) -> Hello:
        return await self._call(Hello, "hello")

    async def points(self) -> list[PointInfo]:
        return await self._call(list[PointInfo], "points")

    async def values(self) -> list[ValueInfo]:
        return await self._call(list[ValueInfo], "values")

    async def devices(self) -> list[DeviceInfo]:
        return await self._call(list[DeviceInfo], "devices")

    async def overview(self) -> Overview:
        return await self._call(Overview, "overview")

    async def alarms(self) -> list[AlarmInfo]:
        return await self._call(list[AlarmInfo], "alarms")

    async def overrides(self) -> list[OverrideInfo]:
        return await self._call(list[OverrideInfo], "overrides")

    async def schedules(self) -> list[ScheduleInfo]:
        return await self._call(list[ScheduleInfo], "schedules")

    async def calendar(self, first: date, days: int = 31) -> CalendarInfo:
        return await self._call(CalendarInfo, "calendar", first=first, days=days)

    async def policies(self, policy: str = "") -> list[PolicyState]:
        return await self._call(list[PolicyState], "policies", policy=policy)

    async def demand(self) -> DemandInfo:
        return await self._call(DemandInfo, "demand")

    async def energy(self, days: int = 7) -> EnergyReport:
        return await self._call(EnergyReport, "energy", REPORT_S, days=days)

    async def compliance_report(self, days: int = 30) -> ComplianceReport:
        return await self._call(ComplianceReport, "compliance_report", REPORT_S, days=days)

    async def demand_events(self) -> list[DemandEventInfo]:
        return await self._call(list[DemandEventInfo], "demand_events")

    async def demand_event(self, event: DemandNotice) -> DemandAnswer:
        return await self._call(DemandAnswer, "demand_event", event=event)

    async def cancel_demand_event(self, event: str) -> DemandAnswer:
        return await self._call(DemandAnswer, "cancel_demand_event", event=event)

    async def special_events(self) -> list[SpecialEventInfo]:
        return await self._call(list[SpecialEventInfo], "special_events")

    async def announce_event(
        self, programme: str, state: str, until: datetime, reason: str, begin: datetime | None = None
    ) -> SpecialEventInfo:
        wanted = {"programme": programme, "state": state, "until": until, "reason": reason, "begin": begin}
        return await self._call(SpecialEventInfo, "announce_event", **wanted)

    async def withdraw_event(self, event: str, reason: str) -> SpecialEventInfo:
        return await self._call(SpecialEventInfo, "withdraw_event", event=event, reason=reason)

    async def rehearse(
        self, days: int = 7, changes: Sequence[str] = (), *, edited: bool = False, thermal: bool = False
    ) -> RehearsalInfo:
        wanted = {"days": days, "changes": list(changes), "edited": edited, "thermal": thermal}
        return await self._call(RehearsalInfo, "rehearse", **wanted)

    async def rehearsal(self, rehearsal: str) -> RehearsalInfo:
        return await self._call(RehearsalInfo, "rehearsal", rehearsal=rehearsal)

    async def stop_rehearsal(self, rehearsal: str) -> RehearsalInfo:
        return await self._call(RehearsalInfo, "stop_rehearsal", rehearsal=rehearsal)

    async def apply_changes(self, rehearsal: str, reason: str) -> AppliedInfo:
        return await self._call(AppliedInfo, "apply_changes", rehearsal=rehearsal, reason=reason)

    async def detail(self, point: str) -> PointDetail:
        return await self._call(PointDetail, "detail", point=point)

    async def why(self, point: str) -> Why:
        return await self._call(Why, "why", point=point)

    async def trend(self, point: str, since: datetime, until: datetime, buckets: int) -> Trend:
        return await self._call(Trend, "trend", point=point, since=since, until=until, buckets=buckets)

    async def audit(
        self,
        target: str | None = None,
        limit: int = 100,
        by: str | None = None,
        since: datetime | None = None,
        entry: int | None = None,
    ) -> list[Record]:
        wanted = {"target": target, "limit": limit, "by": by, "since": since, "entry": entry}
        return await self._call(list[Record], "audit", **wanted)

    async def audit_check(self) -> AuditCheck:
        return await self._call(AuditCheck, "audit_check")

    async def audit_page(self, after: int = 0, until: int = 0) -> AuditPage:
        return await self._call(AuditPage, "audit_page", after=after, until=until)

    async def read(self, point: str) -> ValueInfo:
        return await self._call(ValueInfo, "read", point=point)

    async def preview(self, wish: Wish) -> Plan:
        return await self._call(Plan, "preview", wish=wish)

    async def commit(self, plan: str) -> Result:
        return await self._call(Result, "commit", plan=plan)

    async def waiting(self) -> list[WaitingInfo]:
        return await self._call(list[WaitingInfo], "waiting")

    async def second(self, request: str) -> Plan:
        return await self._call(Plan, "second", request=request)

    async def dismiss(self, request: str) -> WaitingInfo:
        return await self._call(WaitingInfo, "dismiss", request=request)

    async def acknowledge(self, alarm: str, reason: str = "") -> AlarmInfo:
        return await self._call(AlarmInfo, "acknowledge", alarm=alarm, reason=reason)

    async def approve(self, device: str, reason: str) -> DeviceInfo:
        return await self._call(DeviceInfo, "approve", device=device, reason=reason)

    async def relaxations(self) -> list[RelaxationInfo]:
        return await self._call(list[RelaxationInfo], "relaxations")

    async def consent(self, keys: list[str], reason: str, *, withdraw: bool = False) -> list[RelaxationInfo]:
        return await self._call(list[RelaxationInfo], "consent", keys=keys, reason=reason, withdraw=withdraw)

    async def device_schedules(self, *, refresh: bool = False) -> list[DeviceScheduleInfo]:
        return await self._call(list[DeviceScheduleInfo], "device_schedules", refresh=refresh)

    async def import_schedule(self, schedule: str) -> ImportedSchedule:
        return await self._call(ImportedSchedule, "import_schedule", schedule=schedule)

    async def drift(self, schedule: str = "") -> list[DriftInfo]:
        return await self._call(list[DriftInfo], "drift", schedule=schedule)

    async def preview_export(self, schedule: str, reason: str) -> ExportPlan:
        return await self._call(ExportPlan, "preview_export", schedule=schedule, reason=reason)

    async def export_schedule(self, plan: str) -> ExportResult:
        return await self._call(ExportResult, "export_schedule", plan=plan)

    async def discover(self, *, start: bool = True) -> Discovery:
        return await self._call(Discovery, "discover", start=start)

    async def stats(self) -> dict[str, float]:
        return await self._call(dict[str, float], "stats")

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[AsyncIterator[Update]]:
        try:
            async with self._opened().ws_connect(
                "http://agent/v1/watch", heartbeat=HEARTBEAT_S, max_msg_size=LONGEST_MESSAGE, compress=0
            ) as stream:
                yield _updates(stream)
        except aiohttp.WSServerHandshakeError as error:
            if error.headers is not None and TROUBLE_HEADER in error.headers:
                raise _trouble(error.headers[TROUBLE_HEADER].encode()) from None
            raise FacilityError("internal", f"The agent does not serve the live stream: {error.message}") from None
        except aiohttp.ClientError as error:
            raise self._lost(error) from None

    async def _call(self, answers: type[Answer], name: str, patience: float = ANSWER_S, /, **arguments: Any) -> Answer:
        """`answers` is what mypy checks; the wire's own description of the call validates it."""
        try:
            async with self._opened().post(
                f"http://agent/v1/{name}",
                json=to_jsonable_python(arguments),
                timeout=aiohttp.ClientTimeout(total=patience),
            ) as answer:
                body = await answer.read()
                if answer.status != 200:
                    raise _trouble(body)
                result: Answer = CALLS[name].result.validate_json(body)
                return result
        except (aiohttp.ClientError, ConnectionError) as error:
            raise self._lost(error) from None
        except TimeoutError:
            raise AgentLost(f"The agent at {self._socket} took longer than {patience:.0f} s to answer.") from None
        except ValidationError as error:
            raise FacilityError("internal", _other_version(error)) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = self._new_session()
        return self._session

    def _new_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(self._socket)))

    def _lost(self, error: Exception) -> AgentLost:
        if not self._socket.exists():
            return AgentLost(f"No agent is running: there is no socket {self._socket}. Start one with `facility run`.")
        if isinstance(error, (aiohttp.ClientConnectorError, ConnectionError)) and isinstance(
            getattr(error, "os_error", error), PermissionError
        ):
            return AgentLost(f"You may not open {self._socket}: ask to be put into its group (api.group).")
        return AgentLost(f"The agent at {self._socket} does not answer: {error}")


async def _updates(stream: aiohttp.ClientWebSocketResponse) -> AsyncIterator[Update]:
    catalog: list[PointInfo] = []
    async for message in stream:
        if message.type is aiohttp.WSMsgType.TEXT:
            try:
                update = Update.model_validate_json(message.data)
            except ValidationError as error:
                raise AgentLost(_other_version(error)) from None
            if update.kind == "catalog":
                catalog += update.points or ()
                if update.more:
                    continue
                update, catalog = update.model_copy(update={"points": catalog}), []
            yield update
    raise AgentLost("The agent has closed the live stream.")


def _other_version(error: ValidationError) -> str:
    return f"The agent speaks another version: {error.error_count()} fields of its answer are not understood."


def _trouble(body: bytes) -> FacilityError:
    try:
        trouble = Trouble.model_validate_json(body)
    except ValidationError:
        return FacilityError("internal", f"The agent answered with something unexpected: {body[:200]!r}")
    return FacilityError(trouble.error, trouble.text)
