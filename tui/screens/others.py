"""The three views that are not places to work at: connecting, help, too small."""

from __future__ import annotations

from textual.app import ComposeResult

from tui import keys, query, text
from tui.canvas import Canvas, wrap
from tui.model import Picture
from tui.screens.overview import draw_verdict
from tui.screens.place import Place
from tui.seat import Seat
from tui.themes import Ink
from tui.widgets.pane import CanvasPane

LEAST_WIDTH, LEAST_HEIGHT = 80, 24
SIGNS = (
    ("!! !", "critical, out of range"),
    ("?", "unknown: none, old or bad"),
    ("H", "held by an operator"),
    ("NEW", "not acknowledged"),
    ("ack", "acknowledged, still stands"),
    ("rtn", "ended, not acknowledged"),
    ("◄", "the slot that wins"),
    ("·", "none"),
)
MEANING = (
    "Filled = nobody has acknowledged it. Text only = acknowledged.",
    "No colour means normal. Grey is the good state.",
    "Every colour has a word or a sign: 16 colours and none work.",
)


class ConnectingPlace(Place):
    """Before the first complete snapshot: what has come in so far, or why nothing does.

    Claims nothing about the building.
    """

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="connecting")
        self._pane = Connecting(seat.ink, seat.picture)

    def compose(self) -> ComposeResult:
        yield self._pane

    @property
    def main(self) -> CanvasPane:
        return self._pane

    def show(self) -> None:
        self._pane.redraw()


class Connecting(CanvasPane, can_focus=True):
    def __init__(self, ink: Ink, picture: Picture) -> None:
        super().__init__(ink, id="connecting-pane")
        self._picture = picture

    def draw(self, canvas: Canvas) -> None:
        picture = self._picture
        snapshot, x, y = picture.gathering, 7, max(1, canvas.height // 4)
        canvas.put(x, y, "Connecting to the agent", "title")
        hello = snapshot.hello
        who = f"open, you are {hello.user} ({hello.role})" if hello else ""
        lines = (
            ("socket", "hello", who),
            ("catalogue", "catalog", f"{len(snapshot.points):,} points"),
            ("values", "values", f"{len(snapshot.values):,} of {len(snapshot.points):,}"),
            ("overview", "overview", "spaces, holds, links"),
            ("alarms", "alarms", f"{len(snapshot.alarms):,} standing"),
        )
        for row, (name, kind, said) in enumerate(lines, y + 2):
            arrived = kind in snapshot.arrived
            canvas.put(x, row, name, "muted", width=10)
            canvas.put(x + 10, row, ("━" if arrived else "─") * 18, "text" if arrived else "faint")
            canvas.put(x + 30, row, said if arrived else "waiting", "text" if arrived else "muted")
        y += 8
        if picture.trouble:
            for line in wrap(text.sentence(picture.trouble), canvas.width - 2 * x):
                canvas.put(x, y, line, "high")
                y += 1
            canvas.put(x, y, f"Trying again {picture.again}.", "muted")
            y += 2
        canvas.put(x, y, "Until this is complete no screen claims that anything is OK.", "muted")


class HelpPlace(Place):
    """Made from the binding table; names only keys that work at the place one comes from."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="help")
        self._pane = Help(seat.ink)

    def compose(self) -> ComposeResult:
        yield self._pane

    @property
    def main(self) -> CanvasPane:
        return self._pane

    def about(self, place: str, verbs: list[keys.Verb]) -> None:
        self._pane.place, self._pane.verbs = place, verbs
        self._pane.redraw()


class Help(CanvasPane, can_focus=True):
    def __init__(self, ink: Ink) -> None:
        super().__init__(ink, id="help-pane")
        self.place = ""
        self.verbs: list[keys.Verb] = []

    def draw(self, canvas: Canvas) -> None:
        names = {place: long for _, place, long, _ in keys.PLACES} | {place: long for _, place, long in keys.MORE}
        names["point"] = "Point"
        canvas.rule(0, 0, canvas.width, f"Help: {names.get(self.place, self.place)}", "Esc closes")
        wide = canvas.width >= 120
        column = canvas.width // (4 if wide else 2)
        here = [(verb.shown, verb.long) for verb in self.verbs] + [("↑↓ j k", "move; PgUp PgDn Home End")]
        screens = "".join(key for key, *_ in keys.PLACES) + "".join(f" g {key}" for key, *_ in keys.MORE)
        all_names = ", ".join(short for *_, short in (*keys.PLACES, *keys.MORE))
        everywhere = [(screens, f"screens: {all_names}")]
        everywhere += [(verb.shown, verb.long) for verb in keys.EVERYWHERE]
        left = _list(canvas, 1, 1, column, "On this screen", here)
        right = _list(canvas, column + 1, 1, column, "Everywhere", everywhere)
        if wide:
            _list(canvas, 2 * column + 1, 1, column, "Filter words", list(query.HELP))
            signs = _list(canvas, 3 * column + 1, 1, column, "Signs", list(SIGNS))
        else:
            left = _list(canvas, 1, left, column, "Filter words", list(query.HELP))
            signs = _list(canvas, column + 1, right, column, "Signs", list(SIGNS))
        top = max(left, right, signs)
        for y, line in enumerate(MEANING, top + 1):
            canvas.put(1, y, line, "muted", width=canvas.width - 2)


def _list(canvas: Canvas, x: int, y: int, width: int, title: str, entries: list[tuple[str, str]]) -> int:
    canvas.put(x, y, title, "title")
    for key, said in entries:
        y += 1
        canvas.put(x, y, key, "key", width=11)
        canvas.put(x + 12, y, said, width=width - 14)
    return y + 1


class TooSmall(CanvasPane):
    """Below 80x24: the lamps stay on line 0, the verdict here, and what size is needed."""

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat.ink, id="too-small")
        self._picture = seat.picture

    def draw(self, canvas: Canvas) -> None:
        if self._picture.overview is not None:
            draw_verdict(canvas, 1, self._picture, self._picture.overview)
        size = self.app.size
        canvas.put(1, 3, f"needs {LEAST_WIDTH}x{LEAST_HEIGHT}, is {size.width}x{size.height}", "muted")


def too_small(width: int, height: int) -> bool:
    return width < LEAST_WIDTH or height < LEAST_HEIGHT
