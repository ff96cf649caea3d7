"""How agent and screen bear changes in the building: `python -m bench.churn [--churn N] [--seconds S]`.

Everything real: the simulated hospital changes N present values a second, the agent takes them in by COV
and polls, the terminal UI shows them in a pseudo-terminal, and keys are pressed while it does.
Prints figures, asserts nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from pathlib import Path

from bench.tui import Terminal, cpu_seconds, terminal
from facility.client import RemoteFacility
from facility.demo.play import DemoOptions, staged

SETTLE_S = 20.0  # discovery, subscriptions, first readings


async def measure(churn: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        options = DemoOptions(
            headless=True,
            seconds=None,
            scenario=None,
            speed=1.0,
            churn=churn,
            mqtt=None,
            state=Path(folder),
            theme=None,
            ascii=False,
        )
        async with staged(options) as stage, RemoteFacility(stage.socket) as facility:
            await asyncio.sleep(SETTLE_S)
            before, cpu = await facility.stats(), cpu_seconds(stage.agent.pid)
            started = asyncio.get_running_loop().time()
            pressed = asyncio.create_task(asyncio.to_thread(_screen, stage.socket, seconds))
            lags = await _lags(facility, seconds)
            keys = await pressed
            took = asyncio.get_running_loop().time() - started
            after = await facility.stats()
            overview = await facility.overview()
            print(f"{churn} changes/s asked of the simulator, {took:.0f} s")
            for name in ("readings_cov", "readings_poll", "history_rows", "mqtt_published"):
                print(f"{name:<16}{(after[name] - before[name]) / took:10.0f} /s")
            print(f"{'agent CPU':<16}{(cpu_seconds(stage.agent.pid) - cpu) / took * 100:10.1f} % of a core")
            print(f"{'agent memory':<16}{after['memory_peak_bytes'] / 1e6:10.0f} MB at most")
            print(
                f"{'agent answers':<16}{statistics.median(lags) * 1000:10.1f} ms median, {max(lags) * 1000:.1f} worst"
            )
            print(f"{'quality':<16}{overview.points['good']} good of {overview.points['total']}, {overview.verdict}")
            for what, first, last in keys:
                print(f"{what:<16}{first:10.1f} ms to the first byte, {last:.1f} ms to the last (median)")


async def _lags(facility: RemoteFacility, seconds: float) -> list[float]:
    """How long the agent takes to answer a small question, again and again."""
    loop = asyncio.get_running_loop()
    lags, until = [], loop.time() + seconds
    while loop.time() < until:
        asked = loop.time()
        await facility.hello()
        lags.append(loop.time() - asked)
        await asyncio.sleep(0.1)
    return lags


def _screen(socket: Path, seconds: float) -> list[tuple[str, float, float]]:
    argv = ["-m", "facility", "tui", "--socket", str(socket)]
    with terminal(argv, 140, 40) as shown:
        shown.wait_for("Spaces by criticality")
        shown.press(b"4")
        rounds = max(3, int(seconds / 4))
        rows = [
            _median("cursor down", shown, [b"\x1b[B"] * rounds),
            _median("page down", shown, [b"\x1b[6~"] * rounds),
            _median("screen change", shown, [b"1", b"4"] * (rounds // 2)),
        ]
        cpu, painted = shown.watch(5.0)
        print(f"{'screen CPU':<16}{cpu:10.1f} % of a core, {painted / 1000:.1f} kB/s to the terminal")
        return rows


def _median(what: str, shown: Terminal, keys: list[bytes]) -> tuple[str, float, float]:
    times = [shown.press(key) for key in keys]
    return what, statistics.median(t[0] for t in times) * 1000, statistics.median(t[1] for t in times) * 1000


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--churn", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.churn, arguments.seconds))
