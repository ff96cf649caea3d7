"""A pilot's eyes: what the screen says, and waiting until it says it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fake_facility import FakeFacility, StandingClock
from textual.pilot import Pilot

from tui.app import FacilityApp
from tui.screens.command import DEAD_TIME, CommandDialog
from tui.themes import ThemeName

SNAPSHOTS = Path(__file__).parent / "snapshots"
SMALL, LARGE = (80, 24), (140, 40)


def seen(app: FacilityApp) -> str:
    """All of the screen as text, dialogs on top."""
    update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
    lines = ["".join(strip.text for strip in line).rstrip() for line in update.strips]
    return "\n".join(lines) + "\n"


class Watch:
    """An app that runs, its facility, its clock."""

    def __init__(self, app: FacilityApp, pilot: Pilot[int], facility: FakeFacility, clock: StandingClock) -> None:
        self.app, self.pilot, self.facility, self.clock = app, pilot, facility, clock

    @property
    def text(self) -> str:
        return seen(self.app)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.look()

    def dead_time_passes(self) -> None:
        """From here on `Y` is no key that was held too long."""
        dialog = self.app.screen
        assert isinstance(dialog, CommandDialog)
        dialog._previewed -= DEAD_TIME

    async def look(self) -> None:
        self.app._seen = -1
        self.app._tick()
        await self.pilot.pause()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.look()
                await asyncio.sleep(0.01)
        await self.look()

    async def until_seen(self, *words: str) -> None:
        try:
            await self.until(lambda: all(word in self.text for word in words))
        except TimeoutError:
            raise AssertionError(f"never saw {words} in\n{self.text}") from None


@asynccontextmanager
async def watching(
    facility: FakeFacility | None = None, size: tuple[int, int] = SMALL, *, theme: ThemeName = "dark",
    plain: bool = False, complete: bool = True,
) -> AsyncIterator[Watch]:  # fmt: skip
    facility = facility or FakeFacility()
    clock = facility.clock
    app = FacilityApp(facility, theme=theme, ascii=plain, clock=clock)
    async with app.run_test(size=size) as pilot:
        watch = Watch(app, pilot, facility, clock)
        if complete:
            await watch.until(lambda: app.picture.live)
        yield watch


def assert_snapshot(name: str, text: str) -> None:
    """Compares with the stored text; `UPDATE_SNAPSHOTS=1` stores it."""
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text)
    assert path.exists(), f"no snapshot {name}: UPDATE_SNAPSHOTS=1 makes it"
    assert text == path.read_text()
