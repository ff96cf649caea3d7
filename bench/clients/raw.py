"""No client: sockets, requests encoded beforehand, replies counted, not decoded. What this reaches, nobody passes."""

from __future__ import annotations

import json
import select
import socket
import struct
import sys
import time

from bench.clients.common import WARM_UP, Arrivals, Job, say
from bench.devices import octets

_INVOKE_ID = 8  # where it is in a datagram without network addresses
_VALUE_FROM_END = 13  # octets from a notification's value to its end
_REAL = struct.Struct(">f")


def request(values: int) -> bytearray:
    """ReadPropertyMultiple of the present values of analog inputs 1 to `values`."""
    body = b"".join(
        octets.context(0, octets.identifier(0, instance)) + octets.opened(1, octets.context(0, b"\x55"))
        for instance in range(1, values + 1)
    )
    return bytearray(octets.datagram(b"\x00\x05\x00\x0e" + body, expecting=True))


def rpm(job: Job) -> Job:
    """A socket per device, its share of the requests in flight; each reply sends the next request."""
    outgoing, poll, sockets = request(job["values"]), select.epoll(), {}
    invoke_id = count = 0
    for device in job["devices"]:
        host, port = device.split(":")
        socket_ = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        socket_.connect((host, int(port)))
        sockets[socket_.fileno()] = socket_
        poll.register(socket_.fileno(), select.EPOLLIN)
    for position in range(job["in_flight"]):
        outgoing[_INVOKE_ID] = invoke_id = position
        list(sockets.values())[position % len(sockets)].send(outgoing)
    sizes: set[int] = set()
    warm, end = time.perf_counter() + WARM_UP, 0.0
    before, started, cpu = 0, 0.0, 0.0
    while not end or time.perf_counter() < end:
        for fd, _ in poll.poll(1.0):
            socket_ = sockets[fd]
            sizes.add(len(socket_.recv(2048)))
            count += 1
            invoke_id = (invoke_id + 1) & 0xFF
            outgoing[_INVOKE_ID] = invoke_id
            socket_.send(outgoing)
        if not end and time.perf_counter() > warm:
            before, started, cpu = count, time.perf_counter(), time.process_time()
            end = started + job["seconds"]
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    if len(sizes) != 1:
        raise ValueError(f"replies of {sizes} octets")
    return {"values": (count - before) * job["values"], "seconds": elapsed, "cpu": cpu}


def cov(job: Job) -> None:
    """Subscribes and counts; of a notification only the four octets of its value are looked at."""
    socket_ = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    socket_.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    socket_.bind(("127.0.0.1", job["port"]))
    arrivals, subscribed = Arrivals(), 0
    for device in job["devices"]:
        host, port = device.split(":")
        for instance in range(1, job["objects"] + 1):
            body = octets.context(0, b"\x01") + octets.context(1, octets.identifier(0, instance))
            body += octets.context(2, b"\x00") + octets.context(3, octets.natural(3600))
            apdu = bytes((0x00, 0x05, instance, 5)) + body
            socket_.sendto(octets.datagram(apdu, expecting=True), (host, int(port)))
            while socket_.recv(2048)[6] != 0x20:
                pass
            subscribed += 1
    say({"ready": subscribed})
    poll = select.epoll()
    poll.register(socket_.fileno(), select.EPOLLIN)
    poll.register(0, select.EPOLLIN)
    socket_.settimeout(0)
    while True:
        for fd, _ in poll.poll():
            if fd:
                _drain(socket_, arrivals)
                continue
            match sys.stdin.readline().strip():
                case "count":
                    say(arrivals.taken())
                case "times":
                    say({"times": sorted(arrivals.times.items())})
                case _:
                    return


def _drain(socket_: socket.socket, arrivals: Arrivals) -> None:
    """Counts what has come; the value stands at one place in all the farm's notifications."""
    buffer, times, monotonic, unpack = bytearray(2048), arrivals.times, time.monotonic, _REAL.unpack_from
    try:
        for _ in range(1000):
            size = socket_.recv_into(buffer)
            times[int(unpack(buffer, size - _VALUE_FROM_END)[0])] = monotonic()
            arrivals.received += 1
    except BlockingIOError:
        pass


if __name__ == "__main__":
    cases = {"rpm": rpm, "cov": cov}
    if sys.argv[1] not in cases:
        say({"cannot": sys.argv[1]})
    elif (answer := cases[sys.argv[1]](json.loads(sys.argv[2]))) is not None:
        say(answer)
