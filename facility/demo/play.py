"""Brings the hospital on stage, and plays it with or without a screen."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from facility.api import must_be_servable
from facility.broker import BrokerTrouble, local_broker
from facility.client import RemoteFacility
from facility.config.loading import load
from facility.demo.bed_board import BedBoard
from facility.demo.processes import ChildFailed, KeptAgent, free_port
from facility.demo.summary import print_summary, summarise
from facility.port import FacilityError
from facility.simulation.process import HospitalFailed, simulated_hospital
from facility.until import asked_to_end
from points.errors import PointsError

CONFIG = Path(__file__).with_name("demo.toml")
BACNET_PORT = 47808  # of the simulated hospital's BBMD, if it is free
AGENT_PORT = 47809
HL7_PORT = 2575  # of the agent, for its bed board
MQTT_PORT = 1883  # so that mosquitto_sub needs no options
STORY_AFTER_S = 20.0  # a scenario begins when there has been time to see the building well
READY_WITHIN_S = 60.0
HEADLESS_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    headless: bool
    seconds: float | None
    scenario: str | None
    speed: float
    churn: int
    mqtt: str | None
    state: Path | None
    theme: str | None
    ascii: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What is running."""

    agent: KeptAgent
    socket: Path
    log: Path
    mqtt_host: str
    mqtt_port: int
    mqtt_username: str | None
    mqtt_password: str | None


def play(options: DemoOptions, screens: Callable[[], Any] | None) -> int:
    """Runs the demo to its end; the exit code says whether every part worked."""
    try:
        if screens is None:
            return asyncio.run(_headless(options))
        with _Backstage(options) as stage:
            _say(_subscribe_command(stage))
            return int(screens()(RemoteFacility(stage.socket), theme=options.theme, ascii=options.ascii))
    except (PointsError, BrokerTrouble, HospitalFailed) as error:
        raise ChildFailed(str(error)) from None


async def _headless(options: DemoOptions) -> int:
    try:
        async with staged(options) as stage:
            _say(f"The hospital runs. Watch it:  facility tui --socket {stage.socket}\n  {_subscribe_command(stage)}")
            ending = asyncio.create_task(asked_to_end())
            await asyncio.wait({ending}, timeout=options.seconds or HEADLESS_S)
            told_to_end = ending.done()
            ending.cancel()
            summary = None if told_to_end else await summarise(stage)
    except FacilityError as error:
        raise ChildFailed(f"The agent stopped answering: {error}") from None
    if summary is None:
        return 130
    print_summary(summary)
    return 0 if summary.ok else 1


