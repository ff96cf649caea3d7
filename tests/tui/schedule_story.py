"""The policies and the calendar of the fake facility."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from facility.wire import (
    CalendarDay,
    CalendarInfo,
    CalendarRule,
    DeviceScheduleInfo,
    PolicyRow,
    PolicyState,
    WrittenException,
    WrittenProgramme,
)

CLINIC = "Clinic B occupancy"
FLOW = "ahu-4/supply-air-temp-sp"
GUARD = [
    "from 12.0 °C to 18.0 °C (ASHRAE 170 Table 7-1, 2021; not verified at this site)",
    "its safety class is comfort",
]


def policy(
    name: str, kind: str, state: str, slot: int, counts: tuple[int, int, int, int], why: str, **rest: object
) -> PolicyState:
    demands, winning, beneath, refused = counts
    fields = {"programme": "", "next": None, "rows": [], "more": 0, "points": 61} | rest
    return PolicyState.model_validate(
        {"name": name, "kind": kind, "state": state, "priority": slot, "demands": demands, "winning": winning,
         "beneath": beneath, "refused": refused, "why": why, **fields}
    )  # fmt: skip


def policies(now: datetime) -> list[PolicyState]:
    def wants(room: str, point: str, result: str, why: str, beneath: int = 0) -> PolicyRow:
        return PolicyRow(about=room, point=point, name="Supply flow", value="0.42 m³/s", priority=14, result=result,
                         beneath=beneath, why=why, guard=GUARD)  # fmt: skip

    rows = [
        wants("OR-3", FLOW, "refused", "refused (critical-space): room 25.1 °C is above 24.0"),
        wants("OR-7", FLOW, "beneath", "rdiaz holds 0.60 m³/s there: smoke test", beneath=8),
        PolicyRow(about="OR-6", result="held", why="a door, light, button or alarm is not surely at rest"),
        wants("OR-1", FLOW, "wins", "vacant 3 h 12, no case before 07:30"),
        PolicyRow(about="OR-5", result="nothing", why="vacant 11 min of 20"),
    ]
    return [
        policy("weekly", "weekly", "on", 15, (212, 205, 7, 0), "7 beneath another slot: OR-1: rdiaz holds it",
               programme="unoccupied", next=now + timedelta(hours=3)),
        policy("or-setback", "room-turndown", "on", 14, (3, 1, 1, 1), "1 refused: OR-3: room 25.1 °C is above 24.0",
               rows=rows, more=2),
        policy("daylight", "daylight", "held", 14, (0, 0, 0, 0), "the roof sensor is not known: full light"),
        policy("demand", "demand-limit", "idle", 12, (0, 0, 0, 0), "1,512 of 2,300 kW"),
        policy("night-heat", "setback", "failed", 14, (0, 0, 0, 0),
               "it failed and has no say (ZeroDivisionError: division by zero)"),
        policy("lights", "lighting-sweep", "off", 0, (0, 0, 0, 0), "enabled = false", points=0),
    ]  # fmt: skip


def closed(name: str) -> list[CalendarRule]:
    return [
        CalendarRule(kind="holiday", name=name, precedence=8, hours="unoccupied all day", follows=[CLINIC]),
        CalendarRule(kind="weekly", name="weekly", precedence=None, hours="occupied all day", follows=["ORs"]),
    ]


def calendar(first: date, days: int) -> CalendarInfo:
    special = {
        date(2026, 11, 26): ("Thanksgiving", [
            *closed("Thanksgiving"),
        ]),
        date(2026, 11, 27): ("", [
            CalendarRule(kind="exception", name="skeleton staff", precedence=5,
                         hours="08:00 occupied, 15:00 unoccupied", follows=[CLINIC, "ORs"]),
        ]),
        date(2026, 12, 25): ("Christmas Day", [
            *closed("Christmas Day"),
        ]),
    }  # fmt: skip
    told = []
    for number in range(days):
        day = first + timedelta(days=number)
        holiday, rules = special.get(day, ("", []))
        clock = "the clock goes forward by 60 min" if day == date(2027, 3, 14) else ""
        told.append(CalendarDay(date=day.isoformat(), holiday=holiday, clock=clock, rules=rules))
    watch = [
        "Sun 14 Mar 2027: the clock goes forward by 60 min.",
        "Thu 26 Nov: 1 follows Thanksgiving, 1 does not. Intended?",
    ]
    return CalendarInfo(days=told, programmes=[CLINIC, "ORs"], watch=watch)


def written() -> WrittenProgramme:
    hours = ["05:00 occupied", "19:00 unoccupied"]
    return WrittenProgramme(
        default="unoccupied",
        states=["occupied", "unoccupied"],
        week=[hours, hours, hours, hours, hours, [], []],
        exceptions=[
            WrittenException(name="half day", first="2026-11-25", changes=["05:00 occupied", "17:00 unoccupied"],
                             precedence=5),
        ],
    )  # fmt: skip


def device_schedules(now: datetime) -> list[DeviceScheduleInfo]:
    return [
        DeviceScheduleInfo(
            id="nae-4/schedule,7", device="nae-4", object="schedule,7", kind="schedule", name="Lobby lights",
            description="", commands=["panel-1/relay-1", "panel-1/relay-2"], priority=15, present="on",
            effective="always",
            week=["06:00 on, 22:00 off"] * 5 + ["", ""], exceptions=2, programme="", read=now - timedelta(minutes=4),
            doubts=[], trouble="",
        )
    ]  # fmt: skip
