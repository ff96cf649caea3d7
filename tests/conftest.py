"""What every test may use. Its place puts this folder on the import path, for `broker_process` and its like."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from broker_process import Mosquitto
from hypothesis import HealthCheck, settings
from schemas import Schemas

from points import sqlite

# A slow machine is no counterexample. Where CI runs, the examples of a test are the same each time: what a run there
# finds is of the change that it looks at; every other run looks at new ones.
settings.register_profile(
    "here",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    derandomize=bool(os.environ.get("FACILITY_CI")),
)
settings.load_profile("here")

# Where there is room in memory, tests write there and wait for no disk. SIGKILL takes nothing from it.
MEMORY, ROOM = Path("/dev/shm"), 1 << 30
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)  # the processes that tests start inherit it

LONGEST = ("whole", "tui", "awkward", "simulation")  # folders whose files take longest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Side by side, what takes longest is begun first: at the end nobody waits for one file."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: next((i for i, it in enumerate(LONGEST) if it in item.path.parts), len(LONGEST)))


def pytest_collection_finish() -> None:
    """Some thousand tests stay to the end: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def schemas() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "command", Schemas())
        yield


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()
