"""What was in force when, from the audit as it is really written."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from facility.audit import Audit
from facility.audit.holds import Line, PastHolds
from facility.database import open_state
from facility.energy.inforce import held, shares
from facility.energy.sheds import given_up
from facility.model import Claim
from points.catalog import Catalog
from points.model import PointId, Priority

T0 = datetime(2026, 11, 2, tzinfo=UTC)
MS = int(T0.timestamp() * 1000)
HOUR = 3_600_000


def at(hours):
    return T0 + timedelta(hours=hours)


def line(hours, by, action, result, *, point="r/sp", priority=15, reason="", seq=0):
    return Line(seq, at(hours), by, action, point, priority, "18.0", reason, result)


def claim(by="policy:night", *, since, point="r/sp"):
    return Claim(
        point=PointId(point), priority=Priority.SCHEDULE, value=18.0, by=by, reason="", since=since, until=at(999),
        command=uuid4(), confirmed=True,
    )  # fmt: skip


def spans(lines, standing=()):
    return [(one.by, (one.since - T0) / timedelta(hours=1), one.until and (one.until - T0) / timedelta(hours=1))
            for one in held(lines, standing, T0)]  # fmt: skip


def test_from_hold_to_release():
    lines = [
        line(1, "policy:night", "hold", "held 18.0 in slot 15"),
        line(4, "policy:night", "release", "released slot 15"),
    ]
    assert spans(lines) == [("policy:night", 1, 4)]


@pytest.mark.parametrize(
    "result", ["refused (limits): too low", "failed: no answer", "outranked: slot 15 holds 18.0, but slot 8 wins"]
)
def test_what_had_no_effect_was_not_in_force(result):
    assert spans([line(1, "policy:night", "hold", result)]) == []


def test_a_drop_ends_it_and_so_does_another_owner():
    lines = [
        line(1, "policy:night", "hold", "held 18.0 in slot 15"),
        line(2, "agent", "drop", "slot 15 is empty"),
        line(3, "policy:night", "hold", "held 18.0 in slot 15"),
        line(5, "policy:other", "hold", "held 19.0 in slot 15"),
        line(6, "agent", "release", "released slot 15"),
    ]
    assert spans(lines) == [("policy:night", 1, 2), ("policy:night", 3, 5), ("policy:other", 5, 6)]


def test_what_stands_still_has_no_end_and_what_does_not_is_credited_to_nobody():
    lines = [line(1, "policy:night", "hold", "held 18.0 in slot 15")]
    assert spans(lines, [claim(since=at(1))]) == [("policy:night", 1, None)]
    assert spans(lines) == [("policy:night", 1, 1)]


def test_what_was_held_when_the_time_began_is_known_by_its_end_or_by_its_claim():
    assert spans([line(4, "policy:night", "release", "released slot 15")]) == [("policy:night", 0, 4)]
    assert spans([], [claim(since=at(-50))]) == [("policy:night", 0, None)]


def test_shares_of_hours_do_not_count_two_points_twice():
    lines = [
        line(0.5, "policy:night", "hold", "held 18.0 in slot 15", point="a/sp"),
        line(0.75, "policy:night", "hold", "held 18.0 in slot 15", point="b/sp"),
        line(2.25, "policy:night", "release", "released slot 15", point="a/sp"),
        line(2.5, "policy:night", "release", "released slot 15", point="b/sp"),
    ]
    told = shares(held(lines, (), T0), MS, MS + 10 * HOUR)
    assert told == {"night": {MS: 0.5, MS + HOUR: 1.0, MS + 2 * HOUR: 0.5}}


def test_sheds_of_one_minute_are_one_line_and_refusals_are_told():
    lines = [
        line(1, "policy:demand", "hold", "held 25.0 in slot 12", point="a/sp", priority=12, reason="limit"),
        line(1.005, "policy:demand", "hold", "held 25.0 in slot 12", point="b/sp", priority=12, reason="limit"),
        line(1.005, "policy:demand", "hold", "refused (critical-space): no", point="c/sp", priority=12, reason="limit"),
        line(3, "policy:demand", "release", "released slot 12", point="a/sp", priority=12),
        line(4, "policy:demand", "release", "released slot 12", point="b/sp", priority=12),
    ]
    together, refused = given_up(Catalog.of([], []), lines, held(lines, (), T0), T0)
    assert (together.points, together.policy, together.until) == (2, "demand", at(4))
    assert together.what == "a/sp, b/sp: limit"
    assert refused.refused == "refused (critical-space): no"
    assert given_up(Catalog.of([], []), [], held(lines, (), T0), at(5)) == []


class Clock:
    def __init__(self, now):
        self.time = now

    def now(self):
        return self.time


async def test_the_audit_is_read_beside_the_agent_from_the_right_entry_on(tmp_path):
    clock = Clock(T0)
    with open_state(tmp_path) as db:
        audit = Audit(db, clock)
        for hour in range(14):
            clock.time = at(hour)
            await audit.note(by="user:x", action="acknowledge", target="a1")
            seq = await audit.intent(
                by="policy:night", action="hold", target="r/sp", value=18.0, priority=15, reason="cold"
            )
            await audit.result(seq, f"held 18.0 in slot 15 ({hour})")
        past = PastHolds(db.path)
        some = await past.between(at(10), at(12))
        assert [(entry.time, entry.result) for entry in some] == [
            (at(10), "held 18.0 in slot 15 (10)"), (at(11), "held 18.0 in slot 15 (11)"),
        ]  # fmt: skip
        assert (some[0].by, some[0].point, some[0].priority, some[0].reason) == ("policy:night", "r/sp", 15, "cold")
        assert len(await past.between(at(-5), at(99))) == 14
        assert await past.between(at(50), at(99)) == []
