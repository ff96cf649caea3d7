"""How the terminal UI behaves in a real terminal: `python -m bench.tui [--points N] [--rate N] [--size WxH]`.

A child process shows a pretend facility in a pseudo-terminal while values change; this process
presses keys and reads what is painted with a terminal emulator. Prints figures, asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte

QUIET = 0.04
"""Seconds without a byte after which a repaint counts as finished."""
TICKS = os.sysconf("SC_CLK_TCK")


async def child(points: int, rate: int, report: Path) -> None:
    """The UI over a pretend facility, with a task that measures how late the loop is."""
    from tests.tui.fake_facility import NOW, FakeFacility  # noqa: PLC0415 (only the child needs it)
    from tui.app import run_app_async  # noqa: PLC0415

    facility = FakeFacility(extra=points)
    ids = list(facility.readings)
    lags: list[float] = []
    started = time.perf_counter()

    async def change() -> None:
        turn, share = 0, rate // 4
        while True:
            await asyncio.sleep(0.25)
            facility.clock.pass_time(time.perf_counter() - started - (facility.now - NOW).total_seconds())
            now = facility.now
            some = [facility.readings[ids[(turn * share + i) % len(ids)]] for i in range(share)]
            fresh = {"time": now, "at": now}
            facility.push(
                values=[old.model_copy(update={"value": 20.0 + (turn + i) % 9, **fresh}) for i, old in enumerate(some)]
            )
            turn += 1

    async def lag() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            lags.append(time.perf_counter() - before - 0.01)

    tasks = [asyncio.create_task(change()), asyncio.create_task(lag())]
    await run_app_async(facility, theme="dark", ascii=False)
    for task in tasks:
        task.cancel()
    late = sorted(lags)
    figures = {"median": statistics.median(late), "p99": late[len(late) * 99 // 100], "worst": late[-1]}
    report.write_text(json.dumps(figures))  # noqa: ASYNC240 (nothing else runs any more)


class Terminal:
    """A child in a pseudo-terminal, and what it has painted."""

    def __init__(self, pid: int, fd: int, columns: int, lines: int) -> None:
        self.pid, self._fd = pid, fd
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)

    def read(self, timeout: float) -> int:
        """Bytes that came within `timeout`; 0 if none did."""
        if not select.select([self._fd], [], [], timeout)[0]:
            return 0
        try:
            painted = os.read(self._fd, 1 << 16)
        except OSError:
            return 0
        self._stream.feed(painted)
        return len(painted)

    def press(self, keys: bytes) -> tuple[float, float, int]:
        """Seconds to the first byte and to the last one before quiet, and bytes."""
        while self.read(0):
            pass
        started = time.perf_counter()
        os.write(self._fd, keys)
        size = self.read(2.0)
        first = last = time.perf_counter() - started
        while (more := self.read(QUIET)) and last < 1.0:
            size, last = size + more, time.perf_counter() - started
        return first, last, size

    def wait_for(self, words: str, timeout: float = 60.0) -> float:
        started = time.perf_counter()
        while time.perf_counter() - started < timeout:
            self.read(0.05)
            if any(words in line for line in self.screen.display):
                return time.perf_counter() - started
        raise TimeoutError(f"never painted: {words}\n" + "\n".join(self.screen.display))

    def watch(self, seconds: float) -> tuple[float, float]:
        """CPU share in percent and bytes a second while nobody presses anything."""
        before, painted, until = cpu_seconds(self.pid), 0, time.perf_counter() + seconds
        while time.perf_counter() < until:
            painted += self.read(0.1)
        return (cpu_seconds(self.pid) - before) / seconds * 100, painted / seconds


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def terminal(argv: list[str], columns: int, lines: int) -> Iterator[Terminal]:
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        # ours alone: GNU readline, if anybody loaded it, has put COLUMNS and LINES into the real environment
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        wanted = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_DISABLE_KITTY_KEY": "1"}
        os.execve(sys.executable, [sys.executable, *argv], {**inherited, **wanted})
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    try:
        yield Terminal(pid, fd, columns, lines)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(fd)


def measure(points: int, rate: int, columns: int, lines: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "lag.json"
        argv = ["-m", "bench.tui", "--child", str(report), "--points", str(points), "--rate", str(rate)]
        with terminal(argv, columns, lines) as shown:
            print(f"{points} points, {rate} changes/s, {columns}x{lines}")
            print(f"start to complete overview       {shown.wait_for('NOT OK'):6.2f} s (and making the points)")
            print("points screen, first/last byte   " + _said([shown.press(b"4")]))
            shown.wait_for("sorted by")
            for name, keys in {
                "cursor down": [b"j"] * 30, "page down": [b"\x1b[6~"] * 20, "home and end": [b"\x1b[H", b"\x1b[F"] * 5,
                "filter, per letter": [b"/", *(bytes([c]) for c in b"vav-11 humid")], "filter off": [b"\x1b"],
                "sort": [b"S"] * 3, "screen change": [b"1", b"4", b"5", b"6", b"0", b"4"],
            }.items():  # fmt: skip
                print(f"{name:<32} " + _said([shown.press(key) for key in keys]))
            cpu, painted = shown.watch(5)
            print(f"CPU with the feed, points shown  {cpu:6.1f} %   {painted / 1000:.1f} kB/s to the terminal")
            print(f"memory                           {_resident(shown.pid):6.0f} MB (with the pretend facility)")
            os.write(shown._fd, b"\x11")  # noqa: SLF001 (Ctrl+Q)
            until = time.perf_counter() + 10
            while not report.exists() and time.perf_counter() < until:
                shown.read(0.05)
            late = json.loads(report.read_text())
            print("loop lag                         " + "  ".join(f"{k} {v * 1000:.1f} ms" for k, v in late.items()))


def _said(pressed: list[tuple[float, float, int]]) -> str:
    firsts, lasts = sorted(p[0] * 1000 for p in pressed), sorted(p[1] * 1000 for p in pressed)
    size = statistics.median(p[2] for p in pressed) / 1000
    return (
        f"first byte {statistics.median(firsts):5.1f} ms, worst {firsts[-1]:5.1f};"
        f" last byte {statistics.median(lasts):5.1f} ms, worst {lasts[-1]:5.1f}; {size:.1f} kB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=50_000)
    parser.add_argument("--rate", type=int, default=1_000, help="changes a second")
    parser.add_argument("--size", default="140x40")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.child:
        asyncio.run(child(asked.points, asked.rate, asked.child))
    else:
        columns, _, lines = asked.size.partition("x")
        measure(asked.points, asked.rate, int(columns), int(lines))


if __name__ == "__main__":
    main()
