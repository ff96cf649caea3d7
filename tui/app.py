"""The terminal UI: one frame, places in it, dialogs above it that never cover line 0.

It looks and asks through `facility.port.Facility` alone, so it works the same in the agent's
process and over its socket. Leaving it changes nothing: control goes on.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import ClassVar, cast

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.screen import Screen, ScreenResultCallbackType
from textual.widgets import ContentSwitcher

from facility.port import Facility
from points.clock import Clock
from tui import keys
from tui.hands import Hands
from tui.model import Link, Picture
from tui.screens.acknowledge import ASKED
from tui.screens.alarms import AlarmsPlace
from tui.screens.audit import AuditPlace
from tui.screens.dialog import Dialog, R
from tui.screens.energy import EnergyPlace
from tui.screens.links import LinksPlace
from tui.screens.others import ConnectingPlace, HelpPlace, TooSmall, too_small
from tui.screens.overview import OverviewPlace
from tui.screens.palette import Answer, Palette
from tui.screens.place import Place
from tui.screens.point import PointPlace
from tui.screens.points import PointsPlace
from tui.screens.policies import PoliciesPlace
from tui.screens.schedules import SchedulesPlace
from tui.seat import Goto, Press, Seat
from tui.themes import (
    ANSI_THEMES,
    THEMES,
    Ink,
    ThemeName,
    choose_theme,
    needs_ascii,
    take_no_color,
    terminal_colors,
    textual_theme,
)
from tui.trail import Trail
from tui.widgets.frame import WIDE, Banner, KeyBar, NavLine, StatusStrip
from tui.widgets.pane import CanvasPane
from tui.widgets.table import VirtualTable

TICK = 0.25
"""Seconds between two looks at the picture: nothing is repainted more often."""
SAID = 5.0
"""Seconds a line in the key bar stays, if no key is pressed before."""
TWICE = 5.0
"""Seconds in which Ctrl+C is pressed again to leave."""
TALL = 30


class FacilityApp(App[int]):
    """Shows one facility to one person."""

    CSS_PATH = "facility.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = keys.bindings()

    def __init__(
        self,
        facility: Facility,
        *,
        theme: ThemeName = "dark",
        ascii: bool = False,  # noqa: A002 (the word people know)
        clock: Clock | None = None,
    ) -> None:
        # Textual picks its colour filters in __init__: an ANSI theme must be known by then, NO_COLOR gone
        take_no_color()
        super().__init__(ansi_color=theme in ANSI_THEMES)
        for name in THEMES:
            self.register_theme(textual_theme(name))
        self.theme = f"facility-{theme}"
        self.picture = Picture(facility, clock=clock)
        self.seat = Seat(facility=facility, picture=self.picture, ink=Ink(theme, plain=ascii), say=self.say)
        self.hands = Hands(self, self.seat)
        self._trail = Trail(Goto("overview"))
        self._seen = -1
        self._second = -1
        self._said_at = 0.0
        self._asked_to_leave = 0.0
        self._belled: set[str] = set()
        self._more = False
        self._shown = ""
        self._standing = False
        self._settled = False

    def compose(self) -> ComposeResult:
        seat = self.seat
        self.strip = StatusStrip(seat.ink, self.picture)
        self.nav = NavLine(seat.ink)
        self.banner = Banner(seat.ink, self.picture)
        self.keybar = KeyBar(seat.ink)
        self.small = TooSmall(seat)
        self.places: dict[str, Place] = {
            "overview": OverviewPlace(seat), "points": PointsPlace(seat), "point": PointPlace(seat),
            "alarms": AlarmsPlace(seat), "schedules": SchedulesPlace(seat), "links": LinksPlace(seat),
            "policies": PoliciesPlace(seat), "energy": EnergyPlace(seat),
            "audit": AuditPlace(seat), "help": HelpPlace(seat), "connecting": ConnectingPlace(seat),
        }  # fmt: skip
        yield self.strip
        yield self.nav
        yield self.banner
        with ContentSwitcher(id="body", initial="connecting"):
            yield from self.places.values()
        yield self.small
        yield self.keybar

    def on_mount(self) -> None:
        self._standing = True
        self.banner.display = False
        self.run_worker(self.picture.run(), group="picture")
        self.set_interval(TICK, self._tick)
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    # what is in sight

    @property
    def place(self) -> Place:
        """The place in sight."""
        if self.picture.link is Link.CONNECTING:
            return self.places["connecting"]
        return self.places[self._trail.here.place]

    async def on_event(self, event: events.Event) -> None:
        """Every key first takes away what the last one had to say; after `g` it is a place."""
        if isinstance(event, events.Key) and self.keybar.said:
            self.say("")
        if isinstance(event, events.Key) and self._more:
            self._more = False
            place = next((place for key, place, _ in keys.MORE if key == event.key), None)
            if place is not None:
                self.go(Goto(place, self.place.subject if self._trail.here.place == "point" else ""))
                return
        await super().on_event(event)

    def say(self, said: str) -> None:
        """One line in the key bar, for some seconds or until the next key."""
        self.keybar.said = said
        self._said_at = time.monotonic()
        self.keybar.redraw()

    def _tick(self) -> None:
        """Four times a second: does anything read differently now?"""
        second = int(self.picture.now.timestamp())
        if self.keybar.said and time.monotonic() - self._said_at > SAID:
            self.say("")
        if (self.picture.revision, second) == (self._seen, self._second):
            return
        self._seen, self._second = self.picture.revision, second
        if self.picture.news:
            self.say(self.picture.news)
            self.picture.news = ""
        if self.picture.live and not self._settled:
            # a full collection would walk every point and stop the screen for 0.4 s at 50 000 of them
            gc.collect()
            gc.freeze()
        self._settled = self.picture.live
        self._ring()
        self._arrange()

    def _arrange(self) -> None:
        """Puts the right place into the frame, and lets what is in sight redraw itself."""
        if not (self._standing and self.is_running):
            return  # not composed yet, or being taken down: a last tick may come between
        self._set_classes()
        small = too_small(self.size.width, self.size.height)
        for widget in (self.nav, self.keybar, self.query_one("#body")):
            widget.display = not small
        self.small.display = small
        lost = self.picture.link is Link.LOST
        self.banner.display = not small and (lost or bool(self.banner.words()))
        place = self.place
        if self._shown != place.id:
            self._shown = place.id or ""
            self.query_one("#body", ContentSwitcher).current = place.id
            if place.id != "connecting":
                place.arrive(self._trail.here.subject)
            if place.main is not None:
                self._base.set_focus(place.main)
        self.nav.here = self._trail.here.place
        self.keybar.hints = self.hints()
        place.show()
        if isinstance(self.screen, Dialog):
            self.screen.show()
        for pane in (self.strip, self.nav, self.banner, self.keybar, self.small):
            pane.redraw()

    @property
    def _base(self) -> Screen[object]:
        return self.screen_stack[0]

    def _set_classes(self) -> None:
        for screen in self.screen_stack:
            screen.set_class(self.size.width >= WIDE, "-wide")
            screen.set_class(self.size.height >= TALL, "-roomy")

    def _ring(self) -> None:
        """Once for each new LIFE or CRIT."""
        new = {a.id for a in self.picture.alarms() if a.severity in ASKED and a.acknowledged is None}
        if new - self._belled and self.picture.live:
            self.bell()
        self._belled = new

    def hints(self) -> list[keys.Verb]:
        """The verbs that work here and now."""
        lost = not self.picture.live
        known = [verb for verb in keys.VERBS if verb.action in self.place.doable]
        able = [verb for verb in known if not verb.needs or not self.picture.may_not(verb.needs)]
        return [verb for verb in able if not (verb.asks and lost)]

    # going about

    def go(self, goto: Goto) -> None:
        """Goes there and remembers the way."""
        here = self._trail.here
        self._trail.go(goto, left=Goto(here.place, self.place.subject or here.subject))
        self._arrive()

    def _step(self, by: int) -> None:
        if self._trail.move(by):
            self._arrive()

    def _arrive(self) -> None:
        self._shown = ""
        self._arrange()

    @on(Place.Go)
    def _place_wants(self, event: Place.Go) -> None:
        self.go(event.goto)

    @on(Place.Asks)
    def _place_asks(self, event: Place.Asks) -> None:
        self.open_dialog(event.dialog, event.answered)

    @on(CanvasPane.Opened)
    async def _spot_opened(self, event: CanvasPane.Opened) -> None:
        match event.target:
            case Goto():
                self.go(event.target)
            case Press(action=action):
                await self.run_action(action)

    def action_go(self, place: str) -> None:
        self.go(Goto(place, "" if place == "alarms" else self.places[place].subject))

    def action_more(self) -> None:
        """The next key is one of `keys.MORE`."""
        if self.picture.link is not Link.CONNECTING:
            self._more = True
            self.say(" ".join(f"g {key} {long}" for key, _, long in keys.MORE))

    def action_go_back(self) -> None:
        self._step(-1)

    def action_go_forward(self) -> None:
        self._step(1)

    def action_step_out(self) -> None:
        """Esc: out of help, out of the filter, back to where one came from."""
        if self._trail.here.place == "help":
            self._step(0)
        elif not self.place.step_out():
            self.action_go_back()

    def action_help(self) -> None:
        verbs, here = self.hints(), self._trail.here.place
        if here != "help":
            self.go(Goto("help"))
            cast(HelpPlace, self.places["help"]).about(here, verbs)

    def action_worst(self) -> None:
        """The worst alarm that nobody has acknowledged."""
        alarms = [alarm for alarm in self.picture.alarms() if alarm.acknowledged is None]
        if alarms:
            self.go(Goto("alarms", alarms[0].id))
        else:
            self.say("every standing alarm is acknowledged")

    def action_palette(self) -> None:
        if self.picture.link is not Link.CONNECTING:
            self.open_dialog(Palette(self.seat, self.place.point), self._chosen)

    def open_dialog(self, dialog: Dialog[R], answered: ScreenResultCallbackType[R | None]) -> None:
        """Puts a dialog over everything but line 0."""
        self.push_screen(dialog, answered)
        self._set_classes()

    async def _chosen(self, answer: Answer | None) -> None:
        match answer:
            case Goto():
                self.go(answer)
            case Press(action=action):
                await self.run_action(action)

    # what places do themselves

    def _pass_on(self, verb: str) -> None:
        if verb in self.place.doable:
            getattr(self.place, verb)()

    def action_open(self) -> None:
        self._pass_on("open")

    def action_filter(self) -> None:
        if "filter" not in self.place.doable and self.picture.link is not Link.CONNECTING:
            self.action_go("points")
        self._pass_on("filter")

    def action_sort(self) -> None:
        self._pass_on("sort")

    def action_time_range(self) -> None:
        self._pass_on("time_range")

    def action_meter(self) -> None:
        self._pass_on("meter")

    def action_make_anew(self) -> None:
        self._pass_on("make_anew")

    def action_slots(self) -> None:
        self._pass_on("slots")

    async def action_whichever(self, actions: str) -> None:
        """The one of them that the place in sight knows; else the first."""
        known = [action for action in actions.split() if action in self.place.doable]
        await self.run_action((known or actions.split())[0])

    def action_next_tab(self, by: int = 1) -> None:
        if isinstance(self.place, SchedulesPlace | EnergyPlace):
            self.place.next_tab(by)

    def action_differences(self) -> None:
        self._pass_on("differences")

    def action_guard(self) -> None:
        self._pass_on("guard")

    def action_undo(self) -> None:
        self._pass_on("undo")

    def action_edit(self) -> None:
        self._allowed("edit", "command")

    def action_rehearse(self) -> None:
        self._allowed("rehearse", "command")

    def action_announce(self) -> None:
        self._allowed("announce", "command")

    def action_save(self) -> None:
        self._allowed("save", "configure")

    def _allowed(self, verb: str, needs: str) -> None:
        """As `_pass_on`; who may not learns why."""
        why = self.picture.may_not(needs)
        if verb in self.place.doable and why:
            self.say(why)
        else:
            self._pass_on(verb)

    # what the agent is asked for

    def action_why(self) -> None:
        if self._trail.here.place == "point":
            self._pass_on("why")
        elif self.place.point is not None:
            self.go(Goto("point", self.place.point))
            self._pass_on("why")

    def action_override(self) -> None:
        self.hands.command(self.place.point, release=False)

    def action_release(self) -> None:
        self.hands.command(self.place.point, release=True)

    def action_command(self, point: str, verb: str) -> None:
        """The same, as the palette says it."""
        self.hands.command(point, release=verb == "release")

    def action_second(self, request: str) -> None:
        """Opens what waits for a second person."""
        self.hands.second(request)

    def action_acknowledge(self) -> None:
        self.hands.acknowledge(getattr(self.place, "alarm", None))

    def action_approve(self) -> None:
        self.hands.approve(getattr(self.place, "chosen", None) if "approve" in self.place.doable else None)

    def action_verify(self) -> None:
        self._pass_on("verify")

    def action_read_now(self) -> None:
        if self.place.point is not None and "read_now" in self.place.doable:
            self.hands.read_now(self.place.point)

    def action_copy(self) -> None:
        if self.place.point is not None and "copy" in self.place.doable:
            self.copy_to_clipboard(self.place.point)
            self.say(f"copied {self.place.point}")

    # the screen itself

    def action_theme(self) -> None:
        """The next of the colour themes; the plain ones are chosen at the start."""
        now = self.seat.ink.theme
        if now in ANSI_THEMES:
            self.say(f"theme {now} was chosen at the start: --theme changes it")
            return
        bright = [name for name in THEMES if name not in ANSI_THEMES]
        self.action_theme_named(bright[(bright.index(now) + 1) % len(bright)])

    def action_theme_named(self, name: ThemeName) -> None:
        if (name in ANSI_THEMES) != (self.seat.ink.theme in ANSI_THEMES):
            self.say(f"start with --theme {name}: a terminal's own colours are chosen at the start")
            return
        self.seat.ink = Ink(name, plain=self.seat.ink.plain)
        self.theme = f"facility-{name}"
        for screen in self.screen_stack:
            for pane in screen.query(CanvasPane):
                pane.take_ink(self.seat.ink)
            for table in screen.query(VirtualTable):
                table.take_ink(self.seat.ink)
        self.say(f"theme {name}")

    def action_repaint(self) -> None:
        self.refresh(layout=True)

    def action_leave(self) -> None:
        self.exit(0)

    def action_ask_leave(self) -> None:
        if time.monotonic() - self._asked_to_leave < TWICE:
            self.exit(0)
        else:
            self._asked_to_leave = time.monotonic()
            self.say("Leave? Control goes on. Ctrl+C again leaves.")


def run_app(
    facility: Facility,
    *,
    theme: str | None = None,
    ascii: bool = False,  # noqa: A002 (the word people know)
    mouse: bool = True,
) -> int:
    """Runs the terminal UI until the person leaves. The exit code."""
    return asyncio.run(run_app_async(facility, theme=theme, ascii=ascii, mouse=mouse))


async def run_app_async(
    facility: Facility,
    *,
    theme: str | None = None,
    ascii: bool = False,  # noqa: A002 (the word people know)
    mouse: bool = True,
) -> int:
    """The same inside a running loop. A facility that has a connection to close is closed at the end."""
    chosen = choose_theme(theme, os.environ, terminal_colors())
    plain = ascii or needs_ascii(os.environ)
    async with AsyncExitStack() as opened:
        if isinstance(facility, AbstractAsyncContextManager):
            await opened.enter_async_context(facility)
        return await FacilityApp(facility, theme=chosen, ascii=plain).run_async(mouse=mouse) or 0
