"""How the agent says that something of it does not work, and its exact numbers."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from desk_bench import SETPOINT
from manual_clock import NOON
from session_bench import CATALOG, status

from facility.config.model import Config
from facility.links import Gauges
from facility.model import Alarm, AlarmKind, Claim, Severity
from facility.supervisor import Roll
from facility.wire import Link
from points.catalog import Catalog, CatalogBook
from points.freshness.demand import Shortfall
from points.history import Health
from points.model import Priority, Source

ORDER = ["bacnet", "mqtt", "database", "history", "audit", "planner", "services", "clock", "feeds"]


class Agent:
    """What the gauges read; every part is well until a test says otherwise."""

    def __init__(self, **config):
        self.roll = Roll()
        self.stack = SimpleNamespace(
            registered=True,
            traffic=Counter(requests=12, unchanged=7, contested_routes=3),
            outstanding=lambda: {11: (1, 4), 0: (3, 32)},
            own_broadcasts=2,
            other_broadcasts=5,
        )
        self.statuses = {"ahu-1": status(), "vav-9": status()}
        self.mqtt = Link(name="mqtt", state="ok", text="broker")
        self.written = Health(state="ok", text="written", since=NOON)
        self.audit = SimpleNamespace(healthy=True)
        self.anchored = Link(name="audit", state="ok", text="entry 7 anchored 2 min ago")
        self.planner = SimpleNamespace(rounds=3, troubles={}, decider=SimpleNamespace(faults={}), last_jump=None)
        self.claims = []
        self.relaxations = 0
        self.book = CatalogBook(CATALOG)
        self.alarms = []
        self.config = Config(**config)
        self.rows = 16_777_217  # more than seven digits say
        self.history, self.mirrored = True, True
        self.short = []

    @property
    def gauges(self):
        mirror = SimpleNamespace(link=lambda: self.mqtt, published=7, rejected=1, topics=9)
        history = SimpleNamespace(link=lambda: self.written, written=self.rows)
        return Gauges(
            config=self.config,
            roll=self.roll,
            stack=self.stack,
            freshness=SimpleNamespace(
                devices=lambda: self.statuses,
                readings=Counter({Source.COV: 5, Source.POLL: 1_234_567_890}),
                protocol_errors=Counter({"ahu-1": 2, "vav-9": 1}),
            ),
            mirror=mirror if self.mirrored else None,
            history=history if self.history else None,
            audit=self.audit,
            anchoring=SimpleNamespace(link=lambda: self.anchored, latest=SimpleNamespace(seq=7)),
            planner=self.planner,
            recorder=None,
            events=SimpleNamespace(told=4),
            claims=SimpleNamespace(standing=lambda: self.claims),
            alarms=SimpleNamespace(all=lambda: self.alarms),
            book=self.book,
            short=lambda: self.short,
            foreign=lambda: 5,
            relaxations=lambda: self.relaxations,
            feeds=SimpleNamespace(
                link=lambda: Link(name="feeds", state="ok", text="beds: heard 3 s ago"),
                stats=lambda: {"feeds_taken": 6, "feeds_refused": 2, "feeds_refused_not_in_shape": 2},
            ),
        )

    def link(self, name):
        return next(link for link in self.gauges.links() if link.name == name)

    def says(self, name):
        link = self.link(name)
        return link.state, link.text

    def banners(self):
        return self.gauges.banners(self.gauges.links())


@pytest.fixture
def agent():
    return Agent()


def test_where_everything_works_nothing_is_said(agent):
    assert [(link.name, link.state) for link in agent.gauges.links()] == [(name, "ok") for name in ORDER]
    assert (agent.banners(), agent.gauges.blind()) == ([], False)


def test_no_device_is_not_ok(agent):
    agent.statuses = {}
    assert agent.says("bacnet") == ("degraded", "no device is known yet")


@pytest.mark.parametrize(
    ("second", "said"), [("offline", ("degraded", "1 of 2 devices")), ("slow", ("degraded", "1 of 2 devices"))]
)
def test_a_device_that_does_not_answer_is_counted(agent, second, said):
    agent.statuses["vav-9"] = status(status=second)
    assert agent.says("bacnet") == said


def test_without_any_device_online_bacnet_is_down(agent):
    agent.statuses = {"ahu-1": status(status="offline")}
    assert agent.says("bacnet") == ("down", "0 of 1 devices")
    assert agent.banners() == ["BACNET DOWN: 0 of 1 devices"]


def test_a_network_that_needs_more_than_its_budget_is_told(agent):
    agent.short = [Shortfall(network=11, needs=50.0, budget=20.0)]
    text = str(agent.short[0])
    assert agent.says("bacnet") == ("degraded", f"2 of 2 devices; {text}")
    assert agent.banners() == [f"BUDGET: {text}"]
    agent.short.append(Shortfall(network=12, needs=30.0, budget=20.0))
    assert agent.banners() == [f"BUDGET +1: {text}"]


def test_without_its_bbmd_bacnet_is_down_whatever_was_heard_last():
    agent = Agent(bacnet={"foreign": "10.0.0.1:47808"})
    agent.stack.registered = False
    assert agent.says("bacnet") == ("down", "not registered with the BBMD 10.0.0.1:47808")


def test_what_is_not_configured_is_off_and_no_trouble(agent):
    agent.history, agent.mirrored = False, False
    assert (agent.link("history").state, agent.link("mqtt").state, agent.banners()) == ("off", "off", [])


def test_what_waits_for_two_people_is_told_on_every_screen(agent):
    agent.relaxations = 3
    assert agent.banners() == ["NOT IN FORCE: 3 relaxations need two people (facility relaxations)"]


def test_an_audit_that_is_not_as_it_was_anchored_is_told_on_every_screen(agent):
    agent.anchored = Link(name="audit", state="down", text="not as it was anchored: entry 9 is missing")
    assert agent.banners() == ["AUDIT not as it was anchored: entry 9 is missing"]


def test_a_fallen_service_is_named_with_its_reason(agent):
    agent.roll.fell("commands", "the disk is full")
    assert agent.says("services") == ("degraded", "commands: the disk is full")
    assert not agent.gauges.blind()
    agent.roll.stands("commands")
    assert agent.says("services") == ("ok", "all run")


@pytest.mark.parametrize("eye", ["freshness", "alarms"])
def test_without_its_eyes_the_agent_is_blind_and_says_so(agent, eye):
    agent.roll.fell(eye, "a bug")
    assert agent.gauges.blind()
    assert agent.says("services") == ("down", f"{eye}: a bug")
    assert agent.banners() == [f"AGENT IMPAIRED: {eye}: a bug"]


def test_mqtt_and_history_speak_for_themselves(agent):
    agent.roll.fell("mqtt", "refused")
    agent.roll.fell("history", "disk full")
    assert agent.says("services") == ("ok", "all run")


def test_the_planner_says_whether_it_runs_and_whether_its_wishes_come_true(agent):
    assert agent.says("planner") == ("ok", "3 rounds")
    agent.planner.troubles = {("a", 15): "x", ("b", 15): "y"}
    assert agent.says("planner") == ("degraded", "2 demands could not be carried out")
    agent.planner.decider = SimpleNamespace(faults={"night": "ZeroDivisionError"})
    assert agent.says("planner") == ("degraded", "1 policies fail; the log says how")
    agent.roll.fell("planner", "a bug")
    assert agent.says("planner") == ("down", "a bug")


def test_a_step_of_the_clock_is_told_for_an_hour(agent):
    now = datetime.now(UTC)
    agent.planner.last_jump = (now - timedelta(minutes=5), -3600.0)
    link = agent.link("clock")
    assert (link.state, link.text, link.since) == ("degraded", "went -3600 s", now - timedelta(minutes=5))
    assert agent.banners() == ["CLOCK went -3600 s"]
    agent.planner.last_jump = (now - timedelta(minutes=61), -3600.0)
    assert agent.says("clock") == ("ok", "steady")
    agent.planner.last_jump = (now + timedelta(hours=2), 7200.0)  # noticed under a clock that was wrong
    assert agent.says("clock") == ("ok", "steady")


def test_banners_say_the_gravest_first():
    agent = Agent(
        agent={"pretend": True}, mqtt={"host": "10.0.0.9", "allow_insecure": True}, bacnet={"foreign": "10.0.0.1:1"}
    )
    agent.audit.healthy = False
    agent.roll.fell("freshness", "a bug")
    agent.stack.registered = False
    agent.planner.last_jump = (datetime.now(UTC), 90.0)
    agent.mqtt = Link(name="mqtt", state="down", text="no broker")
    agent.written = Health(state="down", text="disk full", since=NOON)
    assert agent.banners() == [
        "COMMANDS OFF: the audit cannot be written",
        "AGENT IMPAIRED: freshness: a bug",
        "BACNET DOWN: not registered with the BBMD 10.0.0.1:1",
        "CLOCK went +90 s",
        "PRETEND HOSPITAL (demo)",
        "MQTT DOWN: no broker",
        "HISTORY DOWN: disk full",
        "TLS OFF (mqtt.allow_insecure)",
    ]


async def test_metrics_print_exact_numbers_one_a_line(agent):
    metrics = dict(line.split(" ") for line in agent.gauges.metrics().splitlines())
    assert metrics["facility_history_rows"] == "16777217"
    assert metrics["facility_readings_poll"] == "1234567890"
    assert metrics["facility_protocol_errors"] == "3"
    assert (metrics["facility_bacnet_requests"], metrics["facility_bacnet_unchanged"]) == ("12", "7")
    assert metrics["facility_bacnet_contested_routes"] == "3"
    assert metrics["facility_bacnet_late"] == "0"  # there before the first
    assert metrics['facility_network_outstanding{network="11"}'] == "1"
    assert metrics['facility_network_outstanding_limit{network="0"}'] == "32"
    assert {f"facility_{name}" for name in agent.gauges.stats()} == {name for name in metrics if "{" not in name}
    assert all(float(value) >= 0 for value in metrics.values())
    assert agent.gauges.metrics().endswith("\n")


async def test_counters_of_what_is_off_are_zero_not_missing(agent):
    agent.history, agent.mirrored = False, False
    stats = agent.gauges.stats()
    assert [stats[name] for name in ("history_rows", "mqtt_published", "mqtt_rejected", "mqtt_topics")] == [0, 0, 0, 0]


async def test_holds_of_people_and_of_policies_are_counted_apart(agent):
    made = {"value": 18.0, "reason": "test", "since": NOON, "until": NOON, "command": None, "point": SETPOINT.id}
    agent.claims = [Claim(by=by, priority=Priority.SCHEDULE, **made) for by in ("user:a", "policy:b", "policy:c")]
    agent.alarms = [
        Alarm(id="a", kind=AlarmKind.FAULT, severity=Severity.LOW, about=SETPOINT.id, where="", text="", since=NOON)
    ]
    stats = agent.gauges.stats()
    assert (stats["claims_operator"], stats["claims_policy"], stats["alarms"], stats["points"]) == (1, 2, 1, 4)


def test_a_device_in_quarantine_is_on_every_screen_until_somebody_approves_it(agent):
    one, two = CATALOG.devices.values()
    for quarantined, said in [
        ([replace(one, quarantine="moved: approve it"), two], ["QUARANTINE: AHU 1 moved: approve it"]),
        ([replace(one, quarantine="moved"), replace(two, quarantine="moved")], ["QUARANTINE +1: AHU 1 moved"]),
        ([one, two], []),
    ]:
        agent.book.replace(Catalog.of(quarantined, CATALOG.points.values()))
        assert agent.banners() == said


async def test_slots_that_are_not_ours_are_a_number_to_scrape(agent):
    assert agent.gauges.stats()["foreign_slots"] == 5
    assert "facility_foreign_slots 5\n" in agent.gauges.metrics()
