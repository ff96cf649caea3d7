"""A real mosquitto on a free port, for the tests that need a broker which nobody here wrote."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = "127.0.0.1"
NOT_GIVEN_AWAY = range(20_000, 32_000)  # below what a kernel gives to whoever asks for any port


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """One that nobody has, and that nobody who asks for any port gets before the process that it is for has it."""
    for port in random.sample(NOT_GIVEN_AWAY, 100):
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind((HERE, port))
            return port
    pytest.fail("a hundred ports are all taken")


def mosquitto_path() -> str:
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.fail("mosquitto is missing: `.ci/run` installs it (apt-get install mosquitto mosquitto-clients)")
    return found


class Mosquitto:
    """A broker that can be stopped, frozen and started again on the same port."""

    def __init__(self, folder: Path, extra: str = "allow_anonymous true") -> None:
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        # not 0 (no limit): with 0 mosquitto 2.0.11 hangs up on every MQTT 5 publish that its ACL denies
        self._config.write_text(
            f"listener {self.port} {HERE}\npersistence false\nmax_queued_messages 100000\nuser root\n{extra}\n"
        )
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            mosquitto_path(), "-c", str(self._config), stdout=quiet, stderr=quiet
        )
        async with asyncio.timeout(30):
            while True:
                assert self._process.returncode is None, "mosquitto did not start"  # and who answers is another
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection(HERE, self.port)
                    writer.close()
                    await writer.wait_closed()
                    return
                await asyncio.sleep(0.02)

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        process = self._process
        assert process is not None
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGCONT)
