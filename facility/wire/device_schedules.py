"""The schedules and calendars that devices have of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire


class DeviceScheduleInfo(Wire):
    """A Schedule or Calendar object of a device. It works there, whether the agent runs or not."""

    id: str  # "lighting-panel-lp-1/schedule,1"
    device: str
    object: str
    kind: Literal["schedule", "calendar"]
    name: str
    description: str
    commands: list[str]  # ids of our points, or what the device says where there is none
    priority: int | None  # at which it writes
    present: str
    effective: str
    week: list[str]  # Monday first: "06:00 on, 22:00 off"
    exceptions: int
    programme: str  # of ours that belongs to it, or the calendar of ours; ""
    days: list[str] = []  # of a calendar: what it contains
    used_by: list[str] = []  # of a calendar: the schedules of its device that go by it, as far as they were read
    read: datetime | None  # when it was last read; None: never
    doubts: list[str]  # what is odd about it
    trouble: str  # why it could not be read now; ""


class ImportedSchedule(Wire):
    """A device's schedule or calendar as a piece of `facility.toml`."""

    id: str
    toml: str
    remarks: list[str]  # what configuration cannot say, and what is doubtful


class DriftStretch(Wire):
    """A time in which the programme and the device's schedule say different things; of calendars, whole days."""

    begin: datetime
    end: datetime
    state: str  # of the programme
    ours: str
    theirs: str
    rule: str  # of the device's schedule; of calendars, the entry to which the first day belongs


class DriftInfo(Wire):
    """How far a device's schedule is from the programme that belongs to it, or its calendar from one of ours."""

    id: str
    kind: Literal["schedule", "calendar"] = "schedule"
    programme: str  # or the calendar of ours
    days: int
    read: datetime | None
    stretches: list[DriftStretch]
    structure: list[str]  # what is written differently
    doubts: list[str]
    trouble: str  # why they could not be compared; ""

    @property
    def agrees(self) -> bool:
        """Nothing is known to differ, and everything is known."""
        return not (self.stretches or self.structure or self.doubts or self.trouble)


class ExportChange(Wire):
    """A property that would be written."""

    what: str  # "weekly-schedule, Monday"
    old: str
    new: str


class ExportPlan(Wire):
    """What writing the programme into the device's schedule, or the calendar into its own, would do; nothing is yet."""

    plan: str  # to commit it
    id: str
    kind: Literal["schedule", "calendar"] = "schedule"
    programme: str  # or the calendar of ours
    verdict: Literal["allowed", "refused", "nothing"]
    why: str
    commands: list[str]  # the points that the schedule commands, or the schedules that go by the calendar do
    changes: list[ExportChange]
    remarks: list[str]
    valid_until: datetime


class ExportResult(Wire):
    """What came of it."""

    id: str
    status: Literal["written", "failed", "mismatch"]
    text: str
