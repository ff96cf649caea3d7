"""What travels between the agent and its screens, and what `--json` prints.

Pydantic models, validated on both ends. Times are aware UTC. One truth: the agent computes,
screens only draw.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

# pydantic would read True as 1.0 in a plain union; strict members keep the type that was sent
WireValue = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr, Field(union_mode="left_to_right")]


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hello(Wire):
    """Who answers, and as whom the caller is known."""

    site: str
    site_name: str
    agent: str
    version: str
    zone: str  # IANA
    pretend: bool  # a simulated hospital
    user: str
    role: Literal["viewer", "operator", "engineer", "admin", "auditor", "service"]
    started: datetime
    permissions: list[str] = []  # what that role may: "see", "command", "acknowledge", ...
    spaces: list[str] = []  # ids or types of the spaces in which the caller may act; empty: everywhere
    shortest_minutes: float = 15  # that the caller may hold a point
    longest_minutes: float = 24 * 60


class PointInfo(Wire):
    id: str
    name: str
    description: str
    kind: Literal["analog", "binary", "multistate", "text"]
    point_class: str
    unit: str  # for display: "°C", "Pa", "%"; "" where there is none
    ucum: str = ""  # the same for a program: "Cel", "Pa", "%"; "" where there is no code
    states: list[str]
    low: float | None
    high: float | None
    access: Literal["monitor-only", "commandable"]
    safety: str
    confidence: float
    device: str
    equipment: str
    space: str
    space_name: str
    object: str  # "analog-value 14"
    commandable: bool  # has a priority array, whether or not we may use it
    present: bool
    quarantined: bool = False  # its device may be another than the one we knew
    limit_low: float | None = None  # of the clinical profile or configuration
    limit_high: float | None = None
    topic: str = ""  # where MQTT shows it


class ValueInfo(Wire):
    """A reading on the wire. `state` is the tag of the row: "" in range, "!" or "!!" out, "?" unknown."""

    id: str
    value: WireValue | None
    quality: Literal["good", "uncertain", "bad", "stale"]
    reason: str = ""
    time: datetime
    at: datetime
    source: Literal["cov", "poll", "write", "restore"]
    flags: int = 0
    tag: Literal["", "!", "!!", "?"] = ""
    held: str = ""  # "8 mchen" where one of our claims stands


class Abilities(Wire):
    """What a device is able to do. None: nothing learned yet; for a limit also: no end seen."""

    reads_multiple: bool | None
    rpm_limit: int | None  # properties in one request
    max_apdu: int | None  # octets of an answer that arrive
    segments: bool | None
    cov_slots: int | None
    outstanding: int | None  # requests at once
    latency: float | None  # seconds
    timeout: float | None  # seconds
    retries: int | None
    charset: str
    lacks: list[str] = []  # properties of its device object that it refuses
    oddities: list[str]


class PassportInfo(Wire):
    """What was found out about a device, what the site says of it, and what holds."""

    in_force: Abilities
    learned: Abilities
    learned_at: datetime | None
    overruled: list[str]  # the fields that the site has said
    network_outstanding: int | None  # requests at once to all devices of its network
    router: str  # the way to its network
    network_learned_at: datetime | None = None
    says: list[str]  # the same for a person, one thing each


class DeviceInfo(Wire):
    id: str
    name: str
    vendor: str
    model: str
    instance: int
    network: int
    address: str
    status: Literal["online", "slow", "offline", "vanished"]
    since: datetime | None
    points: int
    reads: str  # "multiple" or "single"
    cov: str  # "40 of 120", "none"
    duplicate: bool
    quarantine: str = ""  # why a person has to look before it is commanded again
    passport: PassportInfo | None = None


class Lamp(Wire):
    new: int
    standing: int


class SpaceState(Wire):
    id: str
    name: str
    type: str
    group: str
    state: Literal["in", "out", "unknown"]
    severity: Literal["", "LIFE", "CRIT", "HIGH", "LOW"] = ""
    why: str = ""  # "25.1 °C, max 24.0" or "no data 21 min"
    since: datetime | None = None


class GroupState(Wire):
    """Spaces of one kind: in range / out / UNKNOWN, never merged."""

    name: str
    critical: bool
    in_range: int
    out: int
    unknown: int
    severity: Literal["", "LIFE", "CRIT", "HIGH", "LOW"]
    worst: str


class Hold(Wire):
    point: str
    value: WireValue
    text: str  # value with unit or state text
    priority: int
    by: str
    reason: str
    since: datetime
    until: datetime
    confirmed: bool
    overdue: str = ""  # its time is over and it is still claimed: why
    effect: str = ""  # what an independent sensor says of it: "confirmed by ahu-1/sf-s 14 s after the write"


class OverrideInfo(Wire):
    """Something that holds a point and is not of the agent's doing."""

    point: str
    space: str  # its name
    level: int | None  # None where it is no slot
    level_name: str
    text: str  # value with unit or state text; of what is no slot, the present value
    since: datetime  # first seen
    seen: datetime  # last seen
    kind: Literal["slot", "by hand", "out of service"]
    wins: bool  # nothing stands above it, as far as is known


