"""Many lean BACnet/IP devices in one process: `python -m bench.devices.farm --devices 500 --objects 100 --port 50000`.

Device i answers at 127.0.0.1:port+i and is instance 100000+i. Beside them there is a door, by default at port-1:

- a BBMD: it grants foreign device registration, and whatever Who-Is it is sent (distributed or unicast) is
  answered by every device in range from its own port, paced by --i-am-rate;
- for whoever runs a benchmark: a datagram of JSON is a command, answered by a datagram of JSON:
  {"do": "stats"}                      what was asked for and sent so far
  {"do": "changing", "share": 0.0}     which share of the objects changes its value between two replies
  {"do": "cov", "rate": 1000}          notifications a second over all subscriptions in turn, "count" of them; 0 ends
  {"do": "times", "from": 0}           CLOCK_MONOTONIC of up to 1000 notifications from that sequence number on
  {"do": "forget"}                     every subscription and the sequence numbers

A notification's present value is its sequence number, so that a lost one shows. A request is parsed the first
time it is seen; from then on its replies, encoded beforehand, are sent with the invoke id swapped. Each reply to
the same request is the next of 64 variants. Segmentation is not served: what does not fit is aborted.
"""

from __future__ import annotations

import argparse
import itertools
import json
import resource
import select
import socket
import struct
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from bench.devices import octets
from bench.devices.answering import (
    SUBSCRIBE_COV,
    framed,
    in_range,
    notification,
    plain,
    reply,
    touched,
)
from bench.devices.building import ANALOG, VARIANTS, Device, kinds

FIRST_INSTANCE = 100_000
_TELL, _I_AM, _WHO_IS = 2, 0, 8  # unconfirmed services
_AT_ONCE = 16  # notifications sent before requests are looked at again

Address = tuple[str, int]


@dataclass(slots=True)
class Subscription:
    device: Device
    socket: socket.socket
    to: Address
    process: int
    object_: octets.Object
    confirmed: bool
    before: bytes  # the notification up to its value, and behind it
    behind: bytes


