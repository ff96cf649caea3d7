"""`facility whoami`: as whom the agent knows the caller, and what that allows."""

from __future__ import annotations

from facility.cli.common import ConfigOption, JsonOption, SocketOption, ask, print_json, say, socket_of, stretch
from facility.users import Permission
from facility.wire import Hello


def whoami(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """Say whom the agent takes you for, what you may do, and where.

    Example:  facility whoami
    """
    hello = ask(socket_of(socket, config), lambda facility: facility.hello())
    if as_json:
        print_json(hello)
        return
    say(f"You are {hello.user}, {hello.role} of {hello.site_name}.")
    say(f"  You may {', '.join(Permission(each).words for each in hello.permissions)}.")
    if Permission.COMMAND in hello.permissions:
        say(f"  Where: {_where(hello)}.")
        say(f"  A hold of yours lasts {stretch(hello.shortest_minutes)} to {stretch(hello.longest_minutes)}.")


def _where(hello: Hello) -> str:
    return f"in {', '.join(hello.spaces)} only" if hello.spaces else "everywhere"
