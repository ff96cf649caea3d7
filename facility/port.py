"""The one port of the agent. Screens and the command line know nothing else of it.

Two implementations: `facility.session.Session` in the agent's process and `facility.client.RemoteFacility`
over its socket; a caller cannot tell which it has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol

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
    Update,
    ValueInfo,
    WaitingInfo,
    Why,
    Wish,
)


class FacilityError(Exception):
    """An answer that is a no. `kind` is one of `facility.wire.Trouble.error`; the text is for a person."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class AgentLost(FacilityError):
    """Nobody answers at the socket."""

    def __init__(self, text: str) -> None:
        super().__init__("lost", text)


class Facility(Protocol):
    """Everything a person at a screen can see or ask for. All methods raise `FacilityError`."""

    async def hello(self) -> Hello: ...

    async def points(self) -> list[PointInfo]: ...

    async def values(self) -> list[ValueInfo]: ...

    async def devices(self) -> list[DeviceInfo]: ...

    async def overview(self) -> Overview: ...

    async def alarms(self) -> list[AlarmInfo]: ...

    async def overrides(self) -> list[OverrideInfo]:
        """What holds points and is not of the agent's doing, the strongest in front."""
        ...

    async def schedules(self) -> list[ScheduleInfo]: ...

    async def calendar(self, first: date, days: int = 31) -> CalendarInfo:
        """Which days are not as every week, from the first on, and who follows."""
        ...

    async def policies(self, policy: str = "") -> list[PolicyState]:
        """What every policy demands now, who wins, and why nothing is demanded; or one, with more of its rows."""
        ...

    async def demand(self) -> DemandInfo:
        """The demand interval that is under way, and every meter now."""
        ...

    async def energy(self, days: int = 7) -> EnergyReport:
        """Use, savings with their error, and what was shed, over so many days, today included."""
        ...

    async def compliance_report(self, days: int = 30) -> ComplianceReport:
        """How long every space was in range, out, and not known, day by day."""
        ...

    async def demand_events(self) -> list[DemandEventInfo]:
        """What the utility asks for, now and to come; cancelled events until their time is over."""
        ...

    async def demand_event(self, event: DemandNotice) -> DemandAnswer:
        """An event of the utility. Sent again as it is, nothing happens; sent otherwise, it is changed."""
        ...

    async def cancel_demand_event(self, event: str) -> DemandAnswer:
        """Takes an event of the utility back."""
        ...

    async def special_events(self) -> list[SpecialEventInfo]:
        """What people want of programmes for once, as they announced it; what is over is not told."""
        ...

    async def announce_event(
        self, programme: str, state: str, until: datetime, reason: str, begin: datetime | None = None
    ) -> SpecialEventInfo:
        """Has the programme say this until then, whatever else it would say; from now on, or from `begin`."""
        ...

    async def withdraw_event(self, event: str, reason: str) -> SpecialEventInfo:
        """Ends a special event, or has it never begin."""
        ...

    async def rehearse(
        self, days: int = 7, changes: Sequence[str] = (), *, edited: bool = False, thermal: bool = False
    ) -> RehearsalInfo:
        """Begins to rehearse what policies would do. `changes`: lines of TOML, laid over the configuration file.

        `edited`: as the file says now, which somebody has edited. `thermal`: with zones that warm and cool.
        """
        ...

    async def rehearsal(self, rehearsal: str) -> RehearsalInfo:
        """How far a rehearsal is, and what it has found."""
        ...

    async def stop_rehearsal(self, rehearsal: str) -> RehearsalInfo: ...

    async def apply_changes(self, rehearsal: str, reason: str) -> AppliedInfo:
        """Brings the configuration that was rehearsed, and looked at, into force."""
        ...

    async def detail(self, point: str) -> PointDetail: ...

    async def why(self, point: str) -> Why:
        """Why its value stands: the chain of causes, and what happens next."""
        ...

    async def trend(self, point: str, since: datetime, until: datetime, buckets: int) -> Trend: ...

    async def audit(
        self,
        target: str | None = None,
        limit: int = 100,
        by: str | None = None,
        since: datetime | None = None,
        entry: int | None = None,
    ) -> list[Record]:
        """The latest records, newest first; of one thing, of one person or policy, not older than `since`.

        With `entry`, the one record that this number belongs to.
        """
        ...

    async def audit_check(self) -> AuditCheck:
        """Reads the whole audit and says whether it is as it was written."""
        ...

    async def audit_page(self, after: int = 0, until: int = 0) -> AuditPage:
        """A part of the audit to take away. What comes next is asked for with the page's own `after` and `until`."""
        ...

    async def read(self, point: str) -> ValueInfo:
        """Reads the point from its device now, inside the packet budget."""
        ...

    async def preview(self, wish: Wish) -> Plan:
        """What the wish would do; nothing is written."""
        ...

    async def commit(self, plan: str) -> Result:
        """Writes what `preview` or `second` showed; refused when the slots changed meanwhile.

        Where a second person is needed, nothing is written: the result is "asked" and names the request.
        """
        ...

    async def waiting(self) -> list[WaitingInfo]:
        """What waits for a second person, the oldest first."""
        ...

    async def second(self, request: str) -> Plan:
        """What somebody else asked for, read afresh for the caller, who agrees to it by committing it."""
        ...

    async def dismiss(self, request: str) -> WaitingInfo:
        """Withdraws what the caller asked for, or declines what somebody else did."""
        ...

    async def acknowledge(self, alarm: str, reason: str = "") -> AlarmInfo: ...

    async def approve(self, device: str, reason: str) -> DeviceInfo:
        """Takes a device out of quarantine: a person has looked, and it may be commanded again."""
        ...

    async def relaxations(self) -> list[RelaxationInfo]:
        """What the site makes looser than it is shipped or classified, and who agreed to it."""
        ...

    async def consent(self, keys: list[str], reason: str, *, withdraw: bool = False) -> list[RelaxationInfo]:
        """Agrees to relaxations, as one of two people, or withdraws all consent to them; both count at once."""
        ...

    async def device_schedules(self, *, refresh: bool = False) -> list[DeviceScheduleInfo]:
        """The schedules and calendars that devices have of their own; read now where they were not read lately."""
        ...

    async def import_schedule(self, schedule: str) -> ImportedSchedule:
        """A device's own schedule or calendar, read now, as a piece of `facility.toml`."""
        ...

    async def drift(self, schedule: str = "") -> list[DriftInfo]:
        """Where devices' schedules and calendars and what belongs to them differ in the next days; all, or one."""
        ...

    async def preview_export(self, schedule: str, reason: str) -> ExportPlan:
        """What writing its programme, or calendar, into a device's own would change; nothing is written."""
        ...

    async def export_schedule(self, plan: str) -> ExportResult:
        """Writes what `preview_export` showed, and says what was read back."""
        ...

    async def discover(self, *, start: bool = True) -> Discovery:
        """Looks through the building again, if it is not being done; asked with `start=False`, only tells."""
        ...

    async def stats(self) -> dict[str, float]:
        """Counters and gauges since the agent started, by name."""
        ...

    def watch(self) -> AbstractAsyncContextManager[AsyncIterator[Update]]:
        """The live stream: hello, catalog, values, overview and alarms in full, then what changes.

        Conflated, at most four value messages a second. Ends with `AgentLost`.
        """
        ...
