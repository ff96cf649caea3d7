"""Politeness on the wire: who may have how many requests outstanding, and how many in a second.

Many field devices have one buffer and answer one request at a time; many sit on one slow trunk
behind a router. Each device, each network and each router has its limit, and whoever wants to ask
(discovery, polls, commands) waits for its turn. Nobody holds one limit while waiting for another, so
a device that is slow or dead costs nobody else a turn. Commands go first, and one of them may exceed
what the settings allow a network, but none what a device or a network was found to bear.

What a network bears is learned: when several of its devices that lived fall silent at once, it gets
less to do at once; when all is well for a while, more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from points.bacnet.addresses import LOCAL
from points.model import DeviceRef
from points.passport import Passports

LOCAL_FACTOR = 4  # devices on our own network share a LAN, not a trunk
ROUTER_FACTOR = 2  # networks behind one router that may be busy at the same time
LIVED = 60.0  # seconds; who answered within is not a dead device
TOGETHER = 5.0  # seconds in which two devices fall silent together
RECOVERY = 300.0  # seconds without a silence, before a network is given more at once
SMOOTHING = 0.2  # the weight of one answer in a device's latency
LATENCY_TOLD = 0.5  # of what was noted; less change is not worth a note
LATENCY_MATTERS = 0.05  # seconds; neither is less than that
MOST = 20_000  # stations that are remembered; more than any site has, and no more than a liar can make us keep
BURST = 0.1  # seconds' worth of requests that may go out together


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the settings allow where nothing else is known."""

    per_device: int = 1
    per_network: int = 8
    per_second: float = 50.0  # requests into one remote network
    local_per_second: float = 2000.0


class Limit:
    """So many at once."""

    __slots__ = ("most", "taken")

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    def has_room(self) -> bool:
        return self.taken < self.most


class Router(Limit):
    """What all networks behind one router share."""

    __slots__ = ("ways",)

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.ways: set[Way] = set()


class Rate:
    """So many in a second, evenly, with a small burst."""

    __slots__ = ("_next", "interval", "slack")

    def __init__(self, per_second: float) -> None:
        self.interval = 1.0 / per_second
        self.slack = max(BURST, self.interval)
        self._next = 0.0

    def is_due(self, now: float) -> bool:
        """Takes the next turn if it has come."""
        turn = max(self._next, now - self.slack) + self.interval
        if turn > now:
            return False
        self._next = turn
        return True

    def wait(self, now: float) -> float:
        """Takes the next turn; returns the seconds until it has come."""
        self._next = max(self._next, now - self.slack) + self.interval
        return max(0.0, self._next - now)


@dataclass(slots=True, eq=False)
class _Turn:
    """Somebody who waits."""

    device: Limit
    router: Router | None
    urgent: bool
    come: asyncio.Future[None]


