"""The frame around every place: status strip, navigation, banner, key bar.

The strip is line 0 and nothing covers it: the alarm lamps stay in sight on every screen and
above every dialog. While the agent is lost it says as of when the counts are.
"""

from __future__ import annotations

from collections.abc import Sequence

from facility.wire import Link as WireLink
from facility.wire import Overview
from tui import text
from tui.canvas import Canvas, Run
from tui.keys import MORE, PLACES, Verb
from tui.model import SILENT, Link, Picture
from tui.seat import Goto, Press
from tui.themes import Ink
from tui.widgets.pane import CanvasPane

WIDE = 120
STRIP_LINKS = ("bacnet", "mqtt", "database", "history", "clock")


class StatusStrip(CanvasPane):
    """Site, lamps, spaces unknown, links (those not ok first), the agent's time, user and role."""

    def __init__(self, ink: Ink, picture: Picture) -> None:
        super().__init__(ink, id="strip")
        self._picture = picture

    def draw(self, canvas: Canvas) -> None:
        picture, wide = self._picture, canvas.width >= WIDE
        right = _who(picture, wide=wide)
        limit = canvas.width - len(right) - 2
        hello = picture.hello
        site = "" if hello is None else (hello.site_name if wide else hello.site.upper()[:12])
        x = canvas.put(1, 0, text.fit(site or "facility", 30), "title")
        overview = picture.overview
        if overview is not None:
            x = self._lamps(canvas, x + 1, overview)
            for word, role in _links(picture, overview, wide=wide):
                if x + len(word) + 2 <= limit:
                    x = canvas.put(x + 2, 0, word, role)
        canvas.put(canvas.width - len(right) - 1, 0, right)
        canvas.bar(0)

    def _lamps(self, canvas: Canvas, x: int, overview: Overview) -> int:
        """Not acknowledged / standing; filled while anything is not acknowledged."""
        for level in text.LEVELS:
            state = overview.lamps.get(level)  # type: ignore[call-overload] # LEVELS are the keys of lamps
            if state is None or (level == "LIFE" and not state.new and not state.standing):
                continue
            colour = {"LIFE": "crit", "HIGH": "high", "CRIT": "crit"}.get(level, "low")
            role = f"{colour}_fill" if state.new else colour if state.standing else "text"
            word = f" {text.lamp(level, state)} "
            canvas.spot(x, 0, len(word), Goto("alarms", level))
            x = canvas.put(x, 0, word, role if self._picture.live else _faded(role))
        if overview.spaces_unknown:
            x = canvas.put(x, 0, f" ?{overview.spaces_unknown} ", "unk_fill")
        return x


class NavLine(CanvasPane):
    """The places that exist, with their keys."""

    def __init__(self, ink: Ink) -> None:
        super().__init__(ink, id="nav")
        self.here = "overview"

    def draw(self, canvas: Canvas) -> None:
        wide, x = canvas.width >= WIDE, 0
        here = "points" if self.here == "point" else self.here
        for key, place, long, short in PLACES:
            start, name = x, f"{long if wide else short} "
            on = place == here
            x = canvas.put(x, 0, f" {key}", "nav" if on else "key")
            x = canvas.put(x, 0, f" {name}" if wide else name, "nav" if on else "muted")
            canvas.spot(start, 0, x - start, Goto(place))
        for place, name in (("help", "Help"), *((place, f"g {key} {name}") for key, place, name in MORE)):
            if here == place:
                canvas.put(x, 0, f" {name} ", "nav")


class Banner(CanvasPane):
    """The worst thing that limits what this screen can be trusted for, in one line; nothing else stands here."""

    def __init__(self, ink: Ink, picture: Picture) -> None:
        super().__init__(ink, id="banner")
        self._picture = picture

    def words(self) -> list[str]:
        """What there is to say, worst first. Empty: no banner."""
        picture = self._picture
        said = list(picture.overview.banners) if picture.overview else []
        said += [
            f"SECOND PERSON needed by {request.by} until {text.clock(request.until, picture.zone)}: {request.what}"
            for request in picture.asked
            if request.may_second
        ]
        if picture.hello and picture.hello.pretend and not any("PRETEND" in banner for banner in said):
            said.append("PRETEND HOSPITAL (demo): no real building is shown or moved")
        return said

    def draw(self, canvas: Canvas) -> None:
        picture = self._picture
        if picture.link is Link.LOST:
            canvas.roles[0] = ["crit_fill"] * canvas.width
            canvas.put(0, 0, lost_words(picture, wide=canvas.width >= WIDE), "crit_fill", width=canvas.width)
            return
        words = self.words()
        if words:
            more = f"  +{len(words) - 1}" if len(words) > 1 else ""
            pretend = words[0].startswith("PRETEND")
            role = "low_fill" if pretend else "high_fill"
            canvas.roles[0] = [role] * canvas.width
            canvas.put(0, 0, f" {text.fit(words[0], canvas.width - len(more) - 2)}{more}", role, width=canvas.width)


