"""To look at the screens with one's own eyes: `python -m tests.tui.preview [theme] [--ascii] [--points N]`."""

import argparse
import asyncio
import random

from points.clock import SystemClock
from tests.tui.fake_facility import FakeFacility
from tui.app import run_app_async


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theme")
    parser.add_argument("--ascii", action="store_true")
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--rate", type=int, default=10, help="changes a second")
    parser.add_argument("--lose-after", type=float)
    asked = parser.parse_args()
    facility = FakeFacility(extra=asked.points)

    async def live() -> None:
        clock, started = SystemClock(), SystemClock().now()
        shift = facility.now - started
        while True:
            await asyncio.sleep(0.25)
            facility.now = clock.now() + shift
            changed = random.sample(list(facility.readings.values()), min(len(facility.readings), asked.rate // 4))
            facility.push(
                values=[
                    old.model_copy(update={"value": old.value + 0.1, "time": facility.now, "at": facility.now})
                    for old in changed
                    if isinstance(old.value, float) and old.quality == "good"
                ]
            )
            if asked.lose_after and (clock.now() - started).total_seconds() > asked.lose_after:
                facility.lose()
                await asyncio.sleep(15)
                facility.come_back()
                asked.lose_after = None

    ticking = asyncio.create_task(live())
    try:
        return await run_app_async(facility, theme=asked.theme, ascii=asked.ascii)
    finally:
        ticking.cancel()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
