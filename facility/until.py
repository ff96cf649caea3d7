"""Waiting to be told to end: by a signal, or by the closing of standard input."""

from __future__ import annotations

import asyncio
import os
import signal
import sys


async def asked_to_end(*, with_parent: bool = False) -> None:
    """Returns at SIGTERM or SIGINT; with `with_parent` also when standard input closes."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    if with_parent:
        loop.add_reader(sys.stdin.fileno(), _at_end_of_input, ended)
    try:
        await ended.wait()
    finally:
        if with_parent:
            loop.remove_reader(sys.stdin.fileno())


def _at_end_of_input(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        ended.set()