class Farm:
    """All devices and the door; `run` serves until the process ends."""

    def __init__(self, *, devices: int, objects: int, port: int, door: int, changing: float, cov: bool) -> None:
        self.devices = [
            Device(i, FIRST_INSTANCE + i, kinds(objects), changing=changing, serves_cov=cov) for i in range(devices)
        ]
        self._sockets = [_bound(port + i) for i in range(devices)]
        self._door = _bound(door)
        self._poll = select.epoll()
        self._by_fd: dict[int, tuple[socket.socket, Device, dict[bytes, Iterator[tuple[bytes, bytes]]]]] = {}
        for device, socket_ in zip(self.devices, self._sockets, strict=True):
            self._by_fd[socket_.fileno()] = (socket_, device, {})
            self._poll.register(socket_.fileno(), select.EPOLLIN)
        self._poll.register(self._door.fileno(), select.EPOLLIN)
        self.counts: Counter[str] = Counter()
        self.i_am_rate = 2000.0
        self._i_ams: deque[tuple[socket.socket, bytes, Address]] = deque()
        self._i_am_due = 0.0
        self._subscriptions: dict[tuple[int, Address, int, octets.Object], Subscription] = {}
        self._turn: list[Subscription] = []
        self.times = array("d")
        self._rate, self._left, self._since, self._sent_since = 0.0, 0, 0.0, 0
        self._variant = 0

    def begin_telling(self, rate: float, count: int = 1 << 40) -> None:
        """Sends `rate` notifications a second, `count` of them, once there are subscriptions."""
        self._rate, self._left = rate, count
        self._since, self._sent_since = time.monotonic(), 0

    def run(self) -> None:
        door, by_fd, poll = self._door.fileno(), self._by_fd, self._poll
        while True:
            for fd, _ in poll.poll(self._wait()):
                if fd == door:
                    self._at_the_door()
                    continue
                socket_, device, known = by_fd[fd]
                try:
                    data, sender = socket_.recvfrom(2048)
                    if plain(data):
                        replies = known.get(data[4:8] + data[9:])
                        if replies is not None:
                            before, behind = next(replies)
                            socket_.sendto(before + data[8:9] + behind, sender)
                            continue
                    self._asked(socket_, device, known, data, sender)
                except OSError:  # whoever asked is gone
                    self.counts["unsent"] += 1
            if self._i_ams:
                self._announce()
            if self._rate:
                self._tell()

    def _wait(self) -> float:
        if self._rate and self._turn:
            due = self._since + (self._sent_since + 1) / self._rate - time.monotonic()
            return max(0.0, min(due, 0.05))
        return 0.001 if self._i_ams else -1

    def _asked(
        self,
        socket_: socket.socket,
        device: Device,
        known: dict[bytes, Iterator[tuple[bytes, bytes]]],
        data: bytes,
        sender: Address,
    ) -> None:
        """A request seen for the first time, or one that is answered anew each time."""
        apdu = octets.apdu_of(data)
        if len(apdu) < 2:
            return
        if apdu[0] >> 4 == 1:
            if apdu[1] == _WHO_IS and in_range(apdu[2:], device.instance):
                socket_.sendto(device.i_am(), sender)
            return
        if apdu[0] >> 4 != 0 or len(apdu) < 4:
            return
        self.counts[f"service {apdu[3]}"] += 1
        try:
            objects = touched(apdu[3], apdu[4:])
            if apdu[3] == SUBSCRIBE_COV:
                answer = self._subscribe(device, socket_, sender, apdu[4:])
                socket_.sendto(octets.datagram(answer[:1] + apdu[2:3] + answer[1:]), sender)
                return
            if objects & device.told.keys():
                replies = iter([framed(reply(device, apdu, 0))])
            elif not plain(data):
                self._variant += 1
                replies = iter([framed(reply(device, apdu, self._variant))])
            elif any(device.changes(object_) for object_ in objects):
                replies = known[data[4:8] + data[9:]] = self._replies(device, apdu)
            else:
                replies = known[data[4:8] + data[9:]] = itertools.repeat(framed(reply(device, apdu, 0)))
        except octets.Malformed:
            replies = iter([framed(b"\x60\x09")])
        before, behind = next(replies)
        socket_.sendto(before + apdu[2:3] + behind, sender)

    def _replies(self, device: Device, apdu: bytes) -> Iterator[tuple[bytes, bytes]]:
        made = []
        for variant in range(VARIANTS):
            made.append(framed(reply(device, apdu, variant)))
            yield made[-1]
        yield from itertools.cycle(made)

    def _subscribe(self, device: Device, socket_: socket.socket, sender: Address, body: bytes) -> bytes:
        process, object_, confirmed, lifetime = octets.subscribe_cov(body)
        if not device.serves_cov:
            return b"\x60\x09"
        if object_[0] not in ANALOG or object_ not in device.objects:
            return bytes((0x50, SUBSCRIBE_COV)) + octets.enumerated(1) + octets.enumerated(31)
        key = (device.index, sender, process, object_)
        if lifetime is None:
            self._subscriptions.pop(key, None)
        else:
            before, behind = notification(device, process, object_, lifetime)
            subscription = Subscription(device, socket_, sender, process, object_, confirmed, before, behind)
            self._subscriptions[key] = subscription
            if object_ not in device.told:
                device.told[object_] = struct.unpack(">f", device.present_value(object_, 0)[1:])[0]
            for _, known_device, known in self._by_fd.values():
                if known_device is device:
                    known.clear()  # what was encoded beforehand is not what notifications will tell
            self._send(subscription, device.told[object_])
        self._turn = list(self._subscriptions.values())
        return bytes((0x20, SUBSCRIBE_COV))

    def _send(self, subscription: Subscription, value: float) -> None:
        head = bytes((0x00, 0x05, len(self.times) & 0xFF, 1)) if subscription.confirmed else bytes((0x10, _TELL))
        apdu = head + subscription.before + struct.pack(">f", value) + subscription.behind
        subscription.socket.sendto(octets.datagram(apdu, expecting=subscription.confirmed), subscription.to)

    def _tell(self) -> None:
        """The notifications that are due."""
        if not self._turn:
            self._since = time.monotonic()
            return
        due = int((time.monotonic() - self._since) * self._rate) - self._sent_since
        for _ in range(min(due, _AT_ONCE, self._left)):
            number = len(self.times)
            subscription = self._turn[number % len(self._turn)]
            subscription.device.told[subscription.object_] = float(number)
            self.times.append(time.monotonic())
            self._send(subscription, float(number))
            self._sent_since += 1
            self._left -= 1
        if not self._left:
            self._rate = 0.0
            self.counts["cov microseconds"] = int((time.monotonic() - self._since) * 1e6)

    def _announce(self) -> None:
        now = time.monotonic()
        while self._i_ams and self._i_am_due <= now:
            socket_, data, to = self._i_ams.popleft()
            socket_.sendto(data, to)
            self._i_am_due = max(self._i_am_due, now - 0.01) + 1 / self.i_am_rate

    def _at_the_door(self) -> None:
        data, sender = self._door.recvfrom(65536)
        if data[:1] == b"{":
            self._door.sendto(json.dumps(self._command(json.loads(data))).encode(), sender)
        elif data[:2] == b"\x81\x05":
            self._door.sendto(b"\x81\x00\x00\x06\x00\x00", sender)
        else:
            apdu = octets.apdu_of(data)
            if apdu[:2] == b"\x10\x08":
                self.counts["Who-Is"] += 1
                for device, socket_ in zip(self.devices, self._sockets, strict=True):
                    if in_range(apdu[2:], device.instance):
                        self._i_ams.append((socket_, device.i_am(), sender))

    def _command(self, command: dict[str, object]) -> object:
        match command:
            case {"do": "changing", "share": float() | int() as share}:
                for device in self.devices:
                    device.changing = share
                self._forget_replies()
            case {"do": "cov", "rate": float() | int() as rate}:
                count = command.get("count", 1 << 40)
                self.begin_telling(rate, count if isinstance(count, int) else 0)
            case {"do": "times", "from": int() as first}:
                return list(self.times[first : first + 1000])
            case {"do": "forget"}:
                self._rate = 0.0
                self._subscriptions.clear()
                self._turn, self.times = [], array("d")
                for device in self.devices:
                    device.told.clear()
                self._forget_replies()
            case {"do": "stats"}:
                pass
            case _:
                return {"error": "no such command"}
        told = {
            "notifications": len(self.times),
            "subscriptions": len(self._subscriptions),
            "telling": bool(self._rate),
        }
        return {**self.counts, **told, "devices": len(self.devices)}

    def _forget_replies(self) -> None:
        for _, _, known in self._by_fd.values():
            known.clear()


