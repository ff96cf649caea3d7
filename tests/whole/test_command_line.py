"""The command line as a person types it: every mistake is answered with a sentence, never with a stack trace."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from facility.cli import Verbs, app
from facility.database import open_state
from facility.demo.play import CONFIG

VERBS = [
    (verb, *inner)
    for verb, command in Verbs().items()
    for inner in ([(name,) for name in command.commands] if isinstance(command, TyperGroup) else [()])
]


def environment(state: Path) -> dict[str, str]:
    return {
        "XDG_STATE_HOME": str(state),
        "FACILITY_AGENT__STATE_DIR": str(state / "agent"),
        "FACILITY_BACNET__ADDRESS": "127.0.0.1/8:0",
        "FACILITY_MQTT__ENABLED": "false",
        "COLUMNS": "120",
    }


def facility(*words: str, state: Path, **others: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, as at a prompt."""
    return subprocess.run(
        [sys.executable, "-m", "facility", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **environment(state), **others},
    )


def typed(*words: str, state: Path, **others: str) -> subprocess.CompletedProcess[str]:
    """The same without the process, for what ends before anything begins. Whatever is raised fails the test."""
    answer = CliRunner().invoke(app, words, env={**environment(state), **others}, catch_exceptions=False)
    return subprocess.CompletedProcess(words, answer.exit_code, answer.output, "")


def says(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    text = answer.stdout + answer.stderr
    for word in words:
        assert word in text, text
    assert "Traceback" not in text, text


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(words):
    answer = CliRunner().invoke(app, [*words, "--help"])
    assert answer.exit_code == 0
    assert "Example:" in answer.output
    assert f"facility {' '.join(words)}" in answer.output


def test_help_says_where_the_configuration_and_the_agent_are_looked_for():
    answer = CliRunner().invoke(app, ["read", "--help"], env={"COLUMNS": "150"})
    assert "./facility.toml" in answer.output
    assert "that of the running agent" in answer.output


@pytest.mark.parametrize("words", sorted({(verb,) for verb, *inner in VERBS if inner}), ids=" ".join)
def test_a_verb_that_needs_another_lists_those(words):
    answer = CliRunner().invoke(app, [*words])
    assert answer.exit_code == 2
    assert all(f" {inner[0]} " in answer.output for verb, *inner in VERBS if (verb,) == words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[bacnet\n", ("not valid TOML", "facility.toml")),
        ('[bacnet]\nadress = "10.0.0.1"\n', ("bacnet.adress", "did you mean 'address'")),
        ('[[points]]\nmatch = "colour:red"\n', ("colour",)),
        ('[mqtt]\nenabled = true\nhost = "broker.example.org"\n', ("unencrypted", "allow_insecure")),
    ],
)
def test_a_broken_configuration(text, words, tmp_path):
    path = tmp_path / "facility.toml"
    path.write_text(text)
    environment = {} if "mqtt" not in text else {"FACILITY_MQTT__ENABLED": "true"}
    answer = facility("run", "--config", str(path), state=tmp_path, **environment)
    assert answer.returncode == 4
    says(answer, *words)


def test_a_port_in_use(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1/8:{taken.getsockname()[1]}"
        answer = facility("run", "--config", str(CONFIG), state=tmp_path, FACILITY_BACNET__ADDRESS=address)
    assert answer.returncode == 4
    says(answer, address.split(":")[1], "use")


def test_a_second_agent_on_the_same_state_folder(tmp_path):
    (tmp_path / "agent").mkdir()
    with open_state(tmp_path / "agent"):
        answer = facility("run", "--config", str(CONFIG), state=tmp_path)
    assert answer.returncode == 4
    says(answer, str(os.getpid()))


def test_a_corrupt_database_file(tmp_path):
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "state.db").write_bytes(b"this is no database, whatever its name says\n" * 200)
    answer = facility("run", "--config", str(CONFIG), state=tmp_path)
    assert answer.returncode == 4
    says(answer, "state.db", "Move it aside")


@pytest.mark.parametrize(
    "words",
    [
        ("points",),
        ("read", "ahu-1/sat"),
        ("status",),
        ("schedule",),
        ("write", "ahu-1/sat-sp", "18", "--for", "2h", "--reason", "valve test"),
        ("release", "ahu-1/sat-sp"),
    ],
)
def test_no_agent(words, tmp_path):
    answer = typed(*words, state=tmp_path)
    assert answer.returncode == 3
    says(answer, "No agent is running", "facility run")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("write", "a/b", "1", "--for", "soon", "--reason", "a test"), "not a duration"),
        (("write", "a/b", "1", "--for", "2h", "--reason", "x"), "4 to 200 characters"),
        (("write", "a/b", "1", "--for", "2h"), "--reason"),
        (("demo", "--scenario", "meteor"), "fridge-door"),
        (("demo", "--for", "5"), "--headless"),
    ],
)
def test_a_mistyped_command(words, text, tmp_path):
    answer = typed(*words, state=tmp_path)
    assert answer.returncode == 2
    says(answer, text)


