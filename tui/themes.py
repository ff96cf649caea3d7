"""One table, role -> style, per theme. Widgets name roles and never colours.

Five themes from one set of roles: what is drawn once is readable in all of them. The theme is
chosen before `App.__init__`, because Textual picks its colour filters there: an ANSI theme set
later under NO_COLOR would turn every colour into black.
"""

from __future__ import annotations

import contextlib
import curses
import locale
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Literal, get_args

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.theme import BUILTIN_THEMES, Theme

ThemeName = Literal["dark", "light", "contrast", "16", "mono"]
THEMES: tuple[ThemeName, ...] = get_args(ThemeName)
ANSI_THEMES = ("16", "mono")
LEGIBLE = 4.5
"""The contrast below which a loud word on the cursor row is drawn as a chip (WCAG AA)."""

ROLES = (
    "text", "strong", "muted", "faint", "title", "key", "bar", "nav", "cursor", "line", "limit",
    "crit", "crit_fill", "high", "high_fill", "low", "low_fill", "unk", "unk_fill", "hand", "hand_fill",
)  # fmt: skip

TABLE: Mapping[ThemeName, Mapping[str, str]] = {
    "dark": {
        "ground": "#c3c9cf on #14181b", "strong": "bold #e8ecef", "muted": "#8b949b", "faint": "#5d666d",
        "title": "bold #a8bccd", "key": "bold #e8ecef", "bar": "#c3c9cf on #1d2327", "nav": "bold #ffffff on #2d4a63",
        "cursor": "#ffffff on #2d4a63", "line": "#59636b", "limit": "#a98235",
        "crit": "bold #ff6a6a", "crit_fill": "bold #ffffff on #c8232c", "high": "#f2a33a",
        "high_fill": "bold #14181b on #d88a1c", "low": "#7fc0d0", "low_fill": "#ffffff on #2f6f80",
        "unk": "#c99bf0", "unk_fill": "bold #ffffff on #7d4aa8", "hand": "#78aefc",
        "hand_fill": "bold #ffffff on #2f62ad",
    },
    "light": {
        "ground": "#22282d on #d3d7da", "strong": "bold #0e1316", "muted": "#4d565d", "faint": "#7b848b",
        "title": "bold #274964", "key": "bold #0e1316", "bar": "#22282d on #c3c9cd", "nav": "bold #ffffff on #274f6e",
        "cursor": "#ffffff on #274f6e", "line": "#848d94", "limit": "#7a5200",
        "crit": "bold #a50d18", "crit_fill": "bold #ffffff on #b81824", "high": "#7a4300",
        "high_fill": "bold #14181b on #e08f1a", "low": "#155566", "low_fill": "#ffffff on #1f6274",
        "unk": "#642a98", "unk_fill": "bold #ffffff on #6d3a9a", "hand": "#184a94",
        "hand_fill": "bold #ffffff on #2458a6",
    },
    "contrast": {
        "ground": "#ffffff on #000000", "strong": "bold #ffff00", "muted": "#d0d0d0", "faint": "#a0a0a0",
        "title": "bold #ffffff", "key": "bold #ffff00", "bar": "#ffffff on #000000", "nav": "bold #000000 on #ffff00",
        "cursor": "bold #000000 on #ffff00", "line": "#b0b0b0", "limit": "#ffb000",
        "crit": "bold #ff8080", "crit_fill": "bold #ffffff on #c00000", "high": "#ffb84d",
        "high_fill": "bold #000000 on #ffb000", "low": "#80d8ff", "low_fill": "#000000 on #80d8ff",
        "unk": "#ff9cff", "unk_fill": "bold #ffffff on #a000a0", "hand": "#9cc4ff",
        "hand_fill": "bold #000000 on #9cc4ff",
    },
    # yellow, cyan and bright text vanish on white terminals: here they are grounds only
    "16": {
        "ground": "default", "strong": "bold", "muted": "default", "faint": "dim", "title": "bold", "key": "bold",
        "bar": "default", "nav": "reverse", "cursor": "reverse", "line": "dim", "limit": "default",
        "crit": "bold red", "crit_fill": "bold white on red", "high": "black on yellow", "high_fill": "black on yellow",
        "low": "bold", "low_fill": "black on cyan", "unk": "white on magenta", "unk_fill": "white on magenta",
        "hand": "white on blue", "hand_fill": "white on blue",
    },
    "mono": {
        "ground": "default", "strong": "bold", "muted": "default", "faint": "default", "title": "bold", "key": "bold",
        "bar": "default", "nav": "reverse", "cursor": "reverse", "line": "default", "limit": "default",
        "crit": "bold", "crit_fill": "bold reverse", "high": "bold", "high_fill": "reverse", "low": "default",
        "low_fill": "reverse", "unk": "underline", "unk_fill": "reverse", "hand": "underline", "hand_fill": "reverse",
    },
}  # fmt: skip


class _Ascii(dict[int, str]):
    """Every character has a plain one of the same width; what nobody thought of becomes an underscore."""

    def __missing__(self, code: int) -> str:
        if code < 0x80:
            plain = chr(code)
        elif 0x2800 <= code <= 0x28FF:  # braille
            plain = " " if code == 0x2800 else "*"
        else:
            plain = "_"
        self[code] = plain
        return plain


