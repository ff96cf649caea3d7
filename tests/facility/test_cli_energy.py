"""`facility energy` and `facility compliance` as a person types them."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
from cli_bench import answers
from typer.testing import CliRunner

from facility.cli import app
from facility.cli import energy as verb
from facility.port import FacilityError
from facility.wire import ComplianceDay, ComplianceReport
from tests.tui import energy_story

NOW = datetime(2026, 11, 24, 8, 14, 7, tzinfo=UTC)


def day(date, space, *minutes):
    return ComplianceDay(day=date, space=space, name=space.upper(), type="patient_room", group="Patient rooms",
                         critical=False, in_range=minutes[0], out=minutes[1], unknown=minutes[2])  # fmt: skip


class Agent:
    async def demand(self):
        return energy_story.demand(NOW)

    async def energy(self, days):
        if days == 13:
            raise FacilityError("unknown", "No history is kept: history.enabled is false.")
        return energy_story.report(NOW, days)

    async def compliance_report(self, days):
        return ComplianceReport(
            since=NOW - timedelta(days=2), until=NOW, zone="UTC",
            days=[day("2026-11-22", "301", 1440.0, 0.0, 0.0), day("2026-11-23", "301", 1400.0, 0.0, 40.0),
                  day("2026-11-23", "302", 1430.0, 10.0, 0.0)],
        )  # fmt: skip


@pytest.fixture
def said(monkeypatch):
    monkeypatch.setattr(verb, "ask", answers(Agent()))
    return lambda *words: CliRunner().invoke(app, [*words, "--socket", "agent.sock"])


def test_energy_says_savings_with_their_error_and_the_reason_where_there_is_none(said):
    text = said("energy", "--days", "30").output
    for words in (
        "1,512.0 kW", "1,505.0 kW projected", "limit 2,300 kW (policy demand)", "shed level 0",
        "Avoided, Main incomer (electricity): 25,200 kWh ±3,100 (90 %)",
        "lighting-sweep, 90 h in force: 390 kWh ±600 (90 %); may be none",
        "night-heat, 60 h in force: not known. It was in force at the same hours",
        "Avoided, Boilers (heat): not known. There are 3.0 days of reference",
        "refused (critical-space): feeds a pressure-controlled room",
    ):  # fmt: skip
        assert words in text, text


def test_compliance_is_worst_first_and_unknown_is_a_column(said):
    rows = said("compliance").output.splitlines()
    assert rows[2].split()[:8] == ["302", "patient_room", "1,430", "min", "10", "min", "0", "min"]
    assert rows[3].split()[:8] == ["301", "patient_room", "2,840", "min", "0", "min", "40", "min"]


def test_a_table_goes_into_the_file_that_was_named(said, tmp_path):
    file = tmp_path / "use.csv"
    assert "lines written to" in said("energy", "--csv", str(file)).output
    assert file.read_bytes().count(b"\r\n") == file.read_bytes().count(b"\n")
    kinds = [row["kind"] for row in csv.DictReader(file.read_text().splitlines())]
    assert kinds == ["use", "peak", "baseline", "avoided", *["policy"] * 3, "avoided", "shed", "shed"]
    answer = said("compliance", "--csv", str(tmp_path / "nowhere" / "rooms.csv"))
    assert answer.exit_code == 1
    assert "cannot be written" in answer.output


def test_json_is_the_whole_report(said):
    told = json.loads(said("energy", "--json").output)
    assert told["report"]["accounts"][1]["saving"]["kwh"] is None
    assert told["demand"]["level"] == 0


def test_a_no_of_the_agent_is_a_sentence_and_an_exit_code(said):
    answer = said("energy", "--days", "13")
    assert answer.exit_code == 1
    assert "No history is kept" in answer.output
    assert said("energy", "--days", "0").exit_code == 2
