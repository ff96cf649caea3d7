"""Words, signs, filter words, canvas and trend: pure."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from fake_facility import NOW, FakeFacility, alarm, point, value
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region

from facility.wire import Bucket, Hold, Trend
from tui import query, text
from tui.app import FacilityApp
from tui.canvas import Canvas, clean, share, wrap
from tui.themes import ANSI_THEMES, ASCII, ROLES, THEMES, Ink, choose_theme, contrast
from tui.widgets.trend import draw_trend, spark

CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("number", "unit", "said"),
    [
        (25.06, "°C", "25.1"),
        (1512.4, "kW", "1,512"),
        (1.123, "m³/s", "1.12"),
        (0.0, "Pa", "0.0"),
        (88.8, "L/s", "88.8"),
    ],
)
def test_numbers_are_as_precise_as_useful(number, unit, said):
    assert text.number(number, unit) == said


def test_states_are_said_by_their_texts():
    fan = point("a/fan", "Fan", kind="binary", unit="", states=["stopped", "running"])
    mode = point("a/mode", "Mode", kind="multistate", unit="", states=["off", "heat"])
    assert [text.bare(fan, v) for v in (True, False, None)] == ["running", "stopped", "?"]
    assert [text.bare(mode, v) for v in (1, 2, 7)] == ["off", "heat", "state 7"]
    assert text.worded(point("a/t", "T"), 21.0) == "21.0 °C"
    assert text.worded(point("a/t", "T"), None) == "?"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (-5, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (2460, "41 min"),
        (5640, "1 h 34"),
        (90000, "1 day"),
        (259200, "3 days"),
    ],
)
def test_ages(seconds, said):
    assert text.age(seconds) == said


@given(st.floats(min_value=0, max_value=1e9))
def test_an_age_fits_its_column(seconds):
    assert len(text.age(seconds)) <= 10


def test_what_is_not_known_is_marked():
    info = point("a/t", "T")
    old = value("a/t", 21.4, quality="stale", tag="?", age=240)
    bad = value("a/t", None, quality="bad", reason="nan", tag="?")
    assert (text.sign(None), text.sign(old), text.sign(bad)) == ("?", "?", "?")
    assert (text.in_table(info, old), text.in_table(info, bad), text.in_table(info, None)) == ("21.4", "?", "?")
    assert text.quality(old, NOW) == "old 4 min"
    assert text.quality(bad, NOW) == "bad sensor"
    good = value("a/t", 21.4)
    assert text.sign(good) == ""
    assert text.sign(good, live=False) == "?"
    assert text.sign(value("a/t", 21.4, quality="uncertain")) == "?"
    assert text.sign(value("a/t", 21.4, held="8 mchen")) == "H"
    assert text.sign(value("a/t", 21.4, held="15 weekday")) == ""


def test_moments_are_local():
    assert text.when(NOW, NOW, CHICAGO) == "02:14"
    assert text.when(NOW + timedelta(days=2), NOW, CHICAGO) == "Thu 02:14"
    assert text.when(NOW + timedelta(days=20), NOW, CHICAGO) == "14 Dec"


ROWS = {
    info.id: (info, reading)
    for info, reading in (
        (point("or-3/space-temp", "Room temperature", "OR-3"), value("or-3/space-temp", 25.1, tag="!", age=8)),
        (
            point("vav-1/space-temp", "Room temperature", "RM-1"),
            value("vav-1/space-temp", 21.0, age=900, quality="stale", tag="?"),
        ),
        (point("vav-2/flow", "Flow", "RM-2", cls="supply-flow"), value("vav-2/flow", 0.5, held="8 mchen")),
        (point("vav-3/flow", "Flow", "RM-3", cls="supply-flow"), None),
    )
}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", "or-3/space-temp vav-1/space-temp vav-2/flow vav-3/flow"),
        ("room or-3", "or-3/space-temp"),
        ("-vav", "or-3/space-temp"),
        ('"room temperature"', "or-3/space-temp vav-1/space-temp"),
        ('"room temp', "or-3/space-temp vav-1/space-temp"),
        ("q:old", "vav-1/space-temp"),
        ("q:unknown", "vav-1/space-temp vav-3/flow"),
        ("q:out", "or-3/space-temp"),
        ("-q:ok", "vav-1/space-temp vav-3/flow"),
        ("by:mch", "vav-2/flow"),
        ("slot:8", "vav-2/flow"),
        ("dev:vav-2", "vav-2/flow"),
        ("class:flow", "vav-2/flow vav-3/flow"),
        ("space:or-3", "or-3/space-temp"),
        ("group:operating", "or-3/space-temp"),
        ("val>24", "or-3/space-temp"),
        ("val<1 flow", "vav-2/flow"),
        ("age>5m", "vav-1/space-temp"),
        ("val>x", ""),
        ("oom", ""),
        ('"oom"', "or-3/space-temp vav-1/space-temp"),
        ('-"vav-2" flow', "vav-3/flow"),
        ("temp space", "or-3/space-temp vav-1/space-temp"),
        ("or-", "or-3/space-temp"),
        ("3 or", "or-3/space-temp"),
        ("° - /", "or-3/space-temp vav-1/space-temp vav-2/flow vav-3/flow"),
        ("nothing-like-it", ""),
    ],
)
def test_filter_words(typed, found):
    moment = query.Moment({k: v for k, (_, v) in ROWS.items() if v}, NOW, {"or-3": "operating-procedure"}, live=True)
    left = query.parse(typed).sift([query.row(info) for info, _ in ROWS.values()], moment)
    assert " ".join(row.info.id for row in left) == found


def found(typed, *infos):
    rows = [query.row(info) for info in infos]
    return [row.info.id for row in query.parse(typed).sift(rows, query.Moment({}, NOW, {}, live=True))]


def test_a_word_matches_at_the_start_of_a_word_only():
    fridge = point("bb/refrigerator-2", "Refrigerator", "Blood bank", cls="fridge-temp")
    theatre = point("or-2/room-pressure", "Room pressure", "OR-2", cls="room-pressure")
    other = point("or-21/flow", "Supply", "OR-21", cls="supply-flow", description="Express supply")
    assert found("or-2", fridge, theatre, other) == ["or-2/room-pressure", "or-21/flow"]
    assert found('"or-2"', fridge, theatre, other) == ["bb/refrigerator-2", "or-2/room-pressure", "or-21/flow"]
    assert found("press", fridge, theatre, other) == ["or-2/room-pressure"]
    assert found("-or-2", fridge, theatre, other) == ["bb/refrigerator-2"]


@given(st.text(alphabet='ab-/" :3', max_size=12), st.text(alphabet='ab-/" :3', max_size=6))
def test_what_narrows_finds_nothing_new(typed, more):
    infos = [point(key, "a b", "B-3") for key in ("ab-3/a", "a-b/b3", "3/ba", "b_a/ab")]
    wider, query_now = query.parse(typed), query.parse(typed + more)
    if query_now.narrows(wider):
        assert set(found(typed + more, *infos)) <= set(found(typed, *infos))


def test_alarms_of_one_place_that_read_the_same_name_their_point():
    said = "refrigerator temperature above its limit"
    probes = {key: point(key, name, "Blood bank") for key, name in (("bb/t1", "Upper probe"), ("bb/t2", "Lower probe"))}
    made = [alarm(key, "HIGH", key, "Blood bank", said) for key in probes]
    assert list(text.told_apart(made, probes).values()) == [f"Upper probe: {said}", f"Lower probe: {said}"]
    assert text.told_apart(made[:1], probes) == {"bb/t1": said}
    alike = {key: info.model_copy(update={"name": "Probe"}) for key, info in probes.items()}
    assert list(text.told_apart(made, alike).values()) == [f"t1: {said}", f"t2: {said}"]
    twice = [made[0], made[0].model_copy(update={"id": "stale", "text": "refrigerator temperature is old"})]
    assert list(text.told_apart(twice, probes).values()) == [said, "refrigerator temperature is old"]


@pytest.mark.parametrize(
    ("drawn", "plain"),
    [
        ("22.2 °C, max 24.0 °C", "22.2 C, max 24.0 C"),
        ("1.2 m³/s", "1.2 m3/s"),
        ("5 inH₂O", "5 inH2O"),
        ("45.0 °", "45.0 deg"),
        ("3 kΩ", "3 kohm"),
        ("2 µg/m³", "2 ug/m3"),
    ],
)
def test_units_are_written_in_ascii_without_double_blanks(drawn, plain):
    canvas, ink = Canvas(30, 1, plain=True), Ink("mono", plain=True)
    after = canvas.put(0, 0, drawn)
    assert after == len(plain)
    assert ink.strip(canvas.chars[0], canvas.roles[0]).text == f"{plain:<30}"
    canvas.line(0, 0, [(drawn, "text"), ("|", "text")])
    assert ink.strip(canvas.chars[0], canvas.roles[0]).text.startswith(f"{plain}|")


@given(st.text())
def test_any_typing_is_a_filter(typed):
    query.parse(typed)


@given(st.text(max_size=60), st.integers(-5, 30), st.integers(-2, 6))
def test_nothing_leaves_the_canvas(said, x, y):
    canvas = Canvas(20, 4)
    canvas.put(x, y, said)
    assert [len(row) for row in canvas.chars] == [20] * 4
    assert [len(row) for row in canvas.roles] == [20] * 4
    assert Ink("dark", plain=False).strip(canvas.chars[0], canvas.roles[0]).cell_length == 20


def test_foreign_text_cannot_shift_a_screen():
    assert clean("房間\x1b[31m\tOR") == "___[31m_OR"


@given(st.lists(st.integers(0, 5000), min_size=3, max_size=3))
def test_the_share_bar_shows_every_count(parts):
    cells = share(parts, 12)
    assert sum(cells) in (0, 12)
    assert all(bool(cell) == bool(part) for cell, part in zip(cells, parts, strict=True))


def test_wrapping_loses_no_word():
    assert " ".join(wrap("one two three four five", 9)) == "one two three four five"


def trend(buckets):
    since = datetime(2026, 11, 24, tzinfo=UTC)
    made = [
        Bucket(start=since + timedelta(minutes=i), low=low, high=high, mean=mean, last=mean, missing=missing)
        for i, (low, high, mean, missing) in enumerate(buckets)
    ]
    return Trend(point="a/t", since=since, until=since + timedelta(minutes=len(buckets)), buckets=made)


def plotted(made, width=60):
    canvas = Canvas(width, 12)
    draw_trend(canvas, Region(0, 0, width, 12), made, limits=(None, 24.0), zone=UTC, name=lambda v: f"{v:.1f}")
    return canvas


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("width", [40, 120])
def test_a_gap_narrower_than_a_column_still_shows(plain, width):
    hour = [(21.0, 21.5, 21.2, 0.0)] * 10080
    hour[5000:5035] = [(None, None, None, 60.0)] * 35  # 35 minutes in seven days
    canvas = plotted(trend(hour), width)
    shown = [Ink("mono", plain=plain).strip(c, r).text for c, r in zip(canvas.chars, canvas.roles, strict=True)]
    assert "?" in "".join(shown)
    assert "?" in spark(trend(hour).buckets, 48)


def test_a_spike_survives_and_a_gap_is_not_bridged():
    made = [(20.0, 20.0, 20.0, 0.0)] * 50 + [(20.0, 30.0, 20.1, 0.0)] + [(20.0, 20.0, 20.0, 0.0)] * 49
    made[70:80] = [(None, None, None, 60.0)] * 10
    canvas = plotted(trend(made))
    assert any(0x2800 <= ord(c) <= 0x28FF for c in canvas.chars[0])  # the spike reaches the top
    columns = range(8 + 71 * 51 // 100, 8 + 79 * 51 // 100)
    assert not any(0x2800 < ord(canvas.chars[y][x]) <= 0x28FF for y in range(11) for x in columns)


def test_a_trend_of_which_nothing_is_known_says_so():
    assert "nothing is known" in plotted(trend([(None, None, None, 60.0)] * 30)).text()
    assert spark(trend([(None, None, None, 60.0)] * 30).buckets, 5) == "?????"


def test_every_role_has_a_style_in_every_theme():
    for theme in THEMES:
        ink = Ink(theme, plain=False)
        for role in ROLES:
            for suffix in ("", "@", "="):
                assert ink.style(role + suffix) is not None


@pytest.mark.parametrize("theme", [name for name in THEMES if name not in ANSI_THEMES])
def test_loud_words_are_legible_everywhere(theme):
    ink = Ink(theme, plain=False)
    for role in ("text", "strong", "muted", "crit", "high", "low", "unk", "hand"):
        for suffix in ("", "@", "="):
            style = ink.style(role + suffix)
            assert contrast(style, style) >= 4.4, (theme, role, suffix)


@given(st.text())
def test_ascii_is_ascii_of_the_same_width(said):
    plain = said.translate(ASCII)
    assert plain.isascii()
    assert len(plain) == len(said)


@pytest.mark.parametrize(
    ("asked", "environment", "colors", "chosen"),
    [
        ("light", {"NO_COLOR": "1"}, 256, "light"),
        (None, {"NO_COLOR": "1", "COLORTERM": "truecolor"}, 256, "mono"),
        (None, {}, 0, "mono"),
        (None, {}, 8, "16"),
        (None, {}, 256, "dark"),
        (None, {"COLORTERM": "truecolor"}, 8, "dark"),
        ("no-such", {}, 256, "dark"),
    ],
)
def test_the_theme_is_chosen_from_wish_then_no_color_then_terminal(asked, environment, colors, chosen):
    assert choose_theme(asked, environment, colors) == chosen


def test_no_color_never_meets_textuals_own_filter(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = FacilityApp(FakeFacility(), theme=choose_theme(None, {"NO_COLOR": "1"}, 256))
    assert app.seat.ink.theme == "mono"
    assert not app.no_color  # Textual would turn every ANSI colour into black


def test_a_hold_that_is_over_is_not_said_to_end():
    named = {"point": "a/sp", "value": 18.0, "text": "18.0 °C", "by": "mchen", "reason": "too warm", "confirmed": True}
    hold = Hold(priority=8, since=NOW, until=NOW + timedelta(hours=1), **named)
    late = hold.model_copy(update={"until": NOW, "overdue": "its device is in quarantine"})
    assert " ends " in text.hold_line(hold, NOW, CHICAGO)
    assert " OVERDUE since " in text.hold_line(late, NOW + timedelta(minutes=5), CHICAGO)
