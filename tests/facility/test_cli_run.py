"""The event loop that the agent runs on, and who may open its screens."""

import importlib
import os
import sys
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from facility.cli import app, run
from facility.cli.run import event_loop
from facility.port import AgentLost
from facility.users import PERMISSIONS
from facility.wire import Hello

HELLO = Hello(
    site="s", site_name="S", agent="main", version="1", zone="UTC", pretend=False, user="rdiaz", role="viewer",
    started=datetime(2026, 3, 1, 12, tzinfo=UTC),
)  # fmt: skip


def test_it_is_pythons_own_where_no_faster_one_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop() is None


def test_it_is_the_fast_one_where_that_is_installed():
    found = importlib.import_module if os.environ.get("FACILITY_CI") else pytest.importorskip
    assert event_loop() is found("uvloop").new_event_loop


@pytest.mark.parametrize(("role", "opens"), [("auditor", False), ("viewer", True), (None, True)])
def test_who_may_not_look_is_told_what_to_use_instead_of_the_screens(role, opens, tmp_path, monkeypatch):
    class Agent:
        def __init__(self, _socket):
            pass

        async def __aenter__(self):
            if role is None:
                raise AgentLost("nobody answers")
            return self

        async def __aexit__(self, *_):
            pass

        async def hello(self):
            return HELLO.model_copy(update={"role": role, "permissions": sorted(PERMISSIONS[role])})

    opened = []
    monkeypatch.setattr(run, "RemoteFacility", Agent)
    monkeypatch.setattr(run, "has_terminal", lambda: True)
    monkeypatch.setattr(run, "screens", lambda: lambda *_, **__: opened.append(1) or 0)
    said = CliRunner().invoke(app, ["tui", "--socket", str(tmp_path / "agent.sock")])
    assert (bool(opened), said.exit_code) == (opens, 0 if opens else 1)
    assert opens or "You are rdiaz, auditor: the screens show the building" in said.output
    assert opens or "facility audit verify" in said.output


@pytest.mark.parametrize("words", [("tui",), ("demo",)])
def test_without_a_terminal_the_screens_are_not_drawn_into_a_file(words):
    said = CliRunner().invoke(app, words)
    assert (said.exit_code, "need a terminal" in said.output) == (2, True)


def test_a_closed_stream_is_no_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert not run.has_terminal()
