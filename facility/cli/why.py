"""`facility why POINT`: why its value stands, the cause under its effect, and what happens next."""

from __future__ import annotations

from typing import Annotated

import typer

from facility.cli.common import ConfigOption, JsonOption, SocketOption, ask, print_json, say, socket_of


def why(
    point: Annotated[str, typer.Argument(help="Point id, such as ahu-1/sat.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why a point has the value that it has, and what happens next.

    Reads its slots from the device; what each step rests on is in brackets.

    Example:  facility why ahu-1/sat-sp
    """
    told = ask(socket_of(socket, config), lambda facility: facility.why(point))
    if as_json:
        print_json(told)
        return
    say(told.value)
    *causes, coming = told.steps
    for number, step in enumerate(causes, 1):
        say(f" {number} {step.text}  [{step.evidence}]")
    say(f" ▸ Next: {coming.text}  [{coming.evidence}]")