_PLAIN = {
    "-": "─━╌–−↔", "|": "│┃", "+": "┌┐└┘├┤┬┴┼┫┣", ".": "·…", "<": "◄←≤", ">": "▸→≥", "v": "▼↓", "^": "▲↑",
    "2": "²₂", "3": "³", "u": "µμ", '"': "“”", "'": "’", "x": "×", "#": "█▓▇▆", "%": "▒", ":": "░", "_": "▁▂",
    "=": "▃▄▅",
}  # fmt: skip
ASCII = _Ascii({ord(drawn): plain for plain, all_drawn in _PLAIN.items() for drawn in all_drawn})


class Ink:
    """Turns what was drawn (characters and roles) into strips, for one theme and one set of glyphs."""

    def __init__(self, theme: ThemeName, *, plain: bool) -> None:
        table = TABLE[theme]
        self.theme = theme
        self.plain = plain
        self.ground = Style.parse(table["ground"])
        self._styles = {role: self.ground + Style.parse(table.get(role, "")) for role in ROLES}
        cursor = self._styles["cursor"]
        for role in ROLES:
            self._styles[f"{role}@"] = self._on_cursor(role, cursor)
            self._styles[f"{role}="] = self._on_bar(role)

    def style(self, role: str) -> Style:
        return self._styles[role]

    def strip(self, chars: Sequence[str], roles: Sequence[str]) -> Strip:
        """One line. Neighbouring cells of one role become one segment."""
        segments: list[Segment] = []
        start, width = 0, len(chars)
        for x in range(1, width + 1):
            if x == width or roles[x] != roles[start]:
                text = "".join(chars[start:x])
                segments.append(Segment(text.translate(ASCII) if self.plain else text, self._styles[roles[start]]))
                start = x
        return Strip(segments, width)

    def _on_cursor(self, role: str, cursor: Style) -> Style:
        style = self._styles[role]
        if self.theme in ANSI_THEMES:
            return cursor + Style(bold=style.bold, underline=style.underline)
        if role.endswith("_fill"):
            return style
        loud = role in ("crit", "high", "low", "unk", "hand")
        if loud and contrast(style, cursor) < LEGIBLE:
            return self._styles[f"{role}_fill"]
        return Style(color=style.color, bgcolor=cursor.bgcolor, bold=style.bold) if loud else cursor

    def _on_bar(self, role: str) -> Style:
        """The same word on the ground of the status strip and the key bar."""
        style, bar = self._styles[role], self._styles["bar"]
        own_ground = role.endswith("_fill") or role == "nav" or style.bgcolor != self.ground.bgcolor
        return style if own_ground else style + Style(bgcolor=bar.bgcolor)


def contrast(style: Style, ground: Style) -> float:
    """WCAG contrast of a style's text on another style's ground."""
    if style.color is None or ground.bgcolor is None:
        return 21.0
    light, dark = sorted(
        (_luminance(*style.color.get_truecolor()), _luminance(*ground.bgcolor.get_truecolor())), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def _luminance(red: int, green: int, blue: int) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.03928 else float(((part + 0.055) / 1.055) ** 2.4)

    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)


@lru_cache
def textual_theme(name: ThemeName) -> Theme:
    """The same theme for the few things Textual draws itself: inputs and scroll bars."""
    if name in ANSI_THEMES:
        plain = "ansi_default"
        return Theme(
            name=f"facility-{name}", ansi=True, primary=plain, foreground=plain, background=plain, surface=plain,
            panel=plain, boost=plain,
            variables=BUILTIN_THEMES["ansi-dark"].variables
            | {"bar": plain, "thumb": plain, "entry": plain, "entry-text": plain, "edge": plain},
        )  # fmt: skip
    styles = {role: Style.parse(text) for role, text in TABLE[name].items()}

    def of(role: str, *, ground: bool = False) -> str:
        color = styles[role].bgcolor if ground else styles[role].color
        return color.get_truecolor().hex if color else "#000000"

    return Theme(
        name=f"facility-{name}", dark=name != "light", primary=of("cursor", ground=True), foreground=of("ground"),
        background=of("ground", ground=True), surface=of("ground", ground=True), panel=of("bar", ground=True),
        variables={
            "bar": of("bar", ground=True), "thumb": of("line"), "entry": of("cursor", ground=True),
            "entry-text": of("cursor"), "edge": of("line"),
        },
    )  # fmt: skip


def choose_theme(asked: str | None, environment: Mapping[str, str], colors: int) -> ThemeName:
    """The wish, then NO_COLOR, then what the terminal can do."""
    for name in THEMES:
        if asked == name:
            return name
    if environment.get("NO_COLOR"):
        return "mono"
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") or colors >= 256:
        return "dark"
    return "mono" if colors < 8 else "16"


def terminal_colors() -> int:
    """What terminfo says of this terminal; 0 where it says nothing."""
    with contextlib.suppress(curses.error, ValueError, OSError):
        curses.setupterm(fd=sys.__stdout__.fileno() if sys.__stdout__ else 1)
        return max(0, curses.tigetnum("colors"))
    return 0


def needs_ascii(environment: Mapping[str, str]) -> bool:
    """Whether the locale or the terminal cannot show braille and box characters."""
    encoding = locale.getpreferredencoding(do_setlocale=False).replace("-", "").lower()
    return encoding != "utf8" or environment.get("TERM") in ("linux", "vt100", "vt220", "dumb")


def take_no_color() -> None:
    """Removes NO_COLOR once the theme honours it: Textual's own filter would blacken an ANSI theme."""
    os.environ.pop("NO_COLOR", None)