class Upcoming(Wire):
    at: datetime
    what: str
    points: int = 0


class Link(Wire):
    """One connection the agent depends on. `state` other than "ok" is shown first."""

    name: Literal["bacnet", "mqtt", "database", "history", "audit", "planner", "services", "clock"]
    state: Literal["ok", "degraded", "down", "off"]
    text: str
    since: datetime | None = None


class PolicyInfo(Wire):
    name: str
    kind: str
    points: int
    held: int
    priority: int
    state: str
    next_change: datetime | None


class WaitingInfo(Wire):
    """A command that waits for a second person."""

    id: str
    point: str
    what: str  # "write 18.0 °C to ahu-4/supply-air-temp-sp"
    by: str
    reason: str
    asked_at: datetime
    until: datetime
    rule: str  # of the guard, which asks for two
    why: str
    source: str
    mine: bool  # the caller asked for it, and cannot be the second person
    may_second: bool


class Overview(Wire):
    at: datetime
    verdict: Literal["OK", "WATCH", "UNKNOWN", "NOT OK"]
    reasons: list[str]
    groups: list[GroupState]
    spaces: list[SpaceState]
    lamps: dict[Literal["LIFE", "CRIT", "HIGH", "LOW"], Lamp]
    spaces_unknown: int
    devices_online: int
    devices_total: int
    holds: list[Hold]
    upcoming: list[Upcoming]
    policies: list[PolicyInfo]
    links: list[Link]
    banners: list[str]
    points: dict[str, int]  # "total", "in", "out", "unknown", "cov", "poll"
    waiting: list[WaitingInfo] = []  # for a second person
    foreign: int = 0  # what others hold, in slots or by hand; a device's own minimum on/off times are not counted
    overrides: list[OverrideInfo] = []  # the strongest of them


class AlarmInfo(Wire):
    id: str
    kind: str
    severity: Literal["LIFE", "CRIT", "HIGH", "LOW"]
    state: Literal["NEW", "ack", "rtn"]
    about: str
    where: str
    text: str
    value: str
    limit: str
    since: datetime
    ended: datetime | None
    acknowledged: datetime | None
    acknowledged_by: str


class Block(Wire):
    """A stretch of a day in which a programme has one state. Minutes from civil midnight."""

    start: int
    end: int
    state: str


class ScheduleDay(Wire):
    date: str  # ISO
    note: str  # "today", holiday or exception name
    blocks: list[Block]


class ScheduleInfo(Wire):
    name: str
    what: str
    points: int
    days: list[ScheduleDay]  # seven, from today
    now_state: str
    next_change: datetime | None
    next_state: str


class SlotInfo(Wire):
    priority: int
    value: str  # with unit or state text; "" when empty
    by: str  # whose, as far as we know; "not ours" for a foreign value


class Record(Wire):
    """A line of the audit."""

    seq: int
    time: datetime
    by: str
    action: str
    target: str
    value: str
    priority: int | None
    reason: str
    result: str
    role: str = ""  # in which that person acted
    origin: str = ""  # where he sat: "socket uid 1000 pid 4711"
    found: str = ""  # what stood there before
    rule: str = ""  # what allowed or refused it
    request: str = ""  # the command's id
    previous: str = ""  # the hash of the entry before it
    hash: str = ""


class AuditFault(Wire):
    """Something in the audit that is not as it was written; `seq` is the (first) entry it is about."""

    seq: int
    text: str


class AuditCheck(Wire):
    """What came of checking the whole audit."""

    at: datetime
    entries: int
    last: int  # number of the last entry
    head: str  # its hash
    anchors: int  # that were made of it
    anchored: datetime | None  # when the latest of them was
    faults: list[AuditFault]

    @property
    def says(self) -> str:
        """`chain whole: 1,204 entries, 17 anchors`."""
        if not self.faults:
            return f"chain whole: {self.entries:,} entries, {self.anchors:,} anchors"
        more = f" (and {len(self.faults) - 1} more)" if len(self.faults) > 1 else ""
        return f"NOT AS WRITTEN: {self.faults[0].text}{more}"


class WhyStep(Wire):
    """A cause in one sentence, what it rests on, and where to look at it."""

    kind: Literal["value", "slot", "who", "rule", "beneath", "refused", "effect", "quality", "device", "next"]
    text: str
    evidence: str  # "priority array, read 02:14", "audit entry 812"
    target: str  # "point:", "slots:", "alarm:", "schedule:", "device:" or "record:" and an id
    at: datetime | None = None  # when it happened, or will