class KeyBar(CanvasPane):
    """What the keys do here, or one line somebody had to say. A click on a hint presses it."""

    def __init__(self, ink: Ink) -> None:
        super().__init__(ink, id="keybar")
        self.hints: Sequence[Verb] = ()
        self.said = ""

    def draw(self, canvas: Canvas) -> None:
        right: list[tuple[str, str, str]] = [(":", "jump", "palette"), ("?", "help", "help"), ("^Q", "leave", "leave")]
        room = sum(len(key) + len(word) + 3 for key, word, _ in right)
        limit = canvas.width - room - 1
        if self.said:
            canvas.put(1, 0, self.said, "strong", width=limit - 1)
        else:
            x = 1
            for verb in self.hints:
                if x + len(verb.shown) + len(verb.short) + 2 > limit:
                    break
                x = self._hint(canvas, x, verb.shown, verb.short, verb.action)
        x = limit
        for key, word, action in right:
            x = self._hint(canvas, x, key, word, action)
        canvas.bar(0)

    def _hint(self, canvas: Canvas, x: int, key: str, word: str, action: str) -> int:
        canvas.spot(x, 0, len(key) + len(word) + 1, Press(action))
        return canvas.put(canvas.put(x, 0, key, "key") + 1, 0, word) + 2


def lost_words(picture: Picture, *, wide: bool) -> str:
    """The red line: since when, what is off, when the next attempt is. Control may well go on without a screen."""
    at = text.clock(picture.lost_at, picture.zone, seconds=True) if picture.lost_at else "?"
    silent = f", {SILENT}" if SILENT in picture.trouble else ""
    if wide:
        old = text.since(picture.lost_at, picture.now)
        return (
            f" NO AGENT since {at}{silent}. Values are {old} OLD. Commands are off. Control may still run."
            f" Local panels!  Trying again {picture.again}."
        )
    if silent:
        return f" NO AGENT since {at}{silent}. Values OLD. Commands off. Again {picture.again}"
    return f" NO AGENT since {at}. Values are OLD. Commands off. Trying again {picture.again}."


def _faded(role: str) -> str:
    """A lamp of a lost agent: its count is what it was, its colour is that of not knowing."""
    return "unk" if role != "text" else role


def _who(picture: Picture, *, wide: bool) -> str:
    hello = picture.hello
    if hello is None:
        return "no agent yet"
    user = f"{hello.user} · {hello.role}" if wide else f"{hello.user[:10]}·{hello.role[:2]}"
    if picture.link is Link.LOST and picture.lost_at is not None:
        at = text.clock(picture.lost_at, picture.zone, seconds=wide)
        return f"values as of {at}   {user}" if wide else f"as of {at} {user}"
    now = (picture.heard_at or picture.now).astimezone(picture.zone)
    return f"{now:%a} {now.day} {now:%b %H:%M:%S}   {user}" if wide else f"{now:%H:%M:%S} {user}"


def _links(picture: Picture, overview: Overview, *, wide: bool) -> list[Run]:
    if picture.link is Link.LOST:
        return [(f"agent LOST {text.since(picture.lost_at, picture.now)}", "unk")] if wide else []
    troubled: list[Run] = [
        (_link_word(link, overview), "high" if link.state == "degraded" else "crit")
        for link in overview.links
        if link.state in ("degraded", "down")
    ]
    well: list[Run] = [("agent ok", "muted")]
    well += [
        (_link_word(link, overview), "muted")
        for link in overview.links
        if link.state in ("ok", "off") and link.name in STRIP_LINKS
    ]
    return troubled + well if wide else troubled


def _link_word(link: WireLink, overview: Overview) -> str:
    if link.name == "bacnet":
        return f"BACnet {overview.devices_online}/{overview.devices_total}"
    return text.link_word(link)
