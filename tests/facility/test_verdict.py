import itertools
from dataclasses import replace

import pytest
from watched_site import NOW, SPACES, after

from facility.model import Alarm, AlarmKind, Severity
from facility.standing import SpaceStanding, Standing
from facility.verdict import overview_groups, verdict

LATER = after(41 * 60)


def space(standing, *, critical=True, index=0, severity=None, why="", alarming=True, partly_unknown=False):
    group = "Operating & procedure" if critical else "Support & offices"
    return SpaceStanding(
        space=SPACES[index],
        group=group,
        critical=critical,
        standing=standing,
        severity=severity or (Severity.HIGH if standing is Standing.OUT and alarming else None),
        partly_unknown=partly_unknown or standing is Standing.UNKNOWN,
        why=why,
        since=NOW,
    )


def alarm(severity, *, acknowledged=False, ended=False, where="OR-3", text="too warm"):
    return Alarm(
        id=f"x-{severity}",
        kind=AlarmKind.OUT_OF_LIMITS,
        severity=severity,
        about="or-3/temp",
        where=where,
        text=text,
        since=NOW,
        ended=NOW if ended else None,
        acknowledged=NOW if acknowledged else None,
    )


def expected(critical, other, severity, *, complete, failed):
    """The rule of the screens once more, as a table of its own words."""
    if critical is Standing.OUT or severity in (Severity.LIFE, Severity.CRIT):
        return "NOT OK"
    if critical is Standing.UNKNOWN or not complete:
        return "UNKNOWN"
    if other in (Standing.OUT, Standing.UNKNOWN) or severity is Severity.HIGH or failed:
        return "WATCH"
    return "OK"


COMBINATIONS = list(
    itertools.product(
        [None, *Standing],
        [None, *Standing],
        [None, *Severity],
        [False, True],  # acknowledged
        [False, True],  # ended
        [False, True],  # complete
        [0, 2],  # failed commands
    )
)


@pytest.mark.parametrize(("critical", "other"), sorted({one[:2] for one in COMBINATIONS}, key=str))
def test_the_word_for_every_combination(critical, other):
    for one in COMBINATIONS:
        if one[:2] != (critical, other):
            continue
        _, _, severity, acknowledged, ended, complete, failed = one
        spaces = [space(critical)] if critical else []
        spaces += [space(other, critical=False, index=4)] if other else []
        alarms = [alarm(severity, acknowledged=acknowledged, ended=ended)] if severity else []
        found = verdict(spaces, alarms, now=LATER, complete=complete, failed_commands=failed)
        standing = None if ended else severity
        assert found.word == expected(critical, other, standing, complete=complete, failed=failed), one
        assert len(found.reasons) <= 3
        assert (found.word == "OK") == (not found.reasons), (one, found)


def test_the_reasons_are_the_worst_first_and_unknown_is_never_left_out():
    spaces = [
        space(Standing.OUT, index=1, severity=Severity.CRIT, why="-1.1 Pa, needs -2.5"),
        replace(space(Standing.OUT, critical=False, index=4, severity=Severity.LOW, why="86 °F"), since=NOW),
        space(Standing.OUT, critical=False, index=2, severity=Severity.HIGH, why="7 °C"),
        *[space(Standing.UNKNOWN, critical=False, index=3) for _ in range(14)],
    ]
    found = verdict(spaces, [alarm(Severity.HIGH)], now=LATER)
    assert found.reasons == ("AII-407 -1.1 Pa, needs -2.5 41 min", "Blood fridge 1 7 °C 41 min", "14 UNKNOWN")


def test_a_space_is_told_once_with_the_words_of_its_alarm():
    spaces = [space(Standing.OUT, severity=Severity.HIGH, why="25.1 °C, max 24.0")]
    assert verdict(spaces, [alarm(Severity.HIGH)], now=LATER).reasons == ("OR-3 too warm 41 min",)


def test_out_within_its_delay_is_watch_and_counted():
    early = space(Standing.OUT, why="-27.0 Pa, needs 2.50", alarming=False)
    found = verdict([early], [], now=LATER)
    assert (found.word, found.reasons) == ("WATCH", ("OR-3 -27.0 Pa, needs 2.50 41 min",))
    (group,), (state,) = overview_groups([early], LATER)
    assert (group.in_range, group.out, group.severity) == (0, 1, "")
    assert group.worst == "OR-3 -27.0 Pa, needs 2.50, 41 min"
    assert (state.state, state.severity) == ("out", "")


def test_what_is_out_within_its_delay_hides_no_unknown():
    found = verdict([space(Standing.OUT, why="25 °C", alarming=False, partly_unknown=True)], [], now=LATER)
    assert (found.word, found.reasons) == ("UNKNOWN", ("1 partly UNKNOWN", "OR-3 25 °C 41 min"))


def test_unknown_leads_when_it_decides():
    spaces = [space(Standing.UNKNOWN), space(Standing.OUT, critical=False, index=4, why="86 °F")]
    assert verdict(spaces, [], now=LATER).reasons == ("1 UNKNOWN", "Office 1 86 °F 41 min")
    assert verdict([], [], now=LATER, complete=False).reasons == ("not every point has been read yet",)
    assert verdict([], [], now=LATER, failed_commands=1).reasons == ("1 command failed",)


def test_groups_count_in_out_and_unknown_apart():
    spaces = [
        space(Standing.IN, index=1),
        space(Standing.OUT, index=0, severity=Severity.HIGH, why="25.1 °C, max 24.0"),
        space(Standing.UNKNOWN, index=4, critical=False, why="no data 21 min"),
        space(Standing.UNKNOWN, index=2, critical=False, why="no points"),
    ]
    (operating, support), states = overview_groups(spaces, LATER)
    assert (operating.name, operating.in_range, operating.out, operating.unknown) == ("Operating & procedure", 1, 1, 0)
    assert (operating.critical, operating.severity) == (True, "HIGH")
    assert operating.worst == "OR-3 25.1 °C, max 24.0, 41 min"
    assert (support.in_range, support.out, support.unknown, support.severity) == (0, 0, 2, "")
    assert support.worst == "Blood fridge 1: no points"
    assert [state.name for state in states] == ["AII-407", "OR-3", "Blood fridge 1", "Office 1"]
    assert states[1].state == "out"
    assert states[1].severity == "HIGH"


def test_a_failed_reading_is_never_part_of_in_range():
    groups, _ = overview_groups([space(Standing.UNKNOWN)], LATER)
    assert (groups[0].in_range, groups[0].unknown) == (0, 1)