class Why(Wire):
    """Why the value of a point stands: at most seven steps, the cause under its effect; the last is what comes next."""

    point: str
    value: str  # what is to be explained, in one sentence
    steps: list[WhyStep]


class PointDetail(Wire):
    info: PointInfo
    value: ValueInfo | None
    slots: list[SlotInfo] | None  # None: not commandable or not readable now
    slots_error: str = ""
    relinquish_default: str = ""
    winner: int | None = None
    records: list[Record]
    source: str  # "COV, polled every 5 min as proof of life", "polled every 30 s"
    why: Why


class Bucket(Wire):
    """A stretch of a trend. All None where nothing is known; `missing` seconds of it had no good value."""

    start: datetime
    low: float | None
    high: float | None
    mean: float | None
    last: float | None
    missing: float


class Trend(Wire):
    point: str
    since: datetime
    until: datetime
    buckets: list[Bucket]


class Wish(Wire):
    """What a person asks for. `value` None releases; numbers as numbers, binary and states as text or number."""

    point: str
    value: WireValue | None
    minutes: float | None = None
    reason: str = Field(min_length=4, max_length=200)
    priority: int = 8


class Touched(Wire):
    """A space that a command acts on."""

    name: str
    critical: bool


class Plan(Wire):
    """What a wish would do, read afresh; committed by its id while it is valid, by whom it was made for."""

    id: str
    point: str
    what: str  # "18.0 °C to ahu-4/supply-air-temp-sp (analog-value 14, slot 8)"
    verdict: Literal["allowed", "warning", "second-person", "refused"]
    rule: str
    source: str = ""  # of the rule
    why: str
    wins: str  # "yes: nothing stands above; beneath: 21.0 °C at level 15"
    slots: list[SlotInfo]
    spaces: list[Touched] = []
    ramp: str = ""  # "reaches 200 l/s in about 3 min"; "" where it is written at once
    ends: datetime | None
    after: str  # what happens then
    down: str = ""  # what happens then if the agent is down
    check: str = ""  # how the effect will be checked
    owner: str = ""  # as whose it stands: "rdiaz", "rdiaz, seconded by mchen"
    reason: str = ""
    valid_until: datetime


class Result(Wire):
    """How a command ended."""

    status: Literal["held", "released", "outranked", "mismatch", "rejected", "failed", "asked"]
    point: str
    text: str  # one sentence for a person
    readback: ValueInfo | None = None
    winner: int | None = None
    until: datetime | None = None
    request: str = ""  # what a second person has to name; with "asked"


class Discovery(Wire):
    """How far looking for devices and points has come; `running` False: the last one's outcome."""

    running: bool
    started: datetime | None
    finished: datetime | None
    devices_found: int
    devices_described: int
    points: int
    now: str  # what it is looking at
    news: list[str]  # found, vanished, duplicate, silent: one sentence each
    error: str = ""  # why the last one did not come to its end
    phase: str = ""  # "searching", "reading", "done"
    who_is: int = 0  # sent by this look
    devices_to_go: int = 0  # found, and still to be read
    resumed: int = 0  # devices that a look which was broken off had read already

    @property
    def says(self) -> str:
        """`searching · 24 Who-Is · 12 devices · 5 to go · 480 points`."""
        said = [
            self.phase or "starting",
            f"{self.who_is} Who-Is",
            f"{self.devices_found} devices",
            f"{self.devices_to_go} to go",
            f"{self.points} points",
        ]
        if self.resumed:
            said.append(f"resumed: {self.resumed} devices were read before")
        return " · ".join(said)


class ConsentInfo(Wire):
    """Somebody agreed to a relaxation."""

    by: str
    reason: str
    time: datetime


class RelaxationInfo(Wire):
    """Something that the site makes looser; in force once two different people have agreed to it."""

    key: str  # what, from what, to what
    what: str
    before: str
    after: str
    consents: list[ConsentInfo]
    in_force: bool


class Trouble(Wire):
    """An error answer of the API."""

    error: Literal["unknown-point", "bad-wish", "not-allowed", "stale-plan", "unknown", "busy", "internal"]
    text: str


class Update(Wire):
    """One message of the live stream. Values come complete once, then as they change; all else is always complete."""

    kind: Literal["hello", "catalog", "values", "overview", "alarms"]
    at: datetime
    hello: Hello | None = None
    points: list[PointInfo] | None = None
    more: bool = False  # of a catalog: the next message goes on with it; `RemoteFacility` puts them together
    values: list[ValueInfo] | None = None
    overview: Overview | None = None
    alarms: list[AlarmInfo] | None = None
