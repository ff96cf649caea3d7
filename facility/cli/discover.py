"""The verb that looks through the building: by the running agent, or alone."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from functools import partial
from time import monotonic

import typer

from facility.cli.common import ConfigOption, Exit, JsonOption, SocketOption, ask, fail, print_json, say, socket_of
from facility.cli.devices import print_devices
from facility.cli.settings import configuration
from facility.config.errors import ConfigError
from facility.config.model import Config
from facility.log import set_up
from facility.plain import escaped
from facility.port import Facility
from facility.wire import DeviceInfo, Discovery
from points.errors import PointsError

LOOK_AGAIN_S = 0.5
LINE_EVERY_S = 5.0  # where the progress is no line that changes but a log


def discover(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """Look through the building and say what is found, new, gone or doubled.

    Asks the running agent; without one it looks by itself and stores the catalog for the agent to come.

    Example:  facility discover
    """
    path = socket_of(socket, config)
    progress = _Progress()
    if path.exists() or socket is not None:
        state, devices = ask(path, partial(_asked_agent, progress=progress))
    else:
        state, devices = _alone(configuration(config), progress)
    progress.end(state)
    if state.error:
        say(f"Discovery did not come to its end: {state.error}", err=True)
    if as_json:
        print_json({"discovery": state, "devices": devices})
        raise typer.Exit(Exit.NO if state.error else Exit.OK)
    for text in state.news:
        say(text)
    print_devices(devices)
    say(f"{len(devices)} devices, {state.points} points")
    if state.error:
        raise typer.Exit(Exit.NO)


async def _asked_agent(facility: Facility, progress: _Progress) -> tuple[Discovery, list[DeviceInfo]]:
    state = await facility.discover()
    while state.running:
        progress.show(state)
        await asyncio.sleep(LOOK_AGAIN_S)
        state = await facility.discover(start=False)
    return state, await facility.devices()


def _alone(config: Config, progress: _Progress) -> tuple[Discovery, list[DeviceInfo]]:
    from facility import views  # noqa: PLC0415 - only this verb needs the agent's parts; the others start without
    from facility.agent import open_survey  # noqa: PLC0415 - the same

    async def look() -> tuple[Discovery, list[DeviceInfo]]:
        async with open_survey(config) as (survey, book):
            looking = asyncio.create_task(survey.look())
            while not looking.done():
                await asyncio.wait({looking}, timeout=LOOK_AGAIN_S)
                progress.show(survey.state())
            await looking
            counts = Counter(point.device for point in book.current.points.values())
            devices = book.current.devices.values()
            return survey.state(), [views.device_found(device, counts[device.id]) for device in devices]

    set_up("warning")
    try:
        return asyncio.run(look())
    except (PointsError, ConfigError) as error:
        fail(str(error), Exit.CONFIG)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


class _Progress:
    """How far the look is: on a terminal one line that changes, elsewhere a line now and then."""

    def __init__(self) -> None:
        self._on_terminal = sys.stderr.isatty()
        self._line_due = 0.0

    def show(self, state: Discovery) -> None:
        line = escaped(f"{state.says}  {state.now}".rstrip())
        if self._on_terminal:
            width = max(os.get_terminal_size(sys.stderr.fileno()).columns, 40) - 1
            sys.stderr.write(f"\r{line[:width]:<{width}}")
            sys.stderr.flush()
        elif (now := monotonic()) >= self._line_due:
            self._line_due = now + LINE_EVERY_S
            say(line, err=True)

    def end(self, state: Discovery) -> None:
        """The last word, whatever was shown before."""
        self._line_due = 0.0
        self.show(state)
        if self._on_terminal:
            say("", err=True)
