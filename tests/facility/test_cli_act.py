"""write, release, waiting, second and whoami, as a person types them, against an agent that answers from constants."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from cli_bench import answers, typing

from facility.cli import act, who
from facility.port import FacilityError
from facility.users import PERMISSIONS
from facility.wire import Hello, Plan, Result, Touched, WaitingInfo

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PLAN = Plan(
    id="plan-1",
    point="ahu-1/sp",
    what="write 18.0 °C to ahu-1/sp (analog-value 3, slot 8)",
    verdict="allowed",
    rule="two-people",
    source="ASHRAE 170, 2021; not verified at this site",
    why="It may be commanded by two people only.",
    wins="yes: nothing stands above; beneath: 15 21.0 °C",
    slots=[],
    spaces=[Touched(name="OR 1", critical=True), Touched(name="Office 1", critical=False)],
    ramp="reaches 18.0 °C in about 3 min",
    ends=NOON + timedelta(hours=2),
    after="the agent lets go; then 21.0 °C from level 15",
    down="the slot keeps 18.0 °C until the agent is back: BACnet writes have no time-out",
    check="will check that ahu-1/sat falls within 10 min",
    owner="mchen, seconded by rdiaz",
    reason="valve test",
    valid_until=NOON + timedelta(minutes=1),
)
WAITING = WaitingInfo(
    id="3f9a",
    point="ahu-1/sp",
    what="write 18.0 °C to ahu-1/sp",
    by="mchen",
    reason="valve test",
    asked_at=NOON,
    until=NOON + timedelta(minutes=10),
    rule="two-people",
    why="It may be commanded by two people only.",
    source="",
    mine=False,
    may_second=True,
)


class Agent:
    """Answers from constants; counts what was asked and what was done."""

    def __init__(self):
        self.role = "operator"
        self.longest = 24 * 60
        self.verdict = "allowed"
        self.requests = [WAITING]
        self.asked = []

    async def hello(self):
        return Hello(
            site="s",
            site_name="St Mary",
            agent="main",
            version="1",
            zone="America/Chicago",
            pretend=False,
            user="rdiaz",
            role=self.role,
            permissions=sorted(PERMISSIONS[self.role]),
            spaces=["or-1"],
            longest_minutes=self.longest,
            started=NOON,
        )

    async def preview(self, wish):
        self.asked.append(("preview", wish.minutes))
        return PLAN.model_copy(update={"verdict": self.verdict})

    async def commit(self, plan):
        self.asked.append(("commit", plan))
        if self.verdict == "second-person":
            return Result(status="asked", point="ahu-1/sp", text="Nothing was written: ... 3f9a", request="3f9a")
        return Result(status="held", point="ahu-1/sp", text="ahu-1/sp is held at 18.0 °C.")

    async def waiting(self):
        return self.requests

    async def second(self, request):
        if request != "3f9a":
            raise FacilityError("unknown", f"No request {request!r} waits for a second person.")
        return PLAN.model_copy(update={"verdict": self.verdict})

    async def dismiss(self, request):
        self.asked.append(("dismiss", request))
        return WAITING


@pytest.fixture
def agent(monkeypatch):
    agent = Agent()

    for verbs in (act, who):
        monkeypatch.setattr(verbs, "ask", answers(agent))
    return agent


@pytest.fixture
def typed(agent, tmp_path):
    return typing(tmp_path)


def write(lasts="2h", *more):
    return ("write", "ahu-1/sp", "18", "--for", lasts, "--reason", "valve test", *more)


def test_a_dry_run_prints_all_of_the_plan_and_writes_nothing(agent, typed):
    answer = typed(*write("2h", "--dry-run"))
    assert answer.exit_code == 0
    said = answer.stdout
    for word in (
        PLAN.what,
        PLAN.why,
        "two-people · ASHRAE 170, 2021; not verified at this site",
        PLAN.wins,
        "OR 1 (critical), Office 1",
        PLAN.ramp,
        "Sun 08:00",
        PLAN.after,
        PLAN.down,
        PLAN.check,
        "mchen, seconded by rdiaz · valve test",
    ):
        assert word in said, word
    assert agent.asked == [("preview", 120)]


def test_what_is_refused_is_refused_by_the_agent_which_has_it_on_record(agent, typed):
    agent.verdict = "refused"
    answer = typed(*write("5m"))
    assert (answer.exit_code, answer.stdout.startswith("Refused: write")) == (1, True)
    assert agent.asked == [("preview", 5)]


def test_how_long_one_may_hold_is_the_agent_s_to_say(agent, typed):
    assert typed(*write("48h")).exit_code == 0
    assert agent.asked == [("preview", 2880), ("commit", "plan-1")]


def test_what_needs_a_second_person_is_asked_for_and_not_called_done(agent, typed):
    agent.verdict = "second-person"
    answer = typed(*write())
    assert (answer.exit_code, "3f9a" in answer.stdout) == (1, True)
    dry = typed(*write("2h", "--dry-run"))
    assert (dry.exit_code, dry.stdout.startswith("Needs a second person, would then do: write")) == (0, True)
    assert agent.asked.count(("commit", "plan-1")) == 1


def test_what_waits_is_listed_with_what_one_may_do_about_it(agent, typed):
    agent.requests = [
        WAITING,
        WAITING.model_copy(update={"id": "aaaa", "mine": True, "may_second": False}),
        WAITING.model_copy(update={"id": "bbbb", "may_second": False}),
    ]
    rows = typed("waiting").stdout.splitlines()[1:]
    assert [(row.split()[:3], row.rpartition("test")[2].strip()) for row in rows] == [
        (["3f9a", "06:10", "mchen"], "may agree"),
        (["aaaa", "06:10", "mchen"], "asked for it"),
        (["bbbb", "06:10", "mchen"], "may not agree"),
    ]
    assert json.loads(typed("waiting", "--json").stdout)[0]["id"] == "3f9a"
    agent.requests = []
    assert typed("waiting").stdout == "Nothing waits for a second person.\n"


def test_the_second_person_sees_the_plan_first_and_agrees_with_yes(agent, typed):
    looked = typed("second", "3f9a")
    assert (looked.exit_code, agent.asked) == (1, [])
    assert PLAN.down in looked.stdout
    assert "Say --yes to agree." in looked.stderr
    agreed = typed("second", "3f9a", "--yes")
    assert (agreed.exit_code, agreed.stdout) == (0, "ahu-1/sp is held at 18.0 °C.\n")
    assert agent.asked == [("commit", "plan-1")]
    assert typed("second", "gone", "--yes").exit_code == 1


@pytest.mark.parametrize("verdict", ["refused", "second-person"])
def test_nobody_agrees_to_what_the_guard_does_not_let_pass(agent, typed, verdict):
    agent.verdict = verdict
    answer = typed("second", "3f9a", "--yes")
    assert (answer.exit_code, agent.asked) == (1, [])


def test_it_can_be_declined(agent, typed):
    answer = typed("second", "3f9a", "--decline")
    assert (answer.exit_code, agent.asked) == (0, [("dismiss", "3f9a")])
    assert answer.stdout == "Declined: write 18.0 °C to ahu-1/sp. Nothing was written.\n"


def test_whoami_says_as_whom_one_is_known_what_one_may_and_where(agent, typed):
    answer = typed("whoami")
    assert answer.stdout.splitlines() == [
        "You are rdiaz, operator of St Mary.",
        (
            "  You may acknowledge alarms, read the audit, command points, send events of the utility, "
            "search the building, look at the building."
        ),
        "  Where: in or-1 only.",
        "  A hold of yours lasts 15 minutes to 24 hours.",
    ]
    agent.role, agent.longest = "engineer", 30 * 24 * 60
    assert typed("whoami").stdout.splitlines()[-1] == "  A hold of yours lasts 15 minutes to 30 days."
    agent.role = "auditor"
    assert typed("whoami").stdout.splitlines()[1:] == ["  You may read the audit."]
    assert json.loads(typed("whoami", "--json").stdout)["permissions"] == ["audit"]