def test_a_network_on_which_nobody_could_answer(tmp_path):
    answer = typed("discover", state=tmp_path, FACILITY_BACNET__ADDRESS="127.0.0.1:0")
    assert answer.returncode == 4
    says(answer, "no device can be found", "mask", "foreign")


def test_check_touches_nothing(tmp_path):
    answer = facility("check", "--config", str(CONFIG), state=tmp_path)
    assert answer.returncode == 0
    says(answer, "Nothing was touched", "nothing discovered yet")
    assert not (tmp_path / "agent").exists()


def test_check_speaks_json(tmp_path):
    answer = facility("check", "--config", str(CONFIG), "--json", state=tmp_path)
    assert json.loads(answer.stdout)["errors"] == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("write", "a/b", "nan", "--for", "2h", "--reason", "a test"), "not a value"),
        (("write", "a/b", "1", "--for", "99999999999999999h", "--reason", "a test"), "not a duration"),
        (("demo", "--speed", "0"), "0.1"),
        (("demo", "--headless", "--for", "-3"), "--for"),
    ],
)
def test_numbers_that_make_no_sense(words, text, tmp_path):
    answer = typed(*words, state=tmp_path)
    assert answer.returncode == 2
    says(answer, text)


def test_a_negative_value_is_a_value(tmp_path):
    answer = typed("write", "aii-1/dp-sp", "-5", "--for", "2h", "--reason", "a test", state=tmp_path)
    assert answer.returncode == 3
    says(answer, "No agent is running")


def test_the_demo_refuses_what_cannot_work(tmp_path):
    long = facility("demo", "--headless", "--state", str(tmp_path / ("x" * 100)), state=tmp_path)
    assert long.returncode == 1
    says(long, "107 bytes")
    broker = facility("demo", "--headless", "--mqtt", "foo:bar", state=tmp_path)
    assert broker.returncode == 1
    says(broker, "host:port")


def test_the_socket_of_an_agent_that_was_killed_is_nobody(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "facility" / name).mkdir(parents=True)
        left = socket.socket(socket.AF_UNIX)
        left.bind(str(tmp_path / "facility" / name / "agent.sock"))
        left.close()
    answer = typed("status", state=tmp_path, FACILITY_AGENT__STATE_DIR=str(tmp_path / "facility" / "site"))
    assert answer.returncode == 3
    says(answer, "facility run")


def test_a_preflight_says_what_is_wrong_and_leaves_nothing_behind(tmp_path):
    answer = facility("preflight", "--json", state=tmp_path)
    assert answer.returncode == 1
    found = json.loads(answer.stdout)["findings"]
    assert [each["level"] for each in found if "loopback" in each["text"]] == ["problem"]
    assert any("broadcast came back" in each["text"] for each in found)
    assert list(tmp_path.iterdir()) == []


def test_a_preflight_beside_a_running_agent_says_so(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken, socket.socket(socket.AF_UNIX) as agent:
        taken.bind(("127.0.0.1", 0))
        (tmp_path / "agent").mkdir()
        agent.bind(str(tmp_path / "agent" / "agent.sock"))
        agent.listen()
        address = f"127.0.0.1/8:{taken.getsockname()[1]}"
        answer = facility("preflight", state=tmp_path, FACILITY_BACNET__ADDRESS=address)
    assert answer.returncode == 1
    says(answer, "PROBLEM", "is in use", "An agent runs here", "facility devices")


def test_a_preflight_of_what_cannot_be_used_is_a_matter_of_the_configuration(tmp_path):
    answer = facility("preflight", state=tmp_path, FACILITY_BACNET__ADDRESS="127.0.0.1:0")
    assert answer.returncode == 4
    says(answer, "no device can be found", "mask")
