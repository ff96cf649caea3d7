"""What `facility status` says of holds."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from facility.cli.look import end_of
from facility.wire import Hold

HOLD = Hold(
    point="ahu-1/sp",
    value=18.0,
    text="18.0 °C",
    priority=8,
    by="mchen",
    reason="too warm",
    since=datetime(2026, 3, 1, 12, tzinfo=UTC),
    until=datetime(2026, 3, 1, 18, 15, tzinfo=UTC),
    confirmed=True,
)


def test_a_hold_that_is_over_is_not_said_to_last():
    assert end_of(HOLD, ZoneInfo("UTC")) == "until Sun 01 Mar 18:15"
    late = HOLD.model_copy(update={"overdue": "its device is in quarantine"})
    assert end_of(late, ZoneInfo("UTC")) == "OVERDUE since Sun 01 Mar 18:15 (its device is in quarantine)"
