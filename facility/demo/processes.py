"""Child processes that cannot outlive us, and ports that are free.

A child ends when its standard input closes, which the kernel does for us even after a kill -9. The
agent is kept running as a service manager would: when it ends unasked it is started again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO

RESTART_AFTER_S = 3.0
END_WITHIN_S = 15.0  # a clean stop releases slots at devices, which takes a few answers


class ChildFailed(Exception):
    """A process did not come up, or ended; the text is what it said last."""


def free_port(preferred: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """`preferred` if nobody has it on loopback, else any free port."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # connections of an earlier run that are still dying do not hold the port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ChildFailed("There is no free port on this machine.")


class KeptAgent:
    """The agent's process: started, started again when it ends unasked, ended with us."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._arguments = arguments
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self.pid = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[KeptAgent]:
        self._log.touch(mode=0o600)  # it names people
        with self._log.open("ab") as log:
            await self._start(log)
            keeper = asyncio.create_task(self._keep(log), name="agent keeper")
            try:
                yield self
            finally:  # not left to the keeper: one that is cancelled before its first turn does nothing at all
                keeper.cancel()
                await asyncio.gather(keeper, return_exceptions=True)
                await self._end()

    async def _keep(self, log: IO[bytes]) -> None:
        while self._process is not None:
            await self._process.wait()
            await asyncio.sleep(RESTART_AFTER_S)
            await self._start(log)

    async def _start(self, log: IO[bytes]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "facility",
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            env=self._environment,
            start_new_session=True,  # a Ctrl-C in our terminal is ours to handle
        )
        self.starts += 1
        self.pid = self._process.pid

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(END_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
