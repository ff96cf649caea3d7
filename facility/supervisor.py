"""Keeps services running: to reconnect is to run again.

A service that ends with an exception is run again after a wait that doubles from one second to
a minute, with jitter; after it has held out for a while the wait starts over. Cancelling ends it.
A fault of our own in what must be right (`vital`) is not survived: it ends the process, because
continuing on wrong state is worse than a restart.
"""

from __future__ import annotations

import asyncio
import random
import time
from typing import Protocol

import structlog

from points.clock import Clock

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
HELD_OUT_S = 120.0  # a service that ran this long is taken for healthy again

SETTLED_S = 3.0  # a service that has run so long again is taken for running

log = structlog.get_logger(__name__)


class Service(Protocol):
    """Anything that lasts until it is cancelled."""

    @property
    def name(self) -> str: ...

    async def run(self) -> None: ...


class Roll:
    """Which services do not run at the moment, and why: what they last said stays on no screen unmarked."""

    def __init__(self) -> None:
        self.down: dict[str, str] = {}

    def fell(self, name: str, why: str) -> None:
        self.down[name] = why

    def stands(self, name: str) -> None:
        self.down.pop(name, None)


async def supervise(service: Service, clock: Clock, roll: Roll, *, vital: bool = False) -> None:
    """Runs `service` for ever. Expected troubles are one line in the log; surprises carry their trace."""
    wait = FIRST_WAIT_S
    while True:
        begun = time.monotonic()
        settled = asyncio.get_running_loop().call_later(SETTLED_S, roll.stands, service.name)
        try:
            await service.run()
            reason: Exception | None = None
        except Exception as error:
            if vital:
                log.critical("a vital service failed, the agent ends", service=service.name, error=str(error))
                raise
            reason = error
        finally:
            settled.cancel()
        roll.fell(service.name, "it ended by itself" if reason is None else _in_words(reason))
        if time.monotonic() - begun > HELD_OUT_S:
            wait = FIRST_WAIT_S
        _report(service.name, reason, wait)
        await clock.sleep(wait * random.uniform(0.8, 1.2))
        wait = min(wait * 2, LONGEST_WAIT_S)


def _in_words(reason: Exception) -> str:
    """What a person can read: of a group its first error, and of an error without a text its name."""
    while isinstance(reason, ExceptionGroup):
        reason = reason.exceptions[0]
    return str(reason) or type(reason).__name__


def _report(name: str, reason: Exception | None, wait: float) -> None:
    expected = isinstance(reason, (OSError, TimeoutError)) or getattr(reason, "expected", False)
    first = wait == FIRST_WAIT_S
    if reason is None:
        log.warning("a service ended by itself and is run again", service=name)
    elif expected:
        (log.warning if first else log.debug)("a service lost its connection", service=name, error=str(reason))
    else:
        log.error("a service failed and is run again", service=name, error=repr(reason), exc_info=reason)
