"""Politeness on the wire: who may have how many requests outstanding, and how many in a second.

Many field devices have one buffer and answer one request at a time; many sit on one slow trunk
behind a router. Each device, each network and each router has its budget, and whoever wants to ask
(discovery, polls, commands) waits for all of them. Waiting for a device never holds the budget of
the network. Commands pass everybody. What a network bears is learned: when several of its devices
that lived fall silent at once, it gets less to do at once; when all is well for a while, more.
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
RECOVERY = 300.0  # seconds without a silence, before a network is given more at once
SMOOTHING = 0.2  # the weight of one answer in a device's latency
LATENCY_TOLD = 0.5  # of what was noted; less change is not worth a note
LATENCY_MATTERS = 0.05  # seconds; neither is less than that
BURST = 0.1  # seconds' worth of requests that may go out together


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What the settings allow where nothing else is known."""

    per_device: int = 1
    per_network: int = 8
    per_second: float = 50.0  # requests into one remote network
    local_per_second: float = 2000.0


class Gate:
    """So many at once; who is urgent first, the others in the order in which they came."""

    __slots__ = ("_queue", "_urgent", "limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.taken = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._urgent: deque[asyncio.Future[None]] = deque()

    def enters(self, *, urgent: bool = False) -> bool:
        """True if there is room now."""
        if self.taken < self.limit and not self._urgent and (urgent or not self._queue):
            self.taken += 1
            return True
        return False

    async def enter(self, *, urgent: bool = False) -> None:
        """Waits for room. Whoever is let in has a place already when it wakes."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        (self._urgent if urgent else self._queue).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # the place came too late for us
            raise

    def leave(self) -> None:
        self.taken -= 1
        while self.taken < self.limit and (self._urgent or self._queue):
            place = (self._urgent or self._queue).popleft()
            if not place.done():
                self.taken += 1
                place.set_result(None)


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


class Way:
    """To one network: its gate and rate, and how it has been going."""

    __slots__ = ("_ceiling", "_passports", "calm_since", "gate", "network", "rate")

    def __init__(self, network: int, limit: int, per_second: float, passports: Passports) -> None:
        learned = passports.network(network).outstanding
        self.network = network
        self._ceiling = limit
        self._passports = passports
        self.gate = Gate(min(limit, learned or limit))
        self.rate = Rate(per_second)
        self.calm_since = 0.0

    def silent(self, now: float) -> None:
        """A device of it that lived did not answer. One alone is its own trouble."""
        if self.network == LOCAL or self.gate.taken < 2:
            return
        self.calm_since = now
        self._set(max(1, self.gate.limit // 2))

    def answered(self, now: float) -> None:
        if self.gate.limit < self._ceiling and now - self.calm_since > RECOVERY:
            self.calm_since = now
            self._set(self.gate.limit + 1)

    def _set(self, limit: int) -> None:
        if limit != self.gate.limit:
            self.gate.limit = limit
            self._passports.learn_network(self.network, outstanding=limit)


class Budget:
    """All that one device has to wait for. Enter it before a request, leave it after.

    `urgent` is the same for commands: they pass those who wait, and do not wait for their second.
    """

    __slots__ = ("_budgets", "_device", "_heard", "_noted", "_ref", "_router", "_smoothed", "_way", "took", "urgent")

    def __init__(self, budgets: Budgets, ref: DeviceRef, device: Gate, way: Way, router: Gate | None) -> None:
        self._budgets = budgets
        self._ref = ref
        self._device = device
        self._way = way
        self._router = router
        self._heard = float("-inf")
        self._noted = self._smoothed = budgets.passports.learned(ref).latency
        self.took: float | None = None  # seconds to its latest answer, from the moment of sending
        self.urgent = _Urgent(self)

    async def __aenter__(self) -> None:
        await self.enter(urgent=False)

    async def __aexit__(self, *_: object) -> None:
        self.leave()

    def enters(self, *, urgent: bool) -> bool:
        """True if nothing has to be waited for."""
        if not self._device.enters(urgent=urgent):
            return False
        if not self._way.gate.enters(urgent=urgent):
            self._device.leave()
            return False
        if self._router is None or self._router.enters(urgent=urgent):
            if self._way.rate.is_due(self._budgets.now()):
                return True
            if self._router is not None:
                self._router.leave()
        self._way.gate.leave()
        self._device.leave()
        return False

    async def enter(self, *, urgent: bool) -> None:
        entered: list[Gate] = []
        try:
            for gate in (self._device, self._way.gate, self._router):
                if gate is not None:
                    if not gate.enters(urgent=urgent):
                        await gate.enter(urgent=urgent)
                    entered.append(gate)
            pause = self._way.rate.wait(self._budgets.now())
            if pause and not urgent:
                self._budgets.waits += 1
                await asyncio.sleep(pause)
        except BaseException:
            for gate in entered:
                gate.leave()
            raise

    def leave(self) -> None:
        if self._router is not None:
            self._router.leave()
        self._way.gate.leave()
        self._device.leave()

    def answered(self, sent: float) -> None:
        """It answered what was sent to it then."""
        self._heard = now = self._budgets.now()
        self.took = took = now - sent
        self._way.answered(now)
        smoothed = took if self._smoothed is None else self._smoothed + SMOOTHING * (took - self._smoothed)
        self._smoothed = smoothed
        if self._noted is None or abs(smoothed - self._noted) > max(LATENCY_MATTERS, LATENCY_TOLD * self._noted):
            self._noted = round(smoothed, 3)
            self._budgets.passports.learn(self._ref, latency=self._noted)

    def silent(self) -> None:
        """It did not answer. If it lived a moment ago, it may have been asked too much at once."""
        now = self._budgets.now()
        if now - self._heard >= LIVED:
            return
        self._way.silent(now)
        if self._device.taken > 1:
            self._device.limit = 1
            self._budgets.passports.learn(self._ref, outstanding=1)


class _Urgent:
    """A budget, entered before the others."""

    __slots__ = ("_budget",)

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def __aenter__(self) -> None:
        await self._budget.enter(urgent=True)

    async def __aexit__(self, *_: object) -> None:
        self._budget.leave()


class Budgets:
    """Everybody's. `of` a device is always the same budget, shared with all others at its address."""

    def __init__(self, allowance: Allowance, passports: Passports) -> None:
        self._allowance = allowance
        self.passports = passports
        self._devices: dict[tuple[int, str], Gate] = {}
        self._budgets: dict[tuple[int, str, object], Budget] = {}
        self._ways: dict[int, Way] = {}
        self._routers: dict[object, Gate] = {}
        self.now = asyncio.get_running_loop().time
        self.waits = 0  # requests that had to wait for their second

    def of(self, device: DeviceRef, router: object = None) -> Budget:
        """`router`: whatever names the one that leads there; None on our own network, or where it is not known yet."""
        key = (device.network, device.address, router)
        known = self._budgets.get(key)
        if known is None:
            limit = self.passports.of(device).outstanding or self._allowance.per_device
            gate = self._devices.setdefault(key[:2], Gate(limit))
            known = self._budgets[key] = Budget(self, device, gate, self._way(device.network), self._router(router))
        return known

    def ways(self) -> dict[int, tuple[int, int]]:
        """By network: requests outstanding now, and at most."""
        return {number: (way.gate.taken, way.gate.limit) for number, way in self._ways.items()}

    def _way(self, network: int) -> Way:
        if network not in self._ways:
            a, local = self._allowance, network == LOCAL
            limit = a.per_network * LOCAL_FACTOR if local else a.per_network
            per_second = a.local_per_second if local else a.per_second
            self._ways[network] = Way(network, limit, per_second, self.passports)
        return self._ways[network]

    def _router(self, router: object) -> Gate | None:
        if router is None:
            return None
        return self._routers.setdefault(router, Gate(self._allowance.per_network * ROUTER_FACTOR))
