"""What every verb of the command line shares."""

import socket
from datetime import timedelta

import orjson
import pytest
import typer
from session_bench import CONFIG

from facility.cli import settings
from facility.cli.common import Exit, ask, duration, print_json, print_table, socket_of, value
from facility.config.model import Config
from facility.config.whereabouts import Whereabouts, whereabouts
from facility.port import FacilityError
from facility.wire import Lamp


@pytest.mark.parametrize(
    ("text", "stretch"),
    [
        ("2h", timedelta(hours=2)),
        ("30m", timedelta(minutes=30)),
        ("30min", timedelta(minutes=30)),
        ("1h30m", timedelta(minutes=90)),
        (" 90s ", timedelta(seconds=90)),
    ],
)
def test_a_duration_is_read(text, stretch):
    assert duration(text) == stretch


@pytest.mark.parametrize("text", ["", "2", "h", "1.5h", "-2h", "30m2h", "2 days", "9" * 99 + "h", "٣h"])
def test_what_is_no_duration_is_a_usage_error(text):
    with pytest.raises(typer.BadParameter, match="write 2h, 30m or 1h30m"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("18", 18),
        ("18.5", 18.5),
        ("-3", -3),
        ("1e3", 1000.0),
        ("on", "on"),
        ("Occupied", "Occupied"),
        ("1_0", "1_0"),
        ("٣", "٣"),
    ],
)
def test_a_value_is_a_number_where_it_reads_like_one(text, read):
    assert (value(text), type(value(text))) == (read, type(read))


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999", "9" * 400, "9" * 5000])
def test_a_number_that_no_device_could_hold_is_a_usage_error(text):
    with pytest.raises(typer.BadParameter, match="not a value that a device could hold"):
        value(text)


def test_json_is_one_document(capsys):
    print_json([Lamp(new=1, standing=2)])
    assert orjson.loads(capsys.readouterr().out) == [{"new": 1, "standing": 2}]


def test_columns_are_as_wide_as_their_content(capsys):
    print_table(("POINT", "VALUE"), [("ahu-1/sp", "18"), ("a", "")])
    assert capsys.readouterr().out == "POINT     VALUE\nahu-1/sp  18\na\n"
    print_table(("POINT", "VALUE"), [])
    assert capsys.readouterr().out == "POINT  VALUE\n"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A place without a configuration, and its own state folders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "facility"


def listening(path):
    path.parent.mkdir(parents=True)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    return sock


def test_the_socket_is_the_given_one_or_that_of_the_only_agent_that_answers(elsewhere, tmp_path, capsys):
    assert socket_of(tmp_path / "x.sock", None) == tmp_path / "x.sock"
    assert socket_of(None, None) == elsewhere / "site" / "agent.sock"
    listening(elsewhere / "dead" / "agent.sock").close()
    with listening(elsewhere / "a" / "agent.sock"):
        assert socket_of(None, None) == elsewhere / "a" / "agent.sock"
        with listening(elsewhere / "b" / "agent.sock"), pytest.raises(typer.Exit) as ended:
            socket_of(None, None)
    assert ended.value.exit_code == Exit.USAGE
    told = capsys.readouterr().err
    assert (told.count("--socket"), "Several agents run here" in told) == (2, True)


def test_a_configuration_says_where_its_agent_listens(elsewhere, tmp_path):
    (tmp_path / "facility.toml").write_text('[site]\nid = "st-mary"\n')
    with listening(elsewhere / "a" / "agent.sock"):
        assert socket_of(None, None) == elsewhere / "st-mary" / "agent.sock"
    assert CONFIG["site"]["id"] == "st-mary"


def test_a_broken_configuration_is_told_with_its_exit_code(elsewhere, tmp_path, capsys):
    assert elsewhere
    (tmp_path / "facility.toml").write_text("nonsense")
    with pytest.raises(typer.Exit) as ended:
        settings.configuration(None)
    assert (ended.value.exit_code, "not valid TOML" in capsys.readouterr().err) == (Exit.CONFIG, True)


def test_what_is_wrong_with_a_policy_hinders_nobody_from_asking_the_agent(elsewhere, tmp_path):
    (tmp_path / "facility.toml").write_text('[site]\nid = "st-mary"\n[[policies]]\nkind = "magic"\n')
    assert socket_of(None, None) == elsewhere / "st-mary" / "agent.sock"


def test_a_misspelt_whereabout_is_no_other_agent(elsewhere, tmp_path, capsys):
    assert elsewhere
    (tmp_path / "facility.toml").write_text('[agent]\nstate_dri = "/srv/facility"\n')
    with pytest.raises(typer.Exit) as ended:
        socket_of(None, None)
    said = capsys.readouterr().err
    assert (ended.value.exit_code, "line 2: agent.state_dri" in said) == (Exit.CONFIG, True)
    assert "did you mean 'state_dir'" in said


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ('[agnet]\nstate_dir = "/srv/facility"\n', "line 1: agnet: unknown key; did you mean 'agent'?"),
        ('agnet.state_dir = "/srv/facility"\n', ": agnet: unknown key; did you mean 'agent'?"),
        ('[[sites]]\nid = "st-mary"\n', ": sites: unknown key; did you mean 'site'?"),
    ],
)
def test_a_misspelt_section_of_whereabouts_is_no_other_agent_either(section, says, elsewhere, tmp_path, capsys):
    assert elsewhere
    (tmp_path / "facility.toml").write_text(section)
    with pytest.raises(typer.Exit) as ended:
        socket_of(None, None)
    said = capsys.readouterr().err
    assert ended.value.exit_code == Exit.CONFIG
    assert says in said
    assert "None" not in said


def test_what_the_agent_takes_for_a_section_its_verbs_do(elsewhere, tmp_path):
    (tmp_path / "facility.toml").write_text('[Site]\nid = "st-mary"\n')
    assert socket_of(None, None) == elsewhere / "st-mary" / "agent.sock"


def test_no_other_section_is_taken_for_one_of_whereabouts_misspelt(tmp_path):
    path = tmp_path / "facility.toml"
    for name in set(Config.model_fields) - set(Whereabouts.model_fields):
        path.write_text(f"[{name}]\n")
        assert whereabouts(path).socket == Whereabouts().socket


def test_a_no_is_a_sentence_and_an_exit_code(tmp_path, capsys):
    async def refused(_facility):
        raise FacilityError("not-allowed", "You are a viewer.")

    with pytest.raises(typer.Exit) as ended:
        ask(tmp_path / "agent.sock", refused)
    assert (ended.value.exit_code, capsys.readouterr().err) == (Exit.NO, "You are a viewer.\n")


def test_nobody_at_the_socket_is_an_exit_code_of_its_own(tmp_path, capsys):
    with pytest.raises(typer.Exit) as ended:
        ask(tmp_path / "agent.sock", lambda facility: facility.hello())
    assert (ended.value.exit_code, capsys.readouterr().err != "") == (Exit.NO_AGENT, True)
