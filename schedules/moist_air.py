"""What air holds besides heat. Pure; at the pressure of sea level (ASHRAE Handbook, Fundamentals, psychrometrics)."""

from __future__ import annotations

from math import exp

from schedules.thermal import dew_point

OFF_THE_COIL = 95.0  # percent relative humidity of air that leaves a coil that dries it
_HECTOPASCALS = 1013.25
_WATER_TO_AIR = 0.621945  # of their molar masses


def enthalpy(celsius: float, percent: float) -> float:
    """In kJ for each kg of dry air, counted from dry air of 0 °C."""
    vapour = percent / 100 * 6.112 * exp(17.62 * celsius / (243.12 + celsius))  # hPa, Magnus formula
    water = _WATER_TO_AIR * vapour / (_HECTOPASCALS - vapour)
    return 1.006 * celsius + water * (2501.0 + 1.86 * celsius)


def warmest_that_dries(celsius: float, percent: float) -> float:
    """How warm supply air may be at most, so that a room of this temperature stays below this humidity, in °C.

    Air leaves a coil that dries it at 95 %; it must hold no more water than the room may.
    """
    wanted, low, high = dew_point(celsius, percent), -20.0, celsius
    while high - low > 0.01:
        middle = (low + high) / 2
        low, high = (middle, high) if dew_point(middle, OFF_THE_COIL) < wanted else (low, middle)
    return low
