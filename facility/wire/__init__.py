"""What travels between the agent and its screens, and what `--json` prints.

Pydantic models, validated on both ends. Times are aware UTC. One truth: the agent computes,
screens only draw.
"""

from __future__ import annotations

from facility.wire.alarms import AlarmInfo
from facility.wire.audit import AuditCheck, AuditFault, AuditPage, Record
from facility.wire.base import Wire, WireValue
from facility.wire.commands import ConsentInfo, Plan, RelaxationInfo, Result, Touched, WaitingInfo, Wish
from facility.wire.demand_events import DemandAnswer, DemandEventInfo, DemandNotice
from facility.wire.device_schedules import (
    DeviceScheduleInfo,
    DriftInfo,
    DriftStretch,
    ExportChange,
    ExportPlan,
    ExportResult,
    ImportedSchedule,
)
from facility.wire.devices import Abilities, DeviceInfo, Discovery, PassportInfo
from facility.wire.energy import (
    AccountInfo,
    BaselineInfo,
    ComplianceDay,
    ComplianceReport,
    DemandInfo,
    DemandInterval,
    EnergyReport,
    MeterNow,
    MeterUse,
    PolicySavingInfo,
    SavingInfo,
    ShedInfo,
)
from facility.wire.holds import Hold, OverrideInfo
from facility.wire.overview import GroupState, Lamp, Link, Overview, PolicyInfo, SpaceState, Upcoming
from facility.wire.points import Bucket, PointInfo, SlotInfo, Trend, ValueInfo
from facility.wire.policies import PolicyRow, PolicyState
from facility.wire.rehearsals import (
    AppliedInfo,
    ClashInfo,
    RefusalInfo,
    RehearsalDay,
    RehearsalInfo,
    WriteInfo,
)
from facility.wire.schedules import (
    Block,
    CalendarDay,
    CalendarInfo,
    CalendarRule,
    ScheduleDay,
    ScheduleInfo,
    SpecialEventInfo,
    WrittenException,
    WrittenProgramme,
)
from facility.wire.stream import Hello, Trouble, Update
from facility.wire.why import PointDetail, Why, WhyStep

__all__ = [
    "Abilities",
    "AccountInfo",
    "AlarmInfo",
    "AppliedInfo",
    "AuditCheck",
    "AuditFault",
    "AuditPage",
    "BaselineInfo",
    "Block",
    "Bucket",
    "CalendarDay",
    "CalendarInfo",
    "CalendarRule",
    "ClashInfo",
    "ComplianceDay",
    "ComplianceReport",
    "ConsentInfo",
    "DemandAnswer",
    "DemandEventInfo",
    "DemandInfo",
    "DemandInterval",
    "DemandNotice",
    "DeviceInfo",
    "DeviceScheduleInfo",
    "Discovery",
    "DriftInfo",
    "DriftStretch",
    "EnergyReport",
    "ExportChange",
    "ExportPlan",
    "ExportResult",
    "GroupState",
    "Hello",
    "Hold",
    "ImportedSchedule",
    "Lamp",
    "Link",
    "MeterNow",
    "MeterUse",
    "OverrideInfo",
    "Overview",
    "PassportInfo",
    "Plan",
    "PointDetail",
    "PointInfo",
    "PolicyInfo",
    "PolicyRow",
    "PolicySavingInfo",
    "PolicyState",
    "Record",
    "RefusalInfo",
    "RehearsalDay",
    "RehearsalInfo",
    "RelaxationInfo",
    "Result",
    "SavingInfo",
    "ScheduleDay",
    "ScheduleInfo",
    "ShedInfo",
    "SlotInfo",
    "SpaceState",
    "SpecialEventInfo",
    "Touched",
    "Trend",
    "Trouble",
    "Upcoming",
    "Update",
    "ValueInfo",
    "WaitingInfo",
    "Why",
    "WhyStep",
    "Wire",
    "WireValue",
    "Wish",
    "WriteInfo",
    "WrittenException",
    "WrittenProgramme",
]
