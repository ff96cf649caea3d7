"""Fixtures: an empty building."""

from __future__ import annotations

import pytest
from mirror_building import Building


@pytest.fixture
def building() -> Building:
    return Building()
