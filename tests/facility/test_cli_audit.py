"""`facility audit`, as a person types it, on the file of an agent that has stopped."""

import asyncio
import hashlib
import json
import shutil
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli_bench import answers
from tampering import NOON, Folder
from typer.testing import CliRunner

from facility.audit import pages
from facility.audit.pages import Pages
from facility.cli import app
from facility.cli import audit as verbs
from facility.port import FacilityError
from facility.wire import AuditCheck, Hello, Record

DOCS = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    state = tmp_path_factory.mktemp("state")
    folder = Folder(state, state / "audit-anchors.jsonl")
    asyncio.run(folder.write(3))
    return folder


@pytest.fixture
def folder(written, tmp_path, monkeypatch):
    copy = written.copied_to(tmp_path / "state")
    copy.anchor_file = copy.path / "audit-anchors.jsonl"
    (tmp_path / "facility.toml").write_text(f'agent.state_dir = "{copy.path}"\nbacnet.address = "127.0.0.1/24:50123"\n')
    monkeypatch.chdir(tmp_path)
    return copy


def run(*words):
    return CliRunner().invoke(app, ["audit", *words])


def test_verify_says_how_much_it_has_checked(folder):
    said = run("verify")
    assert said.exit_code == 0
    assert said.output == (
        "Checked 6 entries, to number 6, and 1 anchors, the latest of 2026-03-01 12:00:07Z.\n"
        "The audit is as it was written.\n"
    )


def test_verify_names_what_is_wrong_and_a_script_sees_it(folder):
    with folder.forced() as connection:
        connection.execute("UPDATE audit SET reason = 'nothing happened' WHERE seq = 3")
        connection.execute("DELETE FROM audit WHERE seq = 5")
    said = run("verify")
    assert said.exit_code == 1
    assert "entry 3: was changed (column reason: it was written otherwise)\nentry 5 is missing\n" in said.output
    assert [fault["seq"] for fault in json.loads(run("verify", "--json").output)["faults"]] == [3, 5]


def test_verify_takes_anchors_and_keys_from_elsewhere(folder, tmp_path):
    elsewhere, public = tmp_path / "elsewhere.jsonl", tmp_path / "given.pub"
    elsewhere.write_bytes(folder.anchor_file.read_bytes())
    public.write_text(folder.key.public)
    folder.anchor_file.unlink()
    (folder.path / "audit.key.pub").unlink()
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit_anchors")
    alone = run("verify")
    assert (alone.exit_code, "No anchor bears it out" in alone.output) == (0, True)
    assert run("verify", "--anchors", str(elsewhere)).exit_code == 1  # nobody knows the key
    assert run("verify", "--anchors", str(elsewhere), "--key", str(public)).exit_code == 0
    (tmp_path / "no.pub").write_text("no key")
    assert run("verify", "--key", str(tmp_path / "no.pub")).exit_code == 2


def test_without_a_database_the_answer_says_so(folder):
    folder.database.unlink()
    for words in (("verify",), ("show",), ("export", "-")):
        said = run(*words)
        assert said.exit_code == 4
        assert f"The state database {folder.database} cannot be read" in said.output


def test_show_reads_the_file_when_no_agent_runs(folder):
    said = run("show", "--by", "mchen", "--target", "ahu-1/sp")
    assert said.exit_code == 0
    (line,) = said.output.splitlines()[1:]
    assert line.split("  ")[0] == "2026-03-01 12:00:03"
    assert [word for word in ("user:mchen", "ahu-1/sp", "18.0", "held 18.0 in slot 8", "valve test") if word in line]
    assert len(json.loads(run("show", "--json", "--limit", "2").output)) == 2
    assert run("show", "4").output == run("show", "3").output  # a result belongs to its intent
    assert "result   held 18.0 in slot 8\n" in run("show", "3").output
    assert (run("show", "99").exit_code, run("show", "99").output) == (1, "There is no entry 99.\n")
    assert run("show", "--since", "1h").output.splitlines()[1:] == []


def test_show_asks_the_agent_that_runs(folder, monkeypatch):
    now = datetime.now(UTC)
    record = Record(
        seq=7, time=now, by="user:a", action="hold", target="x/y", value="1", priority=8, reason="", result="held"
    )
    asked = []

    class Agent:
        async def hello(self):
            return Hello(
                site="s", site_name="S", agent="main", version="1", zone="UTC", pretend=False, user="me",
                role="operator", started=now,
            )  # fmt: skip

        async def audit(self, *wanted):
            asked.append(wanted)
            return [record]

    monkeypatch.setattr(verbs, "ask", lambda _socket, question: asyncio.run(question(Agent())))
    said = run("show", "--socket", "/run/a.sock", "--by", "a", "--limit", "5")
    assert asked == [(None, 5, "a", None, None)]
    assert f"{now:%H:%M:%S}" in said.output


