"""The verbs about devices' own schedules, as a person types them."""

import json
from datetime import timedelta

import pytest
from cli_bench import answers, typing
from manual_clock import NOON
from test_cli_devices import HELLO

from facility.cli import device_schedules
from facility.port import FacilityError
from facility.wire import (
    DeviceScheduleInfo,
    DriftInfo,
    DriftStretch,
    ExportChange,
    ExportPlan,
    ExportResult,
    ImportedSchedule,
)

ID = "panel/schedule,1"
CALENDAR = "panel/calendar,1"
INFO = DeviceScheduleInfo(
    id=ID,
    device="panel",
    object="schedule,1",
    kind="schedule",
    name="Lobby lights",
    description="",
    commands=["panel/relay"],
    priority=16,
    present="On",
    effective="*..*",
    week=["06:00 1"] * 7,
    exceptions=0,
    programme="lobby",
    read=NOON,
    doubts=["It is out of service."],
    trouble="",
)
DRIFT = DriftInfo(id=ID, programme="lobby", days=14, read=NOON, stretches=[], structure=[], doubts=[], trouble="")
STRETCH = DriftStretch(begin=NOON, end=NOON + timedelta(hours=1), state="dark", ours="Off", theirs="On", rule="weekly")
PLAN = ExportPlan(
    plan="1",
    id=ID,
    programme="lobby",
    verdict="allowed",
    why="",
    commands=["panel/relay"],
    changes=[ExportChange(what="weekly-schedule, Monday", old="06:00 1", new="07:00 1")],
    remarks=["Special events are not written."],
    valid_until=NOON,
)


class Agent:
    def __init__(self):
        self.drifts, self.plan, self.infos = [DRIFT], PLAN, [INFO]
        self.result = ExportResult(id=ID, status="written", text="written and read back")
        self.committed = []

    async def hello(self):
        return HELLO

    async def device_schedules(self, *, refresh=False):
        return self.infos

    async def import_schedule(self, schedule):
        return ImportedSchedule(
            id=schedule, toml='[[programmes]]\nname = "lobby"\n', remarks=["07:00:30 becomes 07:00"]
        )

    async def drift(self, schedule=""):
        return self.drifts

    async def preview_export(self, schedule, reason):
        if schedule != ID:
            raise FacilityError("unknown", f"{schedule!r} belongs to no programme")
        return self.plan

    async def export_schedule(self, plan):
        self.committed.append(plan)
        return self.result


@pytest.fixture
def agent(monkeypatch):
    agent = Agent()
    monkeypatch.setattr(device_schedules, "ask", answers(agent))
    return agent


@pytest.fixture
def typed(agent, tmp_path):
    return typing(tmp_path)


def test_the_list_says_what_each_commands_and_what_is_odd(agent, typed):
    said = typed("device-schedules", "list").output
    assert "panel/relay" in said
    assert "16" in said
    assert f"{ID}: It is out of service." in said
    assert json.loads(typed("device-schedules", "list", "--json").stdout)[0]["priority"] == 16
    agent.infos = []
    assert "No device that is known" in typed("device-schedules", "list").output


def test_an_import_can_be_pasted_and_its_remarks_stand_beside_it(typed):
    said = typed("device-schedules", "import", ID)
    assert said.stdout == '[[programmes]]\nname = "lobby"\n'
    assert "07:00:30 becomes 07:00" in said.stderr


def test_drift_ends_with_1_if_anything_differs_or_is_not_known(agent, typed):
    same = typed("device-schedules", "drift")
    assert (same.exit_code, "say the same for the next 14 days" in same.output) == (0, True)
    agent.drifts = [DRIFT.model_copy(update={"stretches": [STRETCH], "structure": ["Monday is another."]})]
    differs = typed("device-schedules", "drift")
    assert differs.exit_code == 1
    assert "the programme Off (dark), the device On (weekly)" in differs.output
    assert "Monday is another." in differs.output
    agent.drifts = [DRIFT.model_copy(update={"trouble": "it does not answer"})]
    unknown = typed("device-schedules", "drift")
    assert (unknown.exit_code, "it does not answer" in unknown.output) == (1, True)
    agent.drifts = [DRIFT.model_copy(update={"doubts": ["its clock"]})]
    assert typed("device-schedules", "drift").exit_code == 1


