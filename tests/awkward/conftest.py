"""A town of devices and its agent run in one loop: a machine that is busy elsewhere must be no silence of theirs."""

from __future__ import annotations

from unhurried import UnhurriedLoop


def pytest_asyncio_loop_factories() -> dict[str, type[UnhurriedLoop]]:
    return {"unhurried": UnhurriedLoop}
