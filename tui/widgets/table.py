"""A table of any length, on the Line API: it asks for the rows it paints and for no others.

Rows never move under the cursor, because nothing here sorts. `poll` compares what the visible
rows say with what was painted and repaints just the columns between the first and the last
difference; rows out of sight cost nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.canvas import Canvas, Run
from tui.themes import Ink

KEPT_STRIPS = 1024
WHEEL_ROWS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`drop` 0 always stays; of the others the highest number leaves first when it gets narrow."""

    title: str
    width: int
    flex: int = 0
    right: bool = False
    drop: int = 0


Cells = Callable[[int], Sequence[Run]]
"""Text and role of every column of a row."""


class VirtualTable(ScrollView, can_focus=True):
    """Shows `count` rows through a function of the row number."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "up", show=False, id="table.up"),
        Binding("down,j", "move(1)", "down", show=False, id="table.down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="table.pageup"),
        Binding("pagedown", "page(1)", "page down", show=False, id="table.pagedown"),
        Binding("home", "end(-1)", "first", show=False, id="table.home"),
        Binding("end", "end(1)", "last", show=False, id="table.end"),
    ]

    class Moved(Message):
        """The cursor is on another row now."""

        def __init__(self, table: VirtualTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VirtualTable:
            return self.table

    class Opened(Message):
        """A row was clicked a second time."""

        def __init__(self, table: VirtualTable) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VirtualTable:
            return self.table

    def __init__(self, ink: Ink, columns: Sequence[Column], cells: Cells, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._ink = ink
        self._columns = columns
        self._cells = cells
        self._count = 0
        self._cursor = 0
        self._laid: list[tuple[int, int, Column, int]] = []  # x, width, column, its number
        self._laid_for = -1
        self._painted: OrderedDict[int, Sequence[Run]] = OrderedDict()
        self._strips: OrderedDict[int, Strip] = OrderedDict()

    @property
    def cursor(self) -> int:
        return self._cursor

    @property
    def count(self) -> int:
        return self._count

    def take_ink(self, ink: Ink) -> None:
        self._ink = ink
        self.reset(self._count, cursor=self._cursor)

    def reset(self, count: int, *, cursor: int = 0) -> None:
        """Other rows from here on."""
        self._count = count
        self._strips.clear()
        self._painted.clear()
        self._cursor = max(0, min(cursor, count - 1))
        self.virtual_size = Size(self.size.width, count + 1)
        self._show_cursor()
        self.refresh()

    def select(self, row: int) -> None:
        """Puts the cursor on a row."""
        row = max(0, min(row, self._count - 1))
        if row == self._cursor or not self._count:
            return
        before, self._cursor = self._cursor, row
        for changed in (before, row):
            self._strips.pop(changed, None)
            self._refresh_row(changed, 0, self.size.width)
        self._show_cursor()
        self.post_message(self.Moved(self))

    def poll(self) -> None:
        """Repaints what reads differently now, among the rows in sight."""
        for row in self._in_sight():
            painted = self._painted.get(row)
            if painted is None:
                continue
            now = self._cells(row)
            changed = [at for at in self._laid if now[at[3]] != painted[at[3]]]
            if changed:
                self._strips.pop(row, None)
                self._refresh_row(row, changed[0][0], changed[-1][0] + changed[-1][1])

    def action_move(self, by: int) -> None:
        self.select(self._cursor + by)

    def action_page(self, by: int) -> None:
        self.select(self._cursor + by * max(1, self.size.height - 2))

    def action_end(self, side: int) -> None:
        self.select(0 if side < 0 else self._count - 1)

    def render_line(self, y: int) -> Strip:
        width = self.size.width - (self.scrollbar_size_vertical if self.show_vertical_scrollbar else 0)
        if self._laid_for != width:
            self._lay_out(width)
        if y == 0:
            return self._header(width)
        row = y - 1 + self.scroll_offset.y
        if row >= self._count:
            return Strip.blank(width, self._ink.ground)
        strip = self._strips.get(row)
        if strip is None:
            strip = self._strips[row] = self._row(row, width)
            if len(self._strips) > KEPT_STRIPS:
                gone, _ = self._strips.popitem(last=False)
                self._painted.pop(gone, None)
        else:
            self._strips.move_to_end(row)
        return strip

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, self._count + 1)
        self._show_cursor()

    def on_focus(self) -> None:
        self._refresh_row(self._cursor, 0, self.size.width)

    def on_click(self, event: events.Click) -> None:
        row = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or row >= self._count:
            return
        event.stop()
        if row == self._cursor and self.has_focus:
            self.post_message(self.Opened(self))
        else:
            self.focus()
            self.select(row)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self._wheel(WHEEL_ROWS)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self._wheel(-WHEEL_ROWS)

    def _wheel(self, by: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + by, animate=False, force=True)

    def _in_sight(self) -> range:
        first = self.scroll_offset.y
        return range(first, min(self._count, first + max(0, self.size.height - 1)))

    def _show_cursor(self) -> None:
        """Scrolls just so far that the cursor is in sight."""
        height = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self._cursor < top:
            top = self._cursor
        elif self._cursor >= top + height:
            top = self._cursor - height + 1
        self.scroll_to(y=top, animate=False, force=True, immediate=True)

    def _refresh_row(self, row: int, left: int, right: int) -> None:
        y = row - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(left, y, right - left, 1))

    def _lay_out(self, width: int) -> None:
        """Drops columns until the rest fits, then shares what is left among those that flex."""
        kept = list(enumerate(self._columns))
        while sum(c.width + 1 for _, c in kept) - 1 > width and any(c.drop for _, c in kept):
            kept.remove(max(kept, key=lambda numbered: numbered[1].drop))
        spare = max(0, width - (sum(c.width + 1 for _, c in kept) - 1))
        shares = sum(c.flex for _, c in kept)
        x, self._laid = 0, []
        for number, column in kept:
            extra = spare * column.flex // shares if shares else 0
            self._laid.append((x, column.width + extra, column, number))
            x += column.width + extra + 1
        self._laid_for = width
        self._strips.clear()

    def _header(self, width: int) -> Strip:
        canvas = Canvas(width, 1, plain=self._ink.plain)
        for x, cells, column, _ in self._laid:
            canvas.put(x, 0, column.title, "muted", width=cells, right=column.right)
        return self._ink.strip(canvas.chars[0], canvas.roles[0])

    def _row(self, row: int, width: int) -> Strip:
        canvas = Canvas(width, 1, plain=self._ink.plain)
        self._painted[row] = cells = self._cells(row)
        if row == self._cursor:
            canvas.roles[0] = ["text@"] * width
        for x, room, column, number in self._laid:
            text, role = cells[number]
            canvas.put(x, 0, text, f"{role}@" if row == self._cursor else role, width=room, right=column.right)
        return self._ink.strip(canvas.chars[0], canvas.roles[0])