class _Backstage:
    """The same processes, kept by a thread of their own: the screen owns the main one."""

    def __init__(self, options: DemoOptions) -> None:
        self._options = options
        self._up = threading.Event()
        self._down = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stage: Stage | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="backstage")

    def __enter__(self) -> Stage:
        self._thread.start()
        try:
            self._up.wait()
        except KeyboardInterrupt:
            self.__exit__()
            raise
        if self._stage is None:
            self._thread.join()
            raise self._failure or ChildFailed("The demo did not come up.")
        return self._stage

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._thread.is_alive():
            _say("Ending the demo: schedules are released, processes end ...")
            self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join()

    def _work(self) -> None:
        try:
            asyncio.run(self._hold())
        except Exception as failure:  # noqa: BLE001 - carried to the thread that waits for us
            self._failure = failure
        finally:
            self._up.set()

    async def _hold(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with staged(self._options) as stage:
            self._stage = stage
            self._up.set()
            await self._down.wait()


@asynccontextmanager
async def staged(options: DemoOptions) -> AsyncIterator[Stage]:
    state = options.state or load(CONFIG).state_dir
    must_be_servable(state / "agent.sock", None, private=state)
    await _nobody_else(state / "agent.sock")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        _say("Starting the simulated hospital ...")
        hospital = await stack.enter_async_context(
            simulated_hospital(
                port=free_port(BACNET_PORT, socket.SOCK_DGRAM),
                speed=options.speed,
                scenario=options.scenario,
                scenario_after=STORY_AFTER_S,
                churn=options.churn,
            )
        )
        _say(f"  {hospital.devices} devices, {hospital.points} points behind {hospital.bbmd}")
        mqtt = await _broker(stack, options.mqtt)
        hl7 = free_port(HL7_PORT)
        config = own_copy(state)
        agent = KeptAgent(
            ["run", "--config", str(config), "--with-parent"],
            _environment(state, hospital.bbmd, mqtt, hl7, options),
            state / "agent.log",
        )
        (state / "agent.log").unlink(missing_ok=True)
        _say(f"Starting the agent; its log is {state / 'agent.log'}, its configuration {config}")
        await stack.enter_async_context(agent.running())
        stage = Stage(
            agent=agent,
            socket=state / "agent.sock",
            log=state / "agent.log",
            mqtt_host=mqtt.host,
            mqtt_port=mqtt.port,
            mqtt_username=mqtt.username,
            mqtt_password=mqtt.password,
        )
        await _ready(stage)
        board = asyncio.create_task(BedBoard(hl7).run(), name="bed board")
        try:
            yield stage
        finally:
            board.cancel()
            await asyncio.gather(board, return_exceptions=True)


def own_copy(state: Path) -> Path:
    """The configuration that this demo may change: as shipped at every start, and never the shipped file itself."""
    copy = state / CONFIG.name
    copy.unlink(missing_ok=True)  # whatever its permissions became
    copy.write_bytes(CONFIG.read_bytes())
    return copy


@dataclass(frozen=True, slots=True)
class _Mqtt:
    host: str
    port: int
    username: str | None = None
    password: str | None = None


async def _broker(stack: AsyncExitStack, given: str | None) -> _Mqtt:
    if given is not None:
        host, _, port = given.partition(":")
        if not host or not (port or "1").isdigit():
            raise ChildFailed(f"{given!r} is not a broker: write host or host:port.")
        return _Mqtt(host, int(port or MQTT_PORT))
    broker = await stack.enter_async_context(local_broker(port=free_port(MQTT_PORT)))
    return _Mqtt(broker.host, broker.port, broker.username, broker.password)


def _environment(state: Path, bbmd: str, mqtt: _Mqtt, hl7: int, options: DemoOptions) -> dict[str, str]:
    environment = {
        "FACILITY_AGENT__STATE_DIR": str(state),
        "FACILITY_BACNET__ADDRESS": f"127.0.0.1:{free_port(AGENT_PORT, socket.SOCK_DGRAM)}",
        "FACILITY_BACNET__FOREIGN": bbmd,
        "FACILITY_MQTT__HOST": mqtt.host,
        "FACILITY_MQTT__PORT": str(mqtt.port),
        "FACILITY_FEEDS__HL7__ADDRESS": f"127.0.0.1:{hl7}",
    }
    if mqtt.username is not None and mqtt.password is not None:
        environment |= {"FACILITY_MQTT__USERNAME": mqtt.username, "FACILITY_MQTT__PASSWORD": mqtt.password}
    if options.scenario == "holiday":
        today = datetime.now(ZoneInfo(load(CONFIG).site.zone)).date()
        holiday = [{"day": today.isoformat(), "name": "Founders' Day (demo)"}]
        environment["FACILITY_HOLIDAYS"] = orjson.dumps(holiday).decode()
    return environment


async def _nobody_else(path: Path) -> None:
    async with RemoteFacility(path) as facility:
        try:
            await facility.hello()
        except FacilityError:
            return
    raise ChildFailed(
        f"The demo runs already. Attach with:  facility tui --socket {path}\nor use another --state folder."
    )


async def _ready(stage: Stage) -> None:
    """Waits until the agent answers; one that ended instead is told with its last words."""
    patience = asyncio.get_running_loop().time() + READY_WITHIN_S
    async with RemoteFacility(stage.socket) as facility:
        while True:
            try:
                await facility.hello()
            except FacilityError:
                if stage.agent.starts > 1 or asyncio.get_running_loop().time() > patience:
                    raise ChildFailed(f"The agent does not start:\n{_last_words(stage.log)}") from None
                await asyncio.sleep(0.1)
            else:
                return


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:])


def _subscribe_command(stage: Stage) -> str:
    where = "" if stage.mqtt_port == MQTT_PORT else f"-p {stage.mqtt_port} "
    return f"mosquitto_sub {where}-t 'fac/v1/#' -v"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