def _bound(port: int) -> socket.socket:
    socket_ = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    socket_.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    socket_.bind(("127.0.0.1", port))
    return socket_


def main() -> None:
    parser = argparse.ArgumentParser(description="Many lean BACnet/IP devices on loopback.")
    parser.add_argument("--devices", type=int, default=500)
    parser.add_argument("--objects", type=int, default=100, help="of each device, beside the device object")
    parser.add_argument("--port", type=int, default=50_000, help="of the first device")
    parser.add_argument("--door", type=int, help="the BBMD's and the commands' port (default: --port less one)")
    parser.add_argument("--changing", type=float, default=1.0, help="share of the objects that change with every reply")
    parser.add_argument("--i-am-rate", type=float, default=2000.0, help="I-Ams a second")
    parser.add_argument("--cov-rate", type=float, default=0.0, help="notifications a second over all subscriptions")
    parser.add_argument("--no-cov", action="store_true", help="SubscribeCOV is not served")
    arguments = parser.parse_args()
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit[1], arguments.devices + 1024), limit[1]))
    farm = Farm(
        devices=arguments.devices,
        objects=arguments.objects,
        port=arguments.port,
        door=arguments.port - 1 if arguments.door is None else arguments.door,
        changing=arguments.changing,
        cov=not arguments.no_cov,
    )
    farm.i_am_rate = arguments.i_am_rate
    if arguments.cov_rate:
        farm.begin_telling(arguments.cov_rate)
    print("ready", flush=True)
    try:
        farm.run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
