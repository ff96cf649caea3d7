"""What the harness concludes from what it measured."""

from __future__ import annotations

import pytest

from bench import compare, document, plot, reads
from bench.contenders import BACPYPES3, CLIENTS, FACILITY, Failed
from bench.devices.building import AI, whole_part
from bench.figures import CASES, Run
from bench.notifications import LOWEST, STEP, TOP, climb, late


@pytest.mark.parametrize("limit", [LOWEST * STEP**7 + 1, LOWEST * STEP**8 + 1, LOWEST * STEP**20 + 1])
@pytest.mark.parametrize("place", [0, 6, 7, 8, 26])
@pytest.mark.parametrize("stride", [1, 4])
def test_the_highest_rate_that_is_borne_is_found_from_wherever_the_search_begins(
    limit: float, place: int, stride: int
) -> None:
    found = climb(lambda rate: rate if rate <= limit else 0.0, place=place, stride=stride)
    assert found <= limit < found * STEP


def test_who_bears_nothing_has_no_rate_and_who_bears_all_the_highest() -> None:
    assert climb(lambda _: 0.0, place=6, stride=4) == 0.0
    assert climb(lambda rate: rate, place=6, stride=4) == pytest.approx(LOWEST * STEP**TOP)


def samples(fraction: float, *, device_of_last: int = 1) -> list[list[float]]:
    devices = [position % reads.DEVICES for position in range(reads.IN_FLIGHT - 1)] + [device_of_last]
    return [[whole_part(device, (AI, i)) + fraction for i in range(1, reads.VALUES + 1)] for device in devices]


def test_right_values_pass() -> None:
    reads.check({"early": samples(0.0), "late": samples(0.5)}, changing=True)
    reads.check({"early": samples(0.0), "late": samples(0.0)}, changing=False)


def test_values_of_another_device_are_no_values() -> None:
    with pytest.raises(Failed, match="wrong values of device 1"):
        reads.check({"early": samples(0.0), "late": samples(0.5, device_of_last=0)}, changing=True)


def test_values_that_should_have_changed_and_have_not_are_no_values() -> None:
    with pytest.raises(Failed, match="old ones"):
        reads.check({"early": samples(0.5), "late": samples(0.5)}, changing=True)


def test_a_request_that_was_never_answered_does_not_pass() -> None:
    with pytest.raises(Failed, match="never answered"):
        reads.check({"early": samples(0.0)[:-1], "late": samples(0.0)}, changing=False)


def test_one_lost_notification_in_a_hundred_and_more_makes_the_99th_percentile_endless() -> None:
    assert late([0.001] * 990 + [9.0] * 10) == 0.001
    assert late([0.001] * 989 + [float("inf")] * 11) == float("inf")


def measured(**rates: float) -> Run:
    run = Run(machine={})
    for client, rate in rates.items():
        run.add("cov-ingest", client, rate)
    return run


@pytest.mark.parametrize(("ours", "outcome"), [(10_000.0, ("10.00 x", "met")), (9_900.0, ("9.90 x", "MISSED"))])
def test_a_target_that_was_missed_is_called_missed(ours: float, outcome: tuple[str, str]) -> None:
    target = compare.Target(case="cov-ingest", bound=10, other=BACPYPES3)
    assert target.outcome(measured(facility=ours, bacpypes3=1_000.0)) == outcome
    assert target.outcome(measured(facility=ours)) == ("-", "not measured")


def test_a_limit_is_kept_below_it() -> None:
    run = Run(machine={})
    run.add("poll-50k-cpu", FACILITY, 50.0)
    assert compare.Target(case="poll-50k-cpu", bound=50).outcome(run) == ("50.0", "MISSED")


def test_the_figures_are_medians_of_the_seven_cases_alone() -> None:
    run = measured(facility=1.0)
    run.add("cov-ingest", FACILITY, 5.0)
    run.add("cov-ingest", FACILITY, 2.0)
    run.add(compare.ON_FARM, FACILITY, 9.0)
    expected = {"case": "cov-ingest", "client": FACILITY, "value": 2.0, "unit": "notifications/s"}
    assert run.figures() == [expected]


def test_every_target_is_of_a_case_and_against_a_client_that_there_is() -> None:
    assert {target.case for target in compare.TARGETS} == set(CASES)
    assert {target.other for target in compare.TARGETS} <= {*CLIENTS, None}


def test_a_run_replaces_only_what_a_run_has_written() -> None:
    page = f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n"
    assert document.merged(page, "new") == f"before\n{document.BEGIN}\nnew\n{document.END}\nafter\n"
    with pytest.raises(ValueError, match="no place"):
        document.merged("a page without marks", "new")


def test_the_picture_has_a_bar_for_every_figure() -> None:
    picture = plot.svg(measured(facility=1000.0, bacpypes3=100.0))
    assert picture.count("<rect") == 3
