"""What every verb of the command line shares: finding the agent, printing, exit codes, errors as sentences."""

from __future__ import annotations

import asyncio
import math
import os
import re
import socket as socket_module
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from pydantic_core import to_jsonable_python

from facility.client import RemoteFacility
from facility.config.errors import ConfigError
from facility.config.whereabouts import Whereabouts, whereabouts
from facility.plain import escaped, escaped_json
from facility.port import AgentLost, Facility, FacilityError

Result = TypeVar("Result")


class Exit(IntEnum):
    """What a script can rely on; shown by `facility --help`."""

    OK = 0
    NO = 1  # understood and refused, or not as asked for
    USAGE = 2
    NO_AGENT = 3
    CONFIG = 4


ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", envvar="FACILITY_CONFIG", help="Configuration file (default: ./facility.toml)."),
]
SocketOption = Annotated[
    Path | None,
    typer.Option("--socket", envvar="FACILITY_SOCKET", help="The agent's socket (default: that of the running agent)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def fail(text: str, code: Exit) -> NoReturn:
    """One line (or a few) on stderr, and out."""
    for line in text.split("\n"):
        say(line, err=True)
    raise typer.Exit(code)


def say(line: str, *, err: bool = False) -> None:
    """One line of text. Whatever devices or people wrote into it, the terminal prints it and does nothing else."""
    typer.echo(escaped(line), err=err)


def file_of(given: Path | None) -> Path | None:
    """The configuration file: as given, or ./facility.toml if there is one."""
    here = Path("facility.toml")
    return given or (here if here.exists() else None)


def where(config: Path | None) -> Whereabouts:
    """Where the agent of this configuration is, or that of the defaults."""
    try:
        return whereabouts(config)
    except ConfigError as error:
        fail(str(error), Exit.CONFIG)


def socket_of(given: Path | None, config: Path | None) -> Path:
    """Where the agent listens: as given, as configured, or the only one that runs for this user."""
    if given is not None:
        return given
    file = file_of(config)
    if file is not None:
        return where(file).socket
    running = running_agents()
    if len(running) > 1:
        say_which("--socket", running)
    return running[0] if running else where(None).socket


def running_agents() -> list[Path]:
    """Where the agents of this user listen that have the usual state folder."""
    base = where(None).state_dir.parent
    return [path for path in sorted(base.glob("*/agent.sock")) if answers(path)]


def say_which(option: str, paths: Iterable[Path]) -> NoReturn:
    """Several agents run: which of them is not for us to guess."""
    names = "\n".join(f"  {option} {path}" for path in paths)
    fail(f"Several agents run here; say which:\n{names}", Exit.USAGE)


def answers(path: Path) -> bool:
    """Whether anybody listens there; the file of an agent that was killed stays."""
    with socket_module.socket(socket_module.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def ask(socket: Path, question: Callable[[Facility], Awaitable[Result]]) -> Result:
    """Runs `question` against the agent; its no is a sentence and an exit code."""

    async def asked() -> Result:
        async with RemoteFacility(socket) as facility:
            return await question(facility)

    try:
        return asyncio.run(asked())
    except AgentLost as lost:
        fail(str(lost), Exit.NO_AGENT)
    except FacilityError as error:
        fail(str(error), Exit.NO)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def print_json(answer: Any) -> None:
    """Plain JSON, one document; NaN cannot occur."""
    document = orjson.dumps(to_jsonable_python(answer), option=orjson.OPT_INDENT_2).decode()
    sys.stdout.write(escaped_json(document) + "\n")


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, widest: int | None = None) -> None:
    """Columns as wide as their content, or cut at `widest`; the last one at the terminal's edge, if there is one."""
    lines = [list(heads), *[[cut(escaped(cell), widest) for cell in row] for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    edge = os.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        say(cut(text, edge))


def cut(text: str, most: int | None) -> str:
    """The text in so many characters; the last of them says that there was more."""
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


DURATION = re.compile(r"(?:(\d{1,4})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,7})s)?", re.ASCII)


def duration(text: str) -> timedelta:
    """`2h`, `30m`, `1h30m`, `90s`."""
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise typer.BadParameter(f"{text!r} is not a duration; write 2h, 30m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def stretch(minutes: float) -> str:
    """`15 minutes`, `24 hours`, `30 days`: how long, as a person says it."""
    if minutes < 60:
        return f"{minutes:g} minutes"
    hours = minutes / 60
    return f"{hours:g} hours" if hours <= 48 else f"{hours / 24:g} days"


def value(text: str) -> float | int | bool | str:
    """A number where it reads like one; state texts (`on`, `occupied`) are understood by the agent."""
    for kind in (int, float):
        try:
            number = kind(text if text.isascii() and "_" not in text else "")  # Python takes more for numbers
        except ValueError:
            continue
        if abs(number) > sys.float_info.max or math.isnan(number):
            raise typer.BadParameter(f"{text!r} is not a value that a device could hold")
        return number
    return text
