"""A session on a real desk, audit, claims, alarm book and catalog; what is beyond them answers as a test says."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from desk_bench import ELSEWHERE, FAN, SETPOINT, Bench
from manual_clock import NOON

from facility.agreement import Agreement
from facility.alarm_rows import save_alarms
from facility.alarms import AlarmBook
from facility.audit.checking import Checking
from facility.audit.denials import Denials
from facility.audit.holds import PastHolds
from facility.audit.keys import open_key
from facility.audit.pages import Pages
from facility.compliance import Compliance
from facility.config.model import Config
from facility.consents import Consents
from facility.energy.gathering import Sources
from facility.energy.reports import Reports
from facility.explain import Explainer
from facility.feeds.book import FeedBook
from facility.feeds.utility import UtilityEvents
from facility.feeds.utility_desk import UtilityDesk
from facility.guard import Limits
from facility.model import Alarm, AlarmKind, Severity
from facility.months import Months
from facility.policy_states import PolicyStates
from facility.preview import Previews
from facility.profiles import Profiles
from facility.profiles.model import CommandRule
from facility.requests import Requests
from facility.session import Parts, Session
from facility.special_events import SpecialEvents
from facility.strategy import Strategy
from facility.users import User
from facility.wire import Discovery, Overview
from points.catalog import Catalog
from points.errors import DeviceSilent
from points.freshness import DeviceStatus
from points.history import Bucket
from points.model import Device, DeviceId, Quality, Reading, Safety, Source
from points.passport import Passports
from schedules.decider import Decider
from schedules.feeds import NOTHING_HEARD

MONITORED = replace(SETPOINT, id="ahu-1/dp", name="dp", commandable=False, safety=Safety.CRITICAL)
DEVICES = [
    Device(id=DeviceId("ahu-1"), ref=SETPOINT.ref.device, name="AHU 1"),
    Device(id=DeviceId("vav-9"), ref=ELSEWHERE.ref.device, name="VAV 9"),
]
WARM = replace(SETPOINT, unit="degrees-celsius")
CATALOG = Catalog.of(DEVICES, [WARM, FAN, ELSEWHERE, MONITORED])
CONFIG = {
    "site": {"id": "st-mary", "name": "St Mary", "zone": "America/Chicago"},
    "programmes": [{"name": "office", "weekdays": ["07:00 occupied", "19:00 unoccupied"]}],
    "policies": [
        {
            "kind": "weekly",
            "name": "office-heating",
            "programme": "office",
            "points": "ahu-1/sp",
            "values": {"occupied": 21.0},
        }
    ],
}

OVERVIEW = Overview(
    at=NOON,
    verdict="UNKNOWN",
    reasons=[],
    groups=[],
    spaces=[],
    lamps={},
    spaces_unknown=0,
    devices_online=0,
    devices_total=0,
    holds=[],
    upcoming=[],
    policies=[],
    links=[],
    banners=[],
    points={},
)


def alarm(identity="high-dp", about=MONITORED.id, severity=Severity.CRIT, **changes):
    fields = {
        "id": identity,
        "kind": AlarmKind.OUT_OF_LIMITS,
        "severity": severity,
        "about": about,
        "where": "OR-3",
        "text": "pressure",
        "since": NOON,
    }
    return Alarm(**(fields | changes))


def reading(point, value, quality=Quality.GOOD, **changes):
    fields = {
        "point": point.id,
        "value": value,
        "time": NOON,
        "at": NOON,
        "quality": quality,
        "source": Source.POLL,
    }
    return Reading(**(fields | changes))


class PretendFreshness:
    def __init__(self):
        self.says = {}
        self.statuses = {}

    def devices(self):
        return self.statuses

    async def read_now(self, point):
        if point not in self.says:
            raise DeviceSilent("device 7 does not answer")
        return self.says[point]


class PretendHistory:
    error = None

    async def trend(self, _point, since, _until, buckets):
        if self.error is not None:
            raise self.error
        return [Bucket(start=since, low=1.0, high=2.0, mean=1.5, last=2.0, missing=0.0)] * buckets


class PretendSurvey:
    asked = 0

    def __init__(self):
        self.approved = []
        self.reshaped = 0
        self.error = None

    async def reshape(self):
        self.reshaped += 1

    async def approve(self, device):
        if self.error is not None:
            raise self.error
        self.approved.append(device)

    def state(self):
        idle = {"started": None, "finished": None, "devices_found": 0, "devices_described": 0, "points": 0}
        return Discovery(running=bool(self.asked), now="", news=[], **idle)

    def ask(self):
        self.asked += 1
        return self.state()


class SessionBench(Bench):
    """Everything that a session looks at; `as_` opens one for a caller."""

    async def start(self):
        await super().start()
        self.book.replace(CATALOG)
        self.freshness = PretendFreshness()
        self.history = PretendHistory()
        self.survey = PretendSurvey()
        self.passports = Passports(now=self.clock.now)
        self.alarms = AlarmBook(
            store=self.store,
            catalog=self.book,
            compliance=Compliance(Profiles({})),
            devices=dict,
            db=self.db,
            events=self.events,
            clock=self.clock,
        )
        config = Config(**CONFIG)
        self.strategy = Strategy(config, NOON.date())
        self.others = {}  # what the sweep has seen of others, by point and level
        self.planning = SimpleNamespace(decider=Decider(NOON), troubles={}, postponed={})
        self.explainer = Explainer(
            clock=self.clock,
            book=self.book,
            store=self.store,
            freshness=self.freshness,
            claims=self.claims,
            audit=self.audit,
            alarms=self.alarms,
            desk=self.desk,
            strategy=self.strategy,
            planning=self.planning,
            feeds=lambda: NOTHING_HEARD,
            rule=lambda _point: CommandRule(),
            foreign=lambda _point: {},
            effect=lambda _point: "",
        )
        self.consents = Consents(None)
        self.utility = UtilityEvents(FeedBook(self.clock), self.db, self.audit, self.clock, site="mercy")
        folder = self.db.path.parent
        self.parts = Parts(
            config=config,
            clock=self.clock,
            started=NOON,
            book=self.book,
            store=self.store,
            freshness=self.freshness,
            deadline=lambda _point: 300.0,
            command_limits=lambda _point: Limits(low=12.0, high=None, source="the profile"),
            limits=lambda point: Limits(low=2.5, high=None, source="site") if point.id == MONITORED.id else None,
            critical=lambda space: space.type == "operating_room",
            history=self.history,
            claims=self.claims,
            audit=self.audit,
            alarms=self.alarms,
            desk=self.desk,
            explainer=self.explainer,
            previews=Previews(self.desk, self.clock),
            requests=Requests(self.clock, self.audit, self.events),
            denials=Denials(self.audit, self.clock),
            survey=self.survey,
            agreement=Agreement(self.consents, self.db, self.desk, self.audit, self.clock, self.survey.reshape),
            months=Months(clock=self.clock, book=self.book, strategy=self.strategy),
            policy_states=self.policy_states(),
            special_events=self.special_events(),
            utility=UtilityDesk(self.utility, ["gateway"]),
            rehearsals=SimpleNamespace(),
            reloading=SimpleNamespace(),
            device_schedules=SimpleNamespace(),
            overseer=SimpleNamespace(overview=lambda: OVERVIEW),
            passports=self.passports,
            topic=lambda point: f"fac/v1/{point.id}",
            stats=lambda: {"points": 4},
            check=Checking(self.db.path, folder / "anchors.jsonl", open_key(folder / "audit.key"), self.clock).check,
            page=Pages(self.db.path, open_key(folder / "audit.key")).page,
            reports=Reports(
                sources=Sources(
                    config=config,
                    clock=self.clock,
                    history=self.history,
                    claims=self.claims,
                    past=PastHolds(self.db.path),
                ),
                book=self.book,
                store=self.store,
                profiles=self.consents.profiles,
                shedding=lambda: None,
            ),
        )
        return self

    def policy_states(self):
        return PolicyStates(
            clock=self.clock,
            book=self.book,
            strategy=self.strategy,
            planning=self.planning,
            claims=self.claims,
            freshness=self.freshness,
            foreign=lambda point: self.others.get(point, {}),
            rule=lambda _point: CommandRule(),
            limits=lambda _point: Limits(low=12.0, high=None, source="the profile"),
        )

    def special_events(self, announced=(), wake=None):
        """The announced ones, as after a start; `rung` counts how often the planner was woken."""
        self.rung = []
        return SpecialEvents(
            self.db,
            self.audit,
            self.clock,
            self.strategy,
            self.book,
            wake=wake or (lambda: self.rung.append(self.clock.now())),
            announced=announced,
        )

    async def stand(self, *alarms):
        """These alarms are in the book, as after a restart."""
        await save_alarms(self.db, alarms)
        await self.alarms._load()

    def as_(self, role="operator", user="mchen", spaces=(), *, named=True, **parts):
        user = User(name=user, role=role, spaces=frozenset(spaces), named=named)
        return Session(replace(self.parts, **parts), user)


def status(**changes):
    fields = {
        "status": "online",
        "since": NOON - timedelta(hours=1),
        "last_heard": NOON,
        "cov": 0,
        "cov_limit": None,
        "polled": 2,
        "silent_for": 0.0,
    }
    return DeviceStatus(**(fields | changes))
