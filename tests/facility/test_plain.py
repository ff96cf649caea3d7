"""Nobody's text does more on a terminal than stand there."""

import orjson
import pytest

from facility.calls import CALLS
from facility.cli.common import fail, print_json, print_table, say
from facility.plain import NotPlain, escaped, must_be_plain

WIPE = "\x1b[2J"
REASON = "lamp test"
PLAIN = ["valve test", "Lüftung prüfen", "проверка", "手術室 3", "OR\u00a03, 21 °C", "می\u200cخواهم", "👩\u200d🔧 here"]


@pytest.mark.parametrize("text", PLAIN)
def test_text_of_any_script_is_plain(text):
    must_be_plain("reason", text)
    assert escaped(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"ok{WIPE}", r"ok\x1b[2J"),
        ("ok\rno", r"ok\rno"),
        ("ok\x07", r"ok\x07"),
        ("ok\nGuard   allowed", r"ok\nGuard   allowed"),
        ("ok\x9b2J", r"ok\x9b2J"),
        ("ok\u202eon", r"ok\u202eon"),
        ("ok\u2028no", r"ok\u2028no"),
        ("ok\ud800", r"ok\ud800"),
    ],
)
def test_what_would_act_on_a_terminal_is_refused_and_shown_escaped(text, shown, capsys):
    with pytest.raises(NotPlain, match="reason: one line of plain text is needed, without"):
        must_be_plain("reason", text)
    assert escaped(text) == shown
    say(text)
    print_table(("REASON",), [(text,)])
    assert capsys.readouterr().out == f"{shown}\nREASON\n{shown}\n"


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("preview", {"wish": {"point": "a/b", "value": 1, "minutes": 60, "reason": REASON + WIPE}}),
        ("preview", {"wish": {"point": "a/b", "value": f"on{WIPE}", "minutes": 60, "reason": REASON}}),
        ("acknowledge", {"alarm": "a", "reason": f"seen{WIPE}"}),
        ("approve", {"device": "ahu-1", "reason": f"seen{WIPE}"}),
        ("consent", {"keys": ["a"], "reason": f"agreed{WIPE}"}),
        ("consent", {"keys": [f"a{WIPE}"], "reason": "agreed"}),
    ],
)
def test_a_call_with_such_a_text_is_refused_at_the_door(call, given):
    with pytest.raises(ValueError, match=r"without \\x1b \(a control character\)"):
        CALLS[call].arguments(given)


def test_json_for_a_program_says_the_same_and_is_plain(capsys):
    said = {"name": "a\x9b2J\u202e\x7f", "place": "Küche", "sign": "\U000e0041"}
    print_json(said)
    out = capsys.readouterr().out
    assert orjson.loads(out) == said
    assert "Küche" in out
    assert all(line.isprintable() for line in out.splitlines())


def test_an_error_of_several_lines_keeps_its_lines_and_nothing_else(capsys):
    with pytest.raises(Exception, match="1"):
        fail(f"two agents run:\n  one{WIPE}", 1)
    assert capsys.readouterr().err == "two agents run:\n  one\\x1b[2J\n"


def test_a_long_cell_is_cut_where_a_column_has_an_end(capsys):
    print_table(("A", "B"), [("x" * 100, "1"), ("y", "2")], widest=10)
    assert capsys.readouterr().out == f"A           B\n{'x' * 9}…  1\n{'y':<10}  2\n"
