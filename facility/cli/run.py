"""Verbs that run things: run, demo, tui, check, preflight."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, NoReturn

import structlog
import typer

from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    answers,
    fail,
    print_json,
    say,
    socket_of,
)
from facility.cli.settings import configuration
from facility.client import RemoteFacility
from facility.config.errors import ConfigError
from facility.config.model import Config
from facility.log import set_up
from facility.port import FacilityError
from facility.simulation.stories import STORIES
from facility.until import asked_to_end
from facility.users import Permission
from facility.wire import Hello
from points.errors import PointsError

GREETING_S = 3.0  # that an agent may take to say as whom it knows the caller, before the screens open all the same

log = structlog.get_logger(__name__)


def run(
    config: ConfigOption = None,
    with_parent: Annotated[bool, typer.Option("--with-parent", help="End when standard input closes.")] = False,
) -> None:
    """Run the agent until it is told to end (SIGTERM, Ctrl-C).

    Example:  facility run --config /etc/facility.toml
    """
    os.umask(0o077)  # audit, history and log name people: they are for the agent's own user
    settings = configuration(config)
    set_up(settings.agent.log)
    try:
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            runner.run(_run(settings, with_parent=with_parent))
    except (PointsError, ConfigError) as error:
        fail(str(error), Exit.CONFIG)
    except BaseExceptionGroup as group:
        _only_trouble(group)


def event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the fastest event loop that is installed; None: Python's own."""
    try:
        import uvloop  # noqa: PLC0415 - it may not be there
    except ImportError:
        log.debug("the event loop is Python's own: uvloop is not installed")
        return None
    return uvloop.new_event_loop


async def _run(settings: Config, *, with_parent: bool) -> None:
    from facility.agent import open_agent  # noqa: PLC0415 - heavy, and of no use to the other verbs

    async with open_agent(settings) as agent:
        running = asyncio.create_task(agent.run(), name="agent")
        ending = asyncio.create_task(asked_to_end(with_parent=with_parent), name="signals")
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not running.done():
            running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _only_trouble(group: BaseExceptionGroup[BaseException]) -> NoReturn:
    """A trouble a person can act on is told as its sentence; a bug of ours keeps its trace in the log."""
    told, bugs = group.split(PointsError)
    if bugs is not None or told is None:
        raise group
    first: BaseException = told
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    fail(str(first), Exit.CONFIG)


def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Validate the configuration, resolve every selector, say what each policy would do now. Touches nothing.

    Example:  facility check --config facility.toml
    """
    from facility.check import checked  # noqa: PLC0415 - heavy, and of no use to the other verbs

    settings = configuration(config)
    try:
        findings = checked(settings)
    except PointsError as error:
        fail(str(error), Exit.CONFIG)
    if as_json:
        print_json(findings)
    else:
        for line in findings.lines:
            say(line)
    if findings.errors:
        raise typer.Exit(Exit.CONFIG)


def preflight(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Prove that devices can be found from here, or say why not: a few packets, no agent needed.

    Exit code 1 if something keeps devices from being found.

    Example:  facility preflight --config facility.toml
    """
    from facility.preflight import findings  # noqa: PLC0415 - heavy, and of no use to the other verbs
    from points.discovery.preflight import Level  # noqa: PLC0415 - the same

    settings = configuration(config)
    set_up("error")
    try:
        found = asyncio.run(findings(settings, agent_runs=answers(settings.socket)))
    except PointsError as error:
        fail(str(error), Exit.CONFIG)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if as_json:
        print_json({"findings": found})
    else:
        for finding in found:
            say(f"{finding.level.upper():<8} {finding.text}")
            if finding.advice:
                say(f"{'':<8} {finding.advice}")
    if any(finding.level is Level.PROBLEM for finding in found):
        raise typer.Exit(Exit.NO)


def tui(
    config: ConfigOption = None,
    socket: SocketOption = None,
    theme: Annotated[str | None, typer.Option(help="dark, light, contrast, 16 or mono.")] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
) -> None:
    """Attach the terminal UI to the running agent. Leaving it leaves the agent running.

    Example:  facility tui            or from afar:  ssh -Ct hospital facility tui
    """
    _must_have_a_terminal("`facility status`, `points` and `policies` print text")
    path = socket_of(socket, config)
    _must_see(path)
    raise typer.Exit(screens()(RemoteFacility(path), theme=theme, ascii=ascii_only))


def _must_have_a_terminal(instead: str) -> None:
    if not has_terminal():
        fail(f"The screens need a terminal; {instead}.", Exit.USAGE)


def has_terminal() -> bool:
    """Whether somebody sees what is drawn, and can press a key: Textual draws on the standard error."""
    ends = (sys.stdin, sys.stderr)  # None where they are closed
    return all(end is not None and end.isatty() for end in ends)


def _must_see(socket: Path) -> None:
    """Who may read the audit and nothing else is told where; an agent that does not answer, the screens wait for."""

    async def asked() -> Hello:
        async with asyncio.timeout(GREETING_S), RemoteFacility(socket) as facility:
            return await facility.hello()

    try:
        hello = asyncio.run(asked())
    except (FacilityError, TimeoutError):
        return
    if Permission.SEE not in hello.permissions:
        why = f"You are {hello.user}, {hello.role}: the screens show the building, which you may not look at."
        fail(f"{why} Yours are `facility audit show` and `facility audit verify`.", Exit.NO)


def screens() -> Any:
    """The terminal UI, which lives above this package and is found by its entry point."""
    found = entry_points(group="facility.screens", name="tui")
    if not found:
        fail("The terminal UI is not installed with this agent.", Exit.USAGE)
    return next(iter(found)).load()


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="No screen; print a summary at the end.")] = False,
    seconds: Annotated[float | None, typer.Option("--for", min=1, help="End after so many seconds.")] = None,
    scenario: Annotated[str | None, typer.Option(help=f"A story: {', '.join(STORIES)}.")] = None,
    speed: Annotated[float, typer.Option(min=0.1, max=600, help="How much faster the building's physics runs.")] = 1.0,
    churn: Annotated[int, typer.Option(min=0, help="Extra value changes a second, to see it under load.")] = 0,
    mqtt: Annotated[str | None, typer.Option(help="host:port of a broker to use instead of our own.")] = None,
    state: Annotated[Path | None, typer.Option("--state", help="State folder (default: that of the user).")] = None,
    theme: Annotated[str | None, typer.Option(help="dark, light, contrast, 16 or mono.")] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")] = False,
) -> None:
    """A simulated hospital, a broker, the agent and the terminal UI, all on this machine.

    Example:  facility demo --scenario fridge-door --speed 20
    """
    from facility.demo.play import DemoOptions, play  # noqa: PLC0415 - as heavy as the agent
    from facility.demo.processes import ChildFailed  # noqa: PLC0415 - the same

    if scenario is not None and scenario not in STORIES:
        fail(f"There is no scenario {scenario!r}; there are {', '.join(STORIES)}.", Exit.USAGE)
    if seconds is not None and not headless:
        fail("--for goes with --headless; with a screen, Ctrl-Q ends the demo.", Exit.USAGE)
    if not headless:
        _must_have_a_terminal("--headless prints a summary")
    options = DemoOptions(
        headless=headless,
        seconds=seconds,
        scenario=scenario,
        speed=speed,
        churn=churn,
        mqtt=mqtt,
        state=state,
        theme=theme,
        ascii=ascii_only,
    )
    try:
        raise typer.Exit(play(options, screens if not headless else None))
    except ChildFailed as error:
        fail(str(error), Exit.NO)