class Way:
    """To one network: who is on it, who waits for it, and how it has been going."""

    __slots__ = ("_ceiling", "_passports", "_silences", "_urgent", "_waiting", "calm_since", "limit", "network", "rate")

    def __init__(self, network: int, most: int, per_second: float, passports: Passports) -> None:
        learned = passports.network(network).outstanding
        self.network = network
        self.limit = Limit(min(most, learned or most))
        self.rate = Rate(per_second)
        self.calm_since = 0.0
        self._ceiling = most
        self._passports = passports
        self._silences: dict[Budget, float] = {}
        self._urgent: deque[_Turn] = deque()
        self._waiting: deque[_Turn] = deque()

    def enters(self, device: Limit, router: Router | None, *, urgent: bool) -> bool:
        """True if there is room now, and nobody waits who comes first."""
        if self._urgent or (self._waiting and not urgent) or not self._has_room(device, router, urgent=urgent):
            return False
        self._take(device, router)
        return True

    async def enter(self, device: Limit, router: Router | None, *, urgent: bool) -> None:
        """Waits for room. Whoever is let in has its places already when it wakes."""
        turn = _Turn(device, router, urgent, asyncio.get_running_loop().create_future())
        (self._urgent if urgent else self._waiting).append(turn)
        self._let_in()
        try:
            await turn.come
        except asyncio.CancelledError:
            if turn.come.done() and not turn.come.cancelled():
                self.leave(device, router)  # the turn came too late for us
            else:
                (self._urgent if urgent else self._waiting).remove(turn)
            raise

    def leave(self, device: Limit, router: Router | None) -> None:
        device.taken -= 1
        self.limit.taken -= 1
        if router is not None:
            router.taken -= 1
            for way in router.ways:
                if way is not self:
                    way._let_in()  # noqa: SLF001 - a way like this one
        self._let_in()

    def silent(self, who: Budget, now: float) -> None:
        """A device of it that lived did not answer. One alone is its own trouble."""
        self._silences = {other: at for other, at in self._silences.items() if now - at < TOGETHER}
        together = any(other is not who for other in self._silences)
        self._silences[who] = now
        if self.network != LOCAL and together:
            self._silences.clear()
            self.calm_since = now
            self._set(max(1, self.limit.most // 2))

    def answered(self, now: float) -> None:
        if self.limit.most < self._ceiling and now - self.calm_since > RECOVERY:
            self.calm_since = now
            self._set(self.limit.most + 1)

    def _let_in(self) -> None:
        """Those who can go: the urgent first, then the others in the order in which they came."""
        for queue in (self._urgent, self._waiting):
            for turn in list(queue):
                if not self._has_room(turn.device, turn.router, urgent=turn.urgent):
                    if not self._has_room(None, None, urgent=turn.urgent):
                        break
                elif not turn.come.done():
                    queue.remove(turn)
                    self._take(turn.device, turn.router)
                    turn.come.set_result(None)

    def _has_room(self, device: Limit | None, router: Router | None, *, urgent: bool) -> bool:
        if device is not None and not device.has_room():
            return False
        if urgent:
            learned = self.limit.most < self._ceiling
            return self.limit.has_room() or (not learned and self.limit.taken <= self.limit.most)
        return self.limit.has_room() and (router is None or router.has_room())

    def _take(self, device: Limit, router: Router | None) -> None:
        device.taken += 1
        self.limit.taken += 1
        if router is not None:
            router.taken += 1

    def _set(self, most: int) -> None:
        if most != self.limit.most:
            self.limit.most = most
            self._passports.learn_network(self.network, outstanding=most)


class Budget:
    """What one station has to wait for. Enter it before a request, leave it after."""

    __slots__ = ("_budgets", "_device", "_heard", "_noted", "_of", "_router", "_smoothed", "_way", "took")

    def __init__(self, budgets: Budgets, device: Limit, way: Way, router: Router | None) -> None:
        self._budgets = budgets
        self._device = device
        self._way = way
        self._router = router
        self._heard = float("-inf")
        self._of: DeviceRef | None = None  # whose latency is noted
        self._noted: float | None = None
        self._smoothed: float | None = None
        self.took: float | None = None  # seconds to its latest answer, from the moment of sending

    def enters(self, *, urgent: bool) -> bool:
        """True if nothing has to be waited for."""
        if not self._way.enters(self._device, self._router, urgent=urgent):
            return False
        if urgent or self._way.rate.is_due(self._budgets.now()):
            return True
        self.leave()
        return False

    async def enter(self, *, urgent: bool) -> None:
        """Waits for its turn. The urgent do not wait for their second."""
        await self._way.enter(self._device, self._router, urgent=urgent)
        pause = self._way.rate.wait(self._budgets.now())
        if pause and not urgent:
            self._budgets.waits += 1
            try:
                await asyncio.sleep(pause)
            except asyncio.CancelledError:
                self.leave()
                raise

    def leave(self) -> None:
        self._way.leave(self._device, self._router)

    def answered(self, device: DeviceRef, sent: float) -> None:
        """The device answered what was sent to it then."""
        self._heard = now = self._budgets.now()
        self.took = took = now - sent
        self._way.answered(now)
        if device != self._of:
            self._of = device
            self._noted = self._smoothed = self._budgets.passports.learned(device).latency
        smoothed = took if self._smoothed is None else self._smoothed + SMOOTHING * (took - self._smoothed)
        self._smoothed = smoothed
        if self._noted is None or abs(smoothed - self._noted) > max(LATENCY_MATTERS, LATENCY_TOLD * self._noted):
            self._noted = round(smoothed, 3)
            self._budgets.passports.learn(device, latency=self._noted)

    def silent(self, device: DeviceRef) -> None:
        """It did not answer. If it lived a moment ago, it may have been asked too much at once."""
        now = self._budgets.now()
        if now - self._heard >= LIVED:
            return
        self._way.silent(self, now)
        if self._device.taken > 1:
            self._device.most = 1
            self._budgets.passports.learn(device, outstanding=1)


class Budgets:
    """Everybody's. All devices at one address share a budget."""

    def __init__(self, allowance: Allowance, passports: Passports) -> None:
        self._allowance = allowance
        self.passports = passports
        self._devices: dict[tuple[int, str], Limit] = {}
        self._budgets: dict[tuple[int, str, object], Budget] = {}
        self._ways: dict[int, Way] = {}
        self._routers: dict[object, Router] = {}
        self.now = asyncio.get_running_loop().time
        self.waits = 0  # requests that had to wait for their second

    def of(self, device: DeviceRef, router: object = None) -> Budget:
        """`router`: whatever names the one that leads there; None on our own network, or where it is not known yet."""
        key = (device.network, device.address, router)
        most = self.passports.of(device).outstanding or self._allowance.per_device
        known = self._budgets.get(key)
        if known is None:
            if len(self._budgets) >= MOST:
                self._make_room()
            limit = self._devices.setdefault(key[:2], Limit(most))
            way = self._way(device.network)
            known = self._budgets[key] = Budget(self, limit, way, self._router(router, way))
        self._devices[key[:2]].most = most
        return known

    def ways(self) -> dict[int, tuple[int, int]]:
        """By network: requests outstanding now, and at most."""
        return {number: (way.limit.taken, way.limit.most) for number, way in self._ways.items()}

    def _way(self, network: int) -> Way:
        if network not in self._ways:
            a, local = self._allowance, network == LOCAL
            most = a.per_network * LOCAL_FACTOR if local else a.per_network
            per_second = a.local_per_second if local else a.per_second
            self._ways[network] = Way(network, most, per_second, self.passports)
        return self._ways[network]

    def _router(self, name: object, way: Way) -> Router | None:
        if name is None:
            return None
        router = self._routers.setdefault(name, Router(self._allowance.per_network * ROUTER_FACTOR))
        router.ways.add(way)
        return router

    def _make_room(self) -> None:
        """Forgets stations that nobody is asking; asking them again makes them anew."""
        idle = [key for key in self._budgets if not self._devices[key[:2]].taken]
        for key in idle[: MOST // 2]:
            del self._budgets[key]
        used = {key[:2] for key in self._budgets}
        self._devices = {key: limit for key, limit in self._devices.items() if key in used}
