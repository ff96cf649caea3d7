"""An MQTT broker for demonstrations: amqtt in a process of its own, on the loopback interface.

Everyone on this machine may read; only the agent, with a password made for this run, may publish. The password
travels in the environment and through a pipe, never on a command line. The process ends with its standard input, so
it cannot outlive whoever started it. It speaks MQTT 3.1.1 and keeps nothing on disk; a hospital uses a real broker.

    python -m facility.broker --port 1883
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import logging
import os
import secrets
import signal
import sys
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger(__name__)

HOST = "127.0.0.1"
USERNAME = "agent"
PASSWORD_VARIABLE = "FACILITY_BROKER_PASSWORD"
READY_S = 20.0  # importing amqtt takes 1 s, on a busy machine several
GOING_S = 5.0  # it has nothing to save
TROUBLE = 2  # exit code


class BrokerTrouble(Exception):
    """The broker cannot run; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A running broker, and how the agent proves itself to it."""

    host: str
    port: int
    pid: int
    username: str
    password: str


@contextlib.asynccontextmanager
async def local_broker(*, port: int | None = None, password: str | None = None) -> AsyncIterator[Broker]:
    """A broker in a process of its own, on `port` or any free one, for as long as the context lasts."""
    secret = password or secrets.token_urlsafe(24)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "facility.broker", "--port", str(port or 0)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {PASSWORD_VARIABLE: secret},
    )
    grumbling = None
    try:
        ready = await _ready(process)
        grumbling = asyncio.create_task(_hear_out(process), name="broker stderr")
        yield Broker(host=HOST, port=ready["port"], pid=process.pid, username=USERNAME, password=secret)
    finally:
        await _end(process)
        if grumbling is not None:
            await grumbling


async def _ready(process: asyncio.subprocess.Process) -> dict[str, int]:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(READY_S):
            line = await process.stdout.readline()
            if not line:
                said = (await process.stderr.read()).decode(errors="replace").strip().splitlines()
                raise BrokerTrouble(said[-1] if said else "The broker ended without a word.")
    except TimeoutError:
        raise BrokerTrouble(f"The broker did not start within {READY_S:g} s.") from None
    ready: dict[str, int] = json.loads(line)
    return ready


async def _hear_out(process: asyncio.subprocess.Process) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        log.debug("broker", said=line.decode(errors="replace").rstrip())


async def _end(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(GOING_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def serve(port: int, password: str, *, told: bool) -> None:
    """Runs the broker until standard input ends or SIGTERM comes. `told`: whoever started us has the password."""
    try:
        from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter  # noqa: PLC0415 - an extra
        from amqtt.broker import Broker as Amqtt  # noqa: PLC0415 - an extra
    except ImportError:
        raise BrokerTrouble(
            "The demo broker is not installed: pip install 'facility-controller-agent[demo]', or use mosquitto."
        ) from None

    class Faithful(Amqtt):  # type: ignore[misc]  # untyped, and only there with the extra
        """amqtt 0.12.1 sends a new session the retained messages of everybody's subscriptions; here only of its own."""

        async def _publish_retained_messages_for_subscription(
            self, subscription: tuple[str, int], session: Any
        ) -> None:
            if any(subscriber is session for subscriber, _ in self._subscriptions.get(subscription[0], ())):
                await super()._publish_retained_messages_for_subscription(subscription, session)

    with _password_file(password) as file:
        broker = Faithful(_configuration(file))

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await broker.external_connected(StreamReaderAdapter(reader), StreamWriterAdapter(writer), "default")

    try:
        server = await asyncio.start_server(connected, HOST, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise BrokerTrouble(f"Port {port} of {HOST} is in use: choose another, or stop what uses it.") from None
        raise BrokerTrouble(f"Port {port} of {HOST} cannot be opened: {error.strerror}.") from None
    await broker.start()
    end = _asked_to_end()
    ready = Broker(
        host=HOST,
        port=server.sockets[0].getsockname()[1],
        pid=os.getpid(),
        username=USERNAME,
        password="" if told else password,
    )
    sys.stdout.write(json.dumps(asdict(ready)) + "\n")
    sys.stdout.flush()
    held = asyncio.create_task(_end_of_input(end))
    await end.wait()
    held.cancel()
    server.close()
    await broker.shutdown()


def _asked_to_end() -> asyncio.Event:
    """Set by SIGTERM and SIGINT from now on; `_end_of_input` sets it too."""
    end = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, end.set)
    return end


async def _end_of_input(end: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (OSError, ValueError):  # a closed or plain-file standard input: nobody holds us by it
        end.set()
        return
    while await reader.read(1024):
        pass
    end.set()


@contextlib.contextmanager
def _password_file(password: str) -> Iterator[Path]:
    """The users, for amqtt to read once, when it is made; the file is ours alone and then gone."""
    from pwdlib.hashers.argon2 import Argon2Hasher  # noqa: PLC0415 - an extra

    with tempfile.NamedTemporaryFile("w", prefix="facility-broker-") as file:  # mode 0600
        file.write(f"{USERNAME}:{Argon2Hasher().hash(password)}\n")
        file.flush()
        yield Path(file.name)


def _configuration(passwords: Path) -> dict[str, object]:
    """Anyone reads, the agent publishes. `external`: the listening socket is ours, so that its errors are too."""
    everything = ["#"]
    plugins = "amqtt.plugins"
    return {
        "listeners": {"default": {"type": "external", "bind": f"{HOST}:0"}},
        "plugins": {
            f"{plugins}.authentication.AnonymousAuthPlugin": {"allow_anonymous": True},
            f"{plugins}.authentication.FileAuthPlugin": {"password_file": str(passwords)},
            f"{plugins}.topic_checking.TopicAccessControlListPlugin": {
                "publish_acl": {USERNAME: everything},
                "acl": {USERNAME: everything, "anonymous": everything},
            },
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m facility.broker", description="An MQTT broker for demonstrations.")
    parser.add_argument("--port", type=int, default=1883, help="TCP port on 127.0.0.1; 0 takes a free one")
    port = parser.parse_args().port
    warnings.simplefilter("ignore")  # amqtt's deprecations are not ours to mend
    logging.disable(logging.CRITICAL)  # it logs each packet; what stops us is raised
    told = os.environ.pop(PASSWORD_VARIABLE, "")
    try:
        asyncio.run(serve(port, told or secrets.token_urlsafe(24), told=bool(told)))
    except BrokerTrouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return TROUBLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
