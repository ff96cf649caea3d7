"""A policy of a test: what `demands` says, until `next_change`."""

from points.model import Priority
from schedules.policy import Decision


class Scripted:
    kind = "scripted"
    remembers = None
    priority = Priority.SCHEDULE

    def bind(self, _catalog):
        return lambda looked, _memory: Decision(demands=tuple(self.demands(looked)), until=self.next_change(looked.now))

    def next_change(self, _now):
        return None
