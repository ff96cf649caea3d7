"""A value is never shown as good longer than it may be, whatever came before."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from pretend import START, PretendClock

from points.bacnet.port import Answer
from points.errors import DeviceRefused
from points.freshness.intake import Intake
from points.freshness.marker import TICK, Marker
from points.freshness.quality import NO_FLAGS
from points.freshness.states import PointState
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Quality, Reading, Ref, Source

DEADLINE = 60.0
POINT = Point(
    id=PointId("ahu-1/ai-1"),
    device=DeviceId("ahu-1"),
    ref=Ref(device=DeviceRef(network=0, address="10.0.0.1", instance=1), object_type="analog-input", instance=1),
    name="AI 1",
    kind=Kind.ANALOG,
)
Course = list[tuple[int, str]]


def marks_of(course: Course) -> list[tuple[float, Reading]]:
    """What is in the store at each second, if the point is read in this way after so many seconds each."""
    store: dict[PointId, Reading] = {}
    now = START.timestamp()

    def put(reading: Reading) -> None:
        store[reading.point] = reading

    marker = Marker(PretendClock(), put, lambda _: True)
    intake = Intake(put, marker)
    state = PointState(point=POINT, deadline=DEADLINE, since=now, kept=True)
    marker.watch(state, now)
    seen = []
    for wait, how in [*course, (int(2 * DEADLINE), "")]:
        for _ in range(wait):
            now += TICK
            while marker.mark(now):
                pass
            if POINT.id in store:
                seen.append((now, store[POINT.id]))
        time = datetime.fromtimestamp(now, UTC)
        if how == "unchanged" and state.reading is not None and state.reading is state.polled:
            intake.unchanged(state, state.reading, time, now)
        elif how:
            value: Answer = DeviceRefused("no", "device-busy") if how == "refused" else 20.0
            reading = intake.learn(state, value, NO_FLAGS, None, Source.POLL, time)
            state.polled = reading
    return seen


def test_a_value_that_came_after_a_staleness_becomes_stale_in_its_time() -> None:
    seen = marks_of([(1, "value"), (int(DEADLINE) + 5, "value"), (5, "value")])
    good = [(now, reading) for now, reading in seen if reading.is_good]
    assert good
    assert all(now - reading.time.timestamp() <= DEADLINE + TICK for now, reading in good)


@given(st.lists(st.tuples(st.integers(0, 250), st.sampled_from(["value", "unchanged", "refused"])), max_size=12))
def test_no_value_is_good_longer_than_its_deadline_and_a_tick(course: Course) -> None:
    for now, reading in marks_of(course):
        assert reading.quality is not Quality.GOOD or now - reading.time.timestamp() <= DEADLINE + TICK
