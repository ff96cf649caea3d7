"""Fixtures: a running mosquitto, an empty building."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mirror_building import Building, Mosquitto


@pytest.fixture
async def mosquitto(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    await broker.start()
    yield broker
    await broker.stop()


@pytest.fixture
def building() -> Building:
    return Building()
