"""Savings whose truth is known: a building that is made of a formula, and noise that hangs together."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from facility.energy.baseline import Hour, Quality
from facility.energy.fitting import account, best

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR_MS = 3_600_000


def hours(days, *, first=0, seed=1, noise=3.0, saved=None, missing=(), rho=0.5):
    """A building of 200 kW, 80 more on working days, 4 kW/K below 14 °C.

    `saved(day, hour)` -> {policy: (share, kW)}.
    """
    draw, lag, made = random.Random(seed), 0.0, []
    for number in range(first * 24, (first + days) * 24):
        day, hour = divmod(number, 24)
        weekday = day % 7
        outdoor = 10 + 6 * math.sin(day / 9) + 4 * math.sin((hour - 9) / 24 * 2 * math.pi) + draw.gauss(0, 1.5)
        lag = rho * lag + draw.gauss(0, noise)
        kw = 200 + (80 if weekday < 5 and 7 <= hour < 18 else 0) + 4 * max(0, 14 - outdoor) + lag
        policies = saved(day, hour) if saved else {}
        kw -= sum(share * less for share, less in policies.values())
        shares = {name: share for name, (share, _) in policies.items()}
        made.append(
            Hour(
                start=int(MONDAY.timestamp() * 1000) + number * HOUR_MS,
                weekday=weekday,
                hour=hour,
                day=day,
                outdoor=outdoor,
                kw=None if number in missing else kw,
                shares=shares,
            )
        )
    return made


def test_what_was_saved_is_found_again_within_its_error():
    report = hours(
        14, first=35, saved=lambda _day, hour: {"setback": (1.0, 25.0)} if hour < 6 else {"setback": (0, 25)}
    )
    told = account(hours(35), report, ["setback"])
    truth = 14 * 6 * 25.0
    assert told.quality.acceptable
    assert told.saving.kwh == pytest.approx(truth, abs=1.5 * told.saving.error)
    assert 0 < told.saving.error < truth
    [one] = told.policies
    assert one.policies == ("setback",)
    assert one.saving.kwh == pytest.approx(truth, abs=1.5 * one.saving.error)
    assert one.saving.shown
    assert told.expected - told.actual == pytest.approx(told.saving.kwh)


def test_nothing_saved_is_not_shown_as_a_saving():
    told = account(hours(35), hours(14, first=35), [])
    assert abs(told.saving.kwh) <= 1.5 * told.saving.error


def test_the_interval_covers_the_truth_about_nine_times_in_ten():
    inside = 0
    for seed in range(12):

        def saved(day, hour, seed=seed):
            on = random.Random(seed * 1000 + day).random() < 0.5 and hour >= 20
            return {"sweep": (float(on), 12.0)}

        everything = hours(42, seed=seed, saved=saved)
        told = account([hour for hour in everything if hour.untouched], everything[28 * 24 :], ["sweep"])
        [one] = told.policies
        truth = sum(hour.shares["sweep"] for hour in everything[28 * 24 :]) * 12.0
        inside += abs(one.saving.kwh - truth) <= one.saving.error
    assert inside >= 9


def test_two_policies_that_are_always_together_are_not_told_apart():
    def saved(day, hour):
        on = float(day >= 35 and hour < 6)
        return {"heating": (on, 10.0), "cooling": (on, 10.0), "lights": (float(day % 2 and hour > 20), 5.0)}

    everything = hours(56, saved=saved)
    told = account([h for h in everything if h.untouched], everything[35 * 24 :], ["heating", "cooling", "lights"])
    both = next(one for one in told.policies if "heating" in one.policies)
    assert set(both.policies) == {"heating", "cooling"}
    assert "cannot be told apart" in both.saving.why
    assert both.saving.kwh == pytest.approx(21 * 6 * 20.0, abs=1.5 * both.saving.error)


def test_a_policy_that_was_always_in_force_at_the_same_hours_has_no_number():
    everything = hours(42, saved=lambda _day, hour: {"night": (float(hour < 6), 20.0)})
    told = account([hour for hour in everything if hour.untouched], everything[28 * 24 :], ["night"])
    [one] = told.policies
    assert one.saving.kwh is None
    assert one.saving.error is None
    assert "no hours to compare" in one.saving.why
    assert "left out" in told.saving.why  # and the nights, which the reference has never seen, are in no sum
    assert told.saving.hours == 14 * 18


def test_too_little_reference_gives_no_number():
    told = account(hours(6), hours(7, first=6), [])
    assert told.saving.kwh is None
    assert "6.0 days" in told.saving.why


def test_a_baseline_that_cannot_be_trusted_gives_no_number():
    told = account(hours(35, noise=120.0), hours(7, first=35), ["any"])
    assert not told.quality.acceptable
    assert told.saving.kwh is None
    assert "cannot be trusted" in told.saving.why
    assert told.policies == ()


def test_acceptance_is_that_of_guideline_14():
    def quality(cv_rmse, nmbe):
        return Quality(model="", hours=700, parameters=50, cv_rmse=cv_rmse, nmbe=nmbe, r_squared=0.9, rho=0.0)

    assert quality(0.30, -0.10).acceptable
    assert not quality(0.301, 0.0).acceptable
    assert not quality(0.1, 0.101).acceptable


def test_change_points_are_taken_where_there_are_less_than_four_weeks():
    model, quality = best(hours(14))
    assert model.name.startswith("change points at 14")
    assert quality.parameters in {48 + 1, 48 + 2}
    assert quality.rho > 0.3  # the noise hangs together, and that is seen


def test_what_is_not_known_is_left_out_not_taken_for_zero():
    whole = account(hours(35), hours(7, first=35), [])
    holed = account(hours(35), hours(7, first=35, missing=range(35 * 24, 36 * 24)), [])
    assert holed.saving.hours == whole.saving.hours - 24
    assert holed.actual < whole.actual


@pytest.mark.parametrize(("days", "then", "now"), [(35, -4, 16), (10, 10, -12)])
def test_of_weather_that_the_reference_never_had_nothing_is_told(days, then, now):
    """Nothing was saved. Told beyond what was seen, a straight line had it that something surely was."""

    def moved(hour, by):
        outdoor = hour.outdoor + by
        kw = hour.kw - 4 * max(0, 14 - hour.outdoor) + 4 * max(0, 14 - outdoor) + 3 * max(0, outdoor - 20)
        return replace(hour, outdoor=outdoor, kw=kw)

    reference = [moved(hour, then) for hour in hours(days)]
    told = account(reference, [moved(hour, now) for hour in hours(14, first=days)], [])
    assert told.quality.acceptable
    assert not told.saving.shown
    assert told.saving.hours < 14 * 24
    assert "no such weather" in told.saving.why or "no like in the reference" in told.saving.why


@pytest.mark.parametrize("kw", [0.0, -40.0], ids=["boiler in summer", "net export"])
def test_a_reference_without_use_gives_no_baseline_and_no_number(kw):
    """Its errors have no mean to be a share of; and what is infinite or no number cannot be sent to anybody."""
    told = account([replace(hour, kw=kw) for hour in hours(35)], hours(14, first=35), [])
    assert (told.quality, told.saving.kwh, told.expected) == (None, None, None)
    assert "no baseline can be judged" in told.saving.why