def test_a_calendar_is_told_by_its_days_and_by_who_goes_by_it(agent, typed):
    changed = {"id": CALENDAR, "kind": "calendar", "programme": "closures", "commands": [], "doubts": []}
    told = INFO.model_copy(update={**changed, "days": ["*-12-25", "*-01-01"], "used_by": [ID]})
    agent.infos = [told, told.model_copy(update={"id": "panel/calendar,2", "days": [], "used_by": []})]
    said = typed("device-schedules", "list").output
    assert f"{CALENDAR}: *-12-25, *-01-01; {ID} goes by it" in said
    assert "panel/calendar,2: no days; no schedule of its device goes by it" in said


def test_drift_of_a_calendar_names_whole_days(agent, typed):
    same = DRIFT.model_copy(update={"id": CALENDAR, "kind": "calendar", "programme": "closures", "days": 400})
    midnight = NOON.replace(hour=0)
    day = DriftStretch(
        begin=midnight, end=midnight + timedelta(days=1), state="", ours="one", theirs="none", rule="*-12-25"
    )
    agent.drifts = [same]
    agreed = typed("device-schedules", "drift")
    assert (agreed.exit_code, "calendar closures: they have the same days for the next 400" in agreed.output) == (
        0,
        True,
    )
    agent.drifts = [
        same.model_copy(update={"stretches": [day, day.model_copy(update={"end": day.end + timedelta(days=1)})]})
    ]
    differs = typed("device-schedules", "drift")
    assert differs.exit_code == 1
    first, second = (f"{midnight + timedelta(days=number):%a %Y-%m-%d}" for number in (0, 1))
    assert f"  {first}: for the calendar one, for the device none (*-12-25)" in differs.output
    assert f"  {first} to {second}: for the calendar one" in differs.output


def test_an_export_of_a_calendar_says_what_follows_it(agent, typed):
    agent.plan = PLAN.model_copy(update={"id": ID, "kind": "calendar", "programme": "closures"})
    shown = typed("device-schedules", "export", ID, "--reason", "closes at nine").output
    assert f"Would write: calendar closures into {ID}" in shown
    assert "Who goes by it commands panel/relay" in shown


def test_an_export_is_shown_and_written_with_yes_only(agent, typed):
    shown = typed("device-schedules", "export", ID, "--reason", "closes at nine")
    assert (shown.exit_code, agent.committed) == (1, [])
    assert "weekly-schedule, Monday: 06:00 1  ->  07:00 1" in shown.output
    assert "Say --yes" in shown.stderr
    done = typed("device-schedules", "export", ID, "--reason", "closes at nine", "--yes")
    assert (done.exit_code, agent.committed) == (0, ["1"])
    assert "written and read back" in done.output
    agent.result = agent.result.model_copy(update={"status": "mismatch", "text": "mismatch: other"})
    assert typed("device-schedules", "export", ID, "--reason", "closes at nine", "--yes").exit_code == 1


def test_what_is_refused_is_not_written(agent, typed):
    agent.plan = PLAN.model_copy(update={"verdict": "refused", "why": "It commands or-1/supply."})
    refused = typed("device-schedules", "export", ID, "--reason", "closes at nine", "--yes")
    assert (refused.exit_code, agent.committed) == (1, [])
    assert "It commands or-1/supply." in refused.output
    agent.plan = PLAN.model_copy(update={"verdict": "nothing", "why": "It says the same."})
    assert typed("device-schedules", "export", ID, "--reason", "closes at nine", "--yes").exit_code == 0
