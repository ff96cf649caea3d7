"""The `facility` command. Every verb has an example in its help, exit codes, and errors that say what to do.

A verb's module is imported when the verb is asked for: who reads a point at night does not wait for what exports an
audit. So the start of every process is short, the agent's own among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from importlib import import_module
from typing import Any, cast

import typer
from typer.core import TyperGroup

VERBS: Mapping[str, str] = {
    "run": "run:run",
    "demo": "run:demo",
    "tui": "run:tui",
    "discover": "discover:discover",
    "devices": "devices:devices",
    "passport": "devices:passport",
    "approve": "devices:approve",
    "points": "look:points",
    "read": "look:read",
    "why": "why:why",
    "write": "act:write",
    "release": "act:release",
    "waiting": "act:waiting",
    "second": "act:second",
    "whoami": "who:whoami",
    "schedule": "look:schedule",
    "policies": "policies:policies",
    "status": "look:status",
    "rehearse": "rehearse:rehearse",
    "rehearsal": "rehearse:rehearsal",
    "apply": "rehearse:apply",
    "reload": "rehearse:reload",
    "replay": "replay:replay",
    "energy": "energy:energy",
    "compliance": "energy:compliance",
    "overrides": "overrides:overrides",
    "profiles": "relax:profiles",
    "relaxations": "relax:relaxations",
    "consent": "relax:consent",
    "check": "run:check",
    "preflight": "run:preflight",
    "audit": "audit:app",
    "device-schedules": "device_schedules:app",
    "event": "events:app",
    "dr": "dr:app",
}
"""Where each verb is, in the order in which help lists them."""

NEGATIVE = frozenset({"write"})  # verbs to which -5 is a value, not an option


class Verbs(Mapping[str, Any]):
    """The command (or the group of them) of each verb, made when it is asked for."""

    def __getitem__(self, verb: str) -> Any:
        module, _, name = VERBS[verb].partition(":")
        found = getattr(import_module(f"facility.cli.{module}"), name)
        if not isinstance(found, typer.Typer):
            found = _alone(found, negative=verb in NEGATIVE)
        command = typer.main.get_command(found)
        command.name = verb
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(VERBS)

    def __len__(self) -> int:
        return len(VERBS)


def _alone(verb: Callable[..., None], *, negative: bool) -> typer.Typer:
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(context_settings={"ignore_unknown_options": negative})(verb)
    return alone


class VerbGroup(TyperGroup):
    """What `facility` knows to do."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = cast("MutableMapping[str, Any]", Verbs())  # only ever read


app = typer.Typer(
    cls=VerbGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def facility() -> None:
    """The facility controller agent of a hospital.

    Exit codes: 0 done, 1 refused or not as asked for, 2 usage, 3 no agent answers, 4 unusable configuration.
    """


def main() -> None:
    """Entry point of the installed command."""
    app()
