"""Real devices that nobody here wrote: `python -m bench.devices.rusty --devices 2 --values 72 --port 50600`.

rusty-bacnet servers, number i at port --port + i and of instance 200000+i, all in this process, each with --values
analog inputs and --setpoints analog values, which have a priority array; values tell which object they belong to, as
in the farm. With --rate the process changes that many
present values a second.
"""

from __future__ import annotations

import argparse
import asyncio

from rusty_bacnet import BACnetServer, ObjectIdentifier, ObjectType, PropertyValue

from bench.devices.building import VARIANTS, whole_part

FIRST_INSTANCE = 200_000


async def serve(*, first: int, devices: int, values: int, setpoints: int, port: int, rate: float) -> None:
    servers = []
    for index in range(first, first + devices):
        server = BACnetServer(
            FIRST_INSTANCE + index,
            f"Rusty {index}",
            interface="127.0.0.1",
            port=port + index,
            broadcast_address="127.255.255.255",
        )
        for instance in range(1, values + 1):
            value = _value(index, instance, 0)
            server.add_analog_input(instance, f"Input {instance}", units=62, present_value=value)
        for instance in range(1, setpoints + 1):
            server.add_analog_value(instance, f"Setpoint {instance}", units=62)
        await server.start()
        servers.append(server)
    print("ready", flush=True)
    if not rate:
        await asyncio.Event().wait()
    points = [(index, instance) for index in range(first, first + devices) for instance in range(1, values + 1)]
    turn = 0
    while True:
        index, instance = points[turn % len(points)]
        point = ObjectIdentifier(ObjectType.ANALOG_INPUT, instance)
        value = PropertyValue.real(_value(index, instance, 1 + turn // len(points)))
        await servers[index - first].set_present_value_local(point, value)
        turn += 1
        if rate < 1e6:
            await asyncio.sleep(1 / rate)


def _value(index: int, instance: int, variant: int) -> float:
    return whole_part(index, (0, instance)) + variant % VARIANTS / VARIANTS


def main() -> None:
    parser = argparse.ArgumentParser(description="rusty-bacnet servers on loopback.")
    parser.add_argument("--first", type=int, default=0, help="number of the first device, from which its port follows")
    parser.add_argument("--devices", type=int, default=2)
    parser.add_argument("--values", type=int, default=72, help="analog inputs of each device")
    parser.add_argument("--setpoints", type=int, default=0, help="commandable analog values of each device")
    parser.add_argument("--port", type=int, default=50_600)
    parser.add_argument("--rate", type=float, default=0.0, help="changes a second")
    asyncio.run(serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
