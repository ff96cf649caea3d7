"""A loop whose clock does not run while the loop stands.

What a test plays with itself over real sockets (a stack here, a device there, both in this loop) must not depend on
how busy the machine is: when this process is not run for half a second, the answer of 0.1 s has not come too late, it
is in the socket. So each turn of the loop takes `TURN_S` of its clock at the most, however long it takes; what has
come meanwhile is seen before the next timer goes off. Where nothing holds it up, its clock is the machine's.
"""

import asyncio
import selectors
import time

TURN_S = 0.005


class Glances(selectors.DefaultSelector):
    """Waits no longer at once than a turn takes: of a long wait that nothing disturbs, no time is lost."""

    def select(self, timeout=None):
        return super().select(TURN_S if timeout is None else min(timeout, TURN_S))


class UnhurriedLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._seen = self._now = time.monotonic()
        self._turn_left = TURN_S
        super().__init__(Glances())

    def time(self):
        seen = time.monotonic()
        passed = min(seen - self._seen, self._turn_left)
        self._seen = seen
        self._turn_left -= passed
        self._now += passed
        return self._now

    def _process_events(self, event_list):
        """Once a turn, when it has waited."""
        self.time()  # the wait belongs to the turn that ends
        self._turn_left = TURN_S
        super()._process_events(event_list)
