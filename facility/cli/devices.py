"""Verbs about devices: devices, passport, approve."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from facility.cli.common import (
    ConfigOption,
    Exit,
    JsonOption,
    SocketOption,
    ask,
    print_json,
    print_table,
    say,
    socket_of,
)
from facility.exports import passport_book
from facility.port import Facility
from facility.wire import DeviceInfo, Hello


def devices(config: ConfigOption = None, socket: SocketOption = None, as_json: JsonOption = False) -> None:
    """List the devices that are known, how they do, and which of them a person has to look at.

    Example:  facility devices
    """

    async def question(facility: Facility) -> list[DeviceInfo]:
        return await facility.devices()

    known = ask(socket_of(socket, config), question)
    if as_json:
        print_json(known)
    else:
        print_devices(known)


def print_devices(known: Iterable[DeviceInfo]) -> None:
    """A table; under it, why some of them are in quarantine."""
    every = list(known)
    print_table(
        ("DEVICE", "INSTANCE", "WHERE", "NAME", "VENDOR", "POINTS", "READS", "COV", "STATE"),
        [
            (
                d.id,
                str(d.instance),
                f"{d.network}:{d.address}",
                d.name,
                d.vendor,
                str(d.points),
                d.reads,
                d.cov,
                state_of(d),
            )
            for d in every
        ],
    )
    for device in every:
        if device.quarantine:
            say(f"quarantine: {device.id} {device.quarantine}")


def state_of(device: DeviceInfo) -> str:
    if device.duplicate:
        return "DUPLICATE"
    return f"{device.status}, QUARANTINE" if device.quarantine else device.status


def passport(
    device: Annotated[str | None, typer.Argument(help="Device id or instance; all devices without.")] = None,
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what devices were found able to do, and what the configuration says of them.

    Example:  facility passport ahu-1        or for another program:  facility passport --json
    """

    async def question(facility: Facility) -> tuple[Hello, list[DeviceInfo]]:
        return await facility.hello(), await facility.devices()

    hello, known = ask(socket_of(socket, config), question)
    chosen = [each for each in known if device is None or device in (each.id, str(each.instance))]
    if as_json:
        print_json(passport_book(hello, chosen))
    else:
        for each in chosen:
            says = each.passport.says if each.passport else []
            say(f"{each.id}  {' · '.join(says) or 'nothing has been learned yet'}")
    if device is not None and not chosen:
        say(f"There is no device {device!r}; `facility devices` lists them.", err=True)
        raise typer.Exit(Exit.NO)


def approve(
    device: Annotated[str, typer.Argument(help="Device id, such as ahu-1.")],
    reason: Annotated[str, typer.Option("--reason", help="What you have seen; at least four characters.")],
    config: ConfigOption = None,
    socket: SocketOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a device out of quarantine: you have looked at it, and it may be commanded again.

    Example:  facility approve ahu-1 --reason "controller replaced, same programme"
    """

    async def question(facility: Facility) -> DeviceInfo:
        return await facility.approve(device, reason)

    approved = ask(socket_of(socket, config), question)
    if as_json:
        print_json(approved)
    else:
        say(f"{approved.id} is approved; its claims are compared with it now.")