def test_an_export_is_checked_by_the_script_in_the_documentation(folder, tmp_path):
    """The script of docs/audit.md, as it stands there, with nothing of this program."""
    said = run("export", "audit.jsonl")
    assert (said.exit_code, said.output) == (0, "6 entries are in audit.jsonl.\n")
    script = DOCS.read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "check.py").write_text(script)

    def checked():
        return subprocess.run(
            [sys.executable, "-I", "check.py", "audit.jsonl"], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    done = checked()
    assert (done.returncode, done.stdout) == (0, "6 entries, 1 anchors: as they were written\n")
    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    (tmp_path / "audit.jsonl").write_text("\n".join(lines).replace("ahu-1/sp", "ahu-2/sp"))
    assert "entry 3 " in checked().stderr
    (tmp_path / "audit.jsonl").write_text("\n".join([*lines[:4], *lines[5:]]))
    assert "entry 4 " in checked().stderr
    (tmp_path / "audit.jsonl").write_text("\n".join([*lines[:6], lines[7]]))
    assert "entry 6 " in checked().stderr


def test_an_export_holds_the_very_bytes_that_were_hashed(folder):
    lines = [json.loads(line) for line in run("export", "-").output.splitlines()]
    entries = [line for line in lines if "record" in line]
    for entry in entries:
        said = bytes.fromhex(entry["previous"]) + entry["record"].encode()
        assert hashlib.sha256(said).hexdigest() == entry["hash"]


def test_an_export_that_cannot_be_written_says_so(folder):
    assert run("export", "missing/folder/audit.jsonl").exit_code == 2


class Checks:
    """An agent that says what its check found, and who may ask."""

    def __init__(self, may=True):
        self.may = may

    async def audit_check(self):
        if not self.may:
            raise FacilityError("not-allowed", "You are a viewer: you may not read the audit.")
        return AuditCheck(at=NOON, entries=9, last=9, head="ab", anchors=2, anchored=NOON, faults=[])


def test_verify_asks_the_agent_that_runs_for_its_files_are_its_own(folder, monkeypatch):
    monkeypatch.setattr(verbs, "ask", answers(Checks()))
    monkeypatch.setattr(verbs, "answers", lambda path: path == folder.path / "agent.sock")
    said = run("verify")
    assert (said.exit_code, said.output.splitlines()[:2]) == (
        0,
        [
            f"The agent at {folder.path / 'agent.sock'} has read it.",
            "Checked 9 entries, to number 9, and 2 anchors, the latest of 2026-03-01 12:00:00Z.",
        ],
    )
    for own_eyes in (("--anchors", str(folder.anchor_file)), ("--config", "facility.toml")):
        assert "Checked 6 entries" in run("verify", *own_eyes).output
    monkeypatch.setattr(verbs, "ask", answers(Checks(may=False)))
    assert (run("verify").exit_code, "you may not read the audit" in run("verify").output) == (1, True)


def test_without_a_configuration_the_running_agent_is_found_as_by_every_verb(folder, tmp_path, monkeypatch):
    (tmp_path / "facility.toml").unlink()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "states"))
    usual = tmp_path / "states" / "facility"
    usual.mkdir(parents=True)
    folder.path.rename(usual / "demo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(usual / "demo" / "agent.sock"))
        listening.listen()
        monkeypatch.setattr(verbs, "ask", answers(Checks()))
        assert f"The agent at {usual / 'demo' / 'agent.sock'} has read it." in run("verify").output
        assert (
            run("export", "taken.jsonl", "--key", str(usual / "demo" / "audit.key.pub")).output
            == "6 entries are in taken.jsonl.\n"
        )
        assert "Checked 6 entries" in run("verify", "--anchors", str(usual / "demo" / "audit-anchors.jsonl")).output


def test_a_copy_of_the_database_is_checked_with_what_lies_beside_it(folder, tmp_path):
    copy = shutil.copytree(folder.path, tmp_path / "taken home")
    said = run("verify", "--database", str(copy / "state.db"))
    assert (said.exit_code, "Checked 6 entries, to number 6, and 1 anchors" in said.output) == (0, True)


def test_who_may_not_read_the_files_is_told_to_ask_the_agent(folder, monkeypatch):
    monkeypatch.setattr(verbs.os, "access", lambda *_: False)  # as root there is nothing that one may not read
    for words in (("verify",), ("show",), ("export", "-")):
        said = run(*words)
        assert said.exit_code == 4
        assert f"You may not read {folder.database}" in said.output
        assert "facility audit verify" in said.output


class Telling:
    """An agent that tells its audit in parts, and is lost after so many of them."""

    def __init__(self, folder, parts=99):
        self.pages = Pages(folder.database, folder.key)
        self.parts = parts

    async def audit_page(self, after=0, until=0):
        self.parts -= 1
        if self.parts < 0:
            raise FacilityError("busy", "It is gone.")
        return await self.pages.page(after, until)


def test_an_auditor_is_told_the_same_lines_in_parts_by_the_agent(folder, tmp_path, monkeypatch):
    assert run("export", "read.jsonl").exit_code == 0
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    monkeypatch.setattr(verbs, "answers", lambda _path: True)
    monkeypatch.setattr(verbs, "ask", answers(Telling(folder)))
    assert run("export", "told.jsonl").output == "6 entries are in told.jsonl.\n"
    read, told = ((tmp_path / name).read_text().splitlines() for name in ("read.jsonl", "told.jsonl"))
    assert (told[0], sorted(told)) == (read[0], sorted(read))
    assert run("export", "-").output.splitlines() == told
    monkeypatch.setattr(verbs, "ask", answers(Telling(folder, parts=2)))
    assert run("export", "told.jsonl").exit_code == 1
    assert not (tmp_path / "told.jsonl").exists()  # half of an audit is none


def test_an_anchor_whose_entry_is_gone_is_told_too(folder, monkeypatch):
    with folder.forced() as connection:
        connection.execute("DELETE FROM audit WHERE seq > 3")
    monkeypatch.setattr(verbs, "answers", lambda _path: True)
    monkeypatch.setattr(verbs, "ask", answers(Telling(folder)))
    assert '"signature"' in run("export", "-").output


def test_what_is_appended_while_it_is_told_belongs_to_the_next_export(folder):
    told = Pages(folder.database, folder.key)
    assert asyncio.run(told.page(0, 4)).is_last
    assert len(asyncio.run(told.page(0, 4)).lines) == 5
