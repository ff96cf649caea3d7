"""The agent's door: HTTP and a WebSocket on a Unix socket.

The kernel names the caller (SO_PEERCRED), so identity and role need no login; the file's mode and
group are the access list. No call raises through to the caller: every error is a `Trouble`, and our
own faults are logged here and told as "internal". Of what is no request at all nothing is logged:
aiohttp would have all of it in its error.
"""

from __future__ import annotations

import asyncio
import grp
import json
import logging
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import ValidationError

from facility.audit.origin import origin_of
from facility.calls import CALLS, STATUS, TROUBLE_HEADER
from facility.port import Facility, FacilityError
from facility.users import Caller
from facility.wire import Trouble, Update
from points.errors import PointsError

HEARTBEAT_S = 5.0
LONGEST_REQUEST = 64 * 1024
SO_PEERGROUPS = 59  # of Linux, <asm-generic/socket.h>; Python's socket module does not name it
GROUPS_BYTES = 1024  # the most that Python's getsockopt takes: 256 groups
LONGEST_PATH = 107  # of sockaddr_un, without the closing zero

log = structlog.get_logger(__name__)


def _is_ours(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, HttpProcessingError)


FAULTS = logging.getLogger("facility.api.http")
FAULTS.addFilter(_is_ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What probes and scrapers ask.

    `ready` is None when ready, else why not: for whoever may open the socket. `metrics` says how large the building is,
    what is held and what is wrong: it raises `FacilityError` for a caller who may not look.
    """

    ready: Callable[[], str | None]
    metrics: Callable[[Caller], str]


class SocketUnusable(PointsError):
    """The socket cannot be served where it is configured."""


def must_be_servable(path: Path, group: str | None, *, private: Path) -> None:
    """Raises `SocketUnusable` where the socket could not be bound, or not be reached by its group."""
    if len(str(path).encode()) > LONGEST_PATH:
        raise SocketUnusable(
            f"The socket path {path} is longer than the {LONGEST_PATH} bytes that the system allows. "
            "Set api.socket (or agent.state_dir) to a shorter one."
        )
    if group is None:
        return
    if group not in {known.gr_name for known in grp.getgrall()}:
        raise SocketUnusable(f"api.group: there is no group {group!r} on this machine.")
    if path.is_relative_to(private):
        raise SocketUnusable(
            f"api.group: nobody but the agent's own user reaches a socket in its state folder {private}. "
            'Set api.socket as well, for instance to "/run/facility/agent.sock".'
        )


class Api:
    """Serves the port to whoever may open the socket."""

    name = "api"

    def __init__(
        self,
        path: Path,
        sessions: Callable[[Caller], Facility],
        health: Health,
        *,
        group: str | None = None,
        refused: Callable[[Caller, str, str], Awaitable[None]] | None = None,
    ) -> None:
        """`refused` is told of every caller who may not do what he asked for, by call and answer."""
        self._path = path
        self._sessions = sessions
        self._health = health
        self._group = group
        self._refused = refused

    async def run(self) -> None:
        runner = web.AppRunner(
            self._application(), access_log=None, handle_signals=False, shutdown_timeout=1.0, logger=FAULTS
        )
        await runner.setup()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)  # the state folder's lock says that nobody else serves it
        try:
            await web.SockSite(runner, self._listening_socket()).start()
            await asyncio.get_running_loop().create_future()  # until cancelled
        finally:
            await runner.cleanup()
            self._path.unlink(missing_ok=True)

    def _listening_socket(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        previous = os.umask(0o177)  # nobody else may connect, not even for the moment before chmod
        try:
            listening.bind(str(self._path))
        finally:
            os.umask(previous)
        if self._group is not None:
            os.chown(self._path, -1, grp.getgrnam(self._group).gr_gid)
            self._path.chmod(0o660)
        return listening

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=LONGEST_REQUEST)
        application.router.add_get("/livez", self._live)
        application.router.add_get("/readyz", self._readiness)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/v1/watch", self._watch)
        application.router.add_post("/v1/{call}", self._answer)
        return application

    async def _live(self, _request: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def _readiness(self, _request: web.Request) -> web.Response:
        reason = self._health.ready()
        return web.Response(text=f"{reason or 'ready'}\n", status=503 if reason else 200)

    async def _metrics(self, request: web.Request) -> web.Response:
        try:
            return web.Response(text=self._health.metrics(_caller(request)))
        except FacilityError as error:
            await self._tell_refusal(request, "metrics", error)
            return _refusal(error.kind, str(error))

    async def _answer(self, request: web.Request) -> web.Response:
        call = CALLS.get(request.match_info["call"])
        if call is None:
            return _refusal("unknown", f"There is no call {request.match_info['call']!r}.")
        try:
            arguments = call.arguments(_parameters(await request.read()))
        except ValueError as error:  # pydantic's own included
            return _refusal("bad-wish", _plainly(error))
        try:
            result = await getattr(self._sessions(_caller(request)), call.name)(**arguments)
        except FacilityError as error:
            await self._tell_refusal(request, call.name, error)
            return _refusal(error.kind if error.kind in STATUS else "internal", str(error))
        except Exception as error:
            log.exception("a call failed", call=call.name)
            return _refusal("internal", f"The agent failed at this ({type(error).__name__}); its log says more.")
        return web.Response(body=call.result.dump_json(result), content_type="application/json")

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        try:
            async with self._sessions(_caller(request)).watch() as updates:
                return await self._streamed(request, updates)
        except FacilityError as error:
            await self._tell_refusal(request, "watch", error)
            return _refusal(error.kind if error.kind in STATUS else "internal", str(error))

    async def _tell_refusal(self, request: web.Request, call: str, error: FacilityError) -> None:
        if error.kind == "not-allowed" and self._refused is not None and request.transport is not None:
            await self._refused(_caller(request), call, str(error))

    async def _streamed(self, request: web.Request, updates: AsyncIterator[Update]) -> web.StreamResponse:
        stream = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False)
        try:
            await stream.prepare(request)
        except ConnectionError:  # the screen left before we answered
            return stream
        sending = asyncio.create_task(self._send(stream, updates))
        try:
            async for _ in stream:  # nothing is said to us; this is how a leaving screen is noticed
                pass
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
        return stream

    async def _send(self, stream: web.WebSocketResponse, updates: AsyncIterator[Update]) -> None:
        try:
            async for update in updates:
                await stream.send_str(update.model_dump_json())
        except (ConnectionError, FacilityError):
            pass  # the screen has gone; it comes back by itself
        except Exception:
            log.exception("the live stream of a screen failed")
        finally:
            await stream.close()


def _parameters(body: bytes) -> dict[str, object]:
    given = orjson.loads(body or b"{}")
    if not isinstance(given, dict):
        raise ValueError("The parameters must be a JSON object.")  # noqa: TRY004 - told as a bad request
    return given


def _caller(request: web.Request) -> Caller:
    peer = request.transport.get_extra_info("socket") if request.transport else None
    if peer is None:
        raise FacilityError("not-allowed", "The caller has gone.")
    pid, uid, gid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    groups, origin = _groups(peer) | {gid}, origin_of(pid, uid)
    try:
        return Caller(uid=uid, name=pwd.getpwuid(uid).pw_name, groups=groups, origin=origin)
    except KeyError:
        return Caller(uid=uid, name=f"uid-{uid}", named=False, groups=groups, origin=origin)


def _groups(peer: socket.socket) -> frozenset[int]:
    """The supplementary groups of the caller's process; none where the kernel does not tell, or they are too many."""
    try:
        told = peer.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, GROUPS_BYTES)
    except OSError:
        return frozenset()
    return frozenset(struct.unpack(f"{len(told) // 4}I", told))


def _refusal(error: str, text: str) -> web.Response:
    trouble = Trouble.model_validate({"error": error, "text": text})
    told = json.dumps(trouble.model_dump())  # in ASCII, as a header has to be
    return web.Response(
        body=told, status=STATUS[error], content_type="application/json", headers={TROUBLE_HEADER: told}
    )


def _plainly(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}" for problem in error.errors()
        )
    return str(error)
