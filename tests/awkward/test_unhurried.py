"""The loop of these tests: a machine that was busy elsewhere is no silence of a device."""

from __future__ import annotations

import asyncio
import socket
import time


async def test_what_came_while_the_process_stood_is_seen_before_the_timer_that_it_missed() -> None:
    here, there = socket.socketpair()
    here.setblocking(False)
    with here, there:
        async with asyncio.timeout(0.1):
            there.send(b"in time")
            time.sleep(0.3)  # noqa: ASYNC251 (this process is not run)
            for _ in range(5):  # as many turns as an exchange takes
                await asyncio.sleep(0)
            assert await asyncio.get_running_loop().sock_recv(here, 100) == b"in time"


async def test_while_nothing_holds_it_up_its_time_passes_and_never_faster_than_the_machines() -> None:
    loop = asyncio.get_running_loop()
    begun, began = time.monotonic(), loop.time()
    await asyncio.sleep(0.1)
    assert 0.1 <= loop.time() - began <= time.monotonic() - begun
