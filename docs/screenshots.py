"""Makes the pictures of README.md from the running demo: `make screenshots`.

The real thing: the simulated hospital, the agent in its own process, and `facility tui` in a
pseudo-terminal, driven by its own keys; a terminal emulator holds what it painted, which is drawn cell by cell.
Needs DejaVu Sans Mono (Debian: fonts-dejavu-core).
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bench.tui import Terminal, terminal
from facility.client import RemoteFacility
from facility.demo.play import DemoOptions, staged
from facility.wire import Wish

FOLDER = Path(__file__).parent / "screenshots"
FONTS = Path("/usr/share/fonts/truetype/dejavu")
FONT_SIZE = 16
COLUMNS, LINES = 140, 40
INK, PAPER = "#c3c9cf", "#121416"
HELD = "vav-2-01/htg-sp"
STORY_S = 215.0  # until the alarm of the measured pressure has passed its delay too
PAINTED_S = 2.0
REHEARSED_S = 20.0  # a week of the whole building, twice

SHOTS = (
    ("overview", b"1"),
    ("points", b"4/or-2\r"),
    ("alarms", b"5"),
    ("policies", b"7"),
    ("schedules", b"6"),
    ("calendar", b"\tllll"),
    ("rehearsal", b"e09:00 occupied, 12:00 unoccupied\rR"),
    ("links", b"0"),
    ("point", b"4/" + HELD.encode() + b"\r\r"),
    ("override", b"o20"),
    ("preview", b"\t\t1\r"),
    ("audit", b"\x1b1gaV"),
)


async def take() -> None:
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        options = DemoOptions(
            headless=True,
            seconds=None,
            scenario="or-pressure",
            speed=4.0,
            churn=0,
            mqtt=None,
            state=Path(state),
            theme=None,
            ascii=False,
        )
        async with staged(options) as stage, RemoteFacility(stage.socket) as facility:
            await asyncio.sleep(STORY_S)
            plan = await facility.preview(Wish(point=HELD, value=19.5, minutes=120, reason="complaint in office 201"))
            await facility.commit(plan.id)
            await asyncio.to_thread(_shoot, stage.socket)


def _shoot(socket: Path) -> None:
    with terminal(["-m", "facility", "tui", "--socket", str(socket)], COLUMNS, LINES) as shown:
        shown.wait_for("Spaces by criticality")
        for name, keys in SHOTS:
            for key in keys:
                shown.press(bytes([key]))
            shown.watch(REHEARSED_S if name == "rehearsal" else PAINTED_S)
            _draw(shown, FOLDER / f"{name}.png")


def _draw(shown: Terminal, path: Path) -> None:
    plain = ImageFont.truetype(FONTS / "DejaVuSansMono.ttf", FONT_SIZE)
    bold = ImageFont.truetype(FONTS / "DejaVuSansMono-Bold.ttf", FONT_SIZE)
    dots = ImageFont.truetype(FONTS / "DejaVuSans.ttf", FONT_SIZE)  # the only one of them with braille
    width, height = round(plain.getlength("M")), FONT_SIZE + 4
    picture = Image.new("RGB", (COLUMNS * width, LINES * height), PAPER)
    pen = ImageDraw.Draw(picture)
    for y in range(LINES):
        for x in range(COLUMNS):
            cell = shown.screen.buffer[y][x]
            ink, paper = _colour(cell.fg, INK), _colour(cell.bg, PAPER)
            if cell.reverse:
                ink, paper = paper, ink
            pen.rectangle((x * width, y * height, (x + 1) * width - 1, (y + 1) * height - 1), fill=paper)
            font = dots if "\u2800" <= cell.data <= "\u28ff" else bold if cell.bold else plain
            pen.text((x * width, y * height), cell.data, font=font, fill=ink)
    picture.quantize(128).save(path, optimize=True)


def _colour(named: str, default: str) -> str:
    """Pyte gives "default", a colour's name, or six hexadecimal digits."""
    if named == "default":
        return default
    return f"#{named}" if len(named) == 6 and all(digit in "0123456789abcdef" for digit in named) else named


if __name__ == "__main__":
    asyncio.run(take())
