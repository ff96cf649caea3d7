"""As much of the Unified Code for Units of Measure as buildings need, to check a table of codes with.

Atoms are those of UCUM's tables 1 to 5, with their values in SI units; `value` knows its grammar of terms,
prefixes on metric atoms only, and that special units stand alone.
"""

from __future__ import annotations

import re
from collections import Counter
from math import pi
from typing import NamedTuple

PREFIXES = {"G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "d": 1e-1}


class Measure(NamedTuple):
    """A factor to SI, and the powers of the base units."""

    factor: float
    dimension: tuple[tuple[str, int], ...]


def _of(factor: float, **powers: int) -> Measure:
    return Measure(factor, tuple(sorted(powers.items())))


# Metric atoms take a prefix.
METRIC = {
    "m": _of(1, m=1), "g": _of(1e-3, kg=1), "s": _of(1, s=1), "A": _of(1, A=1), "K": _of(1, K=1), "cd": _of(1, cd=1),
    "rad": _of(1), "L": _of(1e-3, m=3), "t": _of(1e3, kg=1), "Hz": _of(1, s=-1), "N": _of(1, kg=1, m=1, s=-2),
    "Pa": _of(1, kg=1, m=-1, s=-2), "bar": _of(1e5, kg=1, m=-1, s=-2), "J": _of(1, kg=1, m=2, s=-2),
    "W": _of(1, kg=1, m=2, s=-3), "V": _of(1, kg=1, m=2, s=-3, A=-1), "Ohm": _of(1, kg=1, m=2, s=-3, A=-2),
    "S": _of(1, kg=-1, m=-2, s=3, A=2), "F": _of(1, kg=-1, m=-2, s=4, A=2), "H": _of(1, kg=1, m=2, s=-2, A=-2),
    "T": _of(1, kg=1, s=-2, A=-1), "Wb": _of(1, kg=1, m=2, s=-2, A=-1), "lm": _of(1, cd=1), "lx": _of(1, cd=1, m=-2),
    "Bq": _of(1, s=-1), "Gy": _of(1, m=2, s=-2), "Sv": _of(1, m=2, s=-2), "REM": _of(0.01, m=2, s=-2),
    "Ci": _of(3.7e10, s=-1), "m[H2O]": _of(9806.65, kg=1, m=-1, s=-2), "m[Hg]": _of(133322, kg=1, m=-1, s=-2),
    "B[V]": _of(1, bel_volt=1), "B[mV]": _of(1, bel_volt=1), "B": _of(1, bel=1), "C": _of(1, A=1, s=1),
}  # fmt: skip
INCH, FOOT, POUND = 0.0254, 0.3048, 0.45359237
PLAIN = {
    "%": _of(1e-2), "[ppth]": _of(1e-3), "[ppm]": _of(1e-6), "[ppb]": _of(1e-9), "[pH]": _of(1, pH=1),
    "deg": _of(pi / 180),
    "min": _of(60, s=1), "h": _of(3600, s=1), "d": _of(86400, s=1), "wk": _of(604800, s=1), "mo": _of(2629800, s=1),
    "a": _of(31557600, s=1), "Cel": _of(1, K=1), "[degF]": _of(5 / 9, K=1), "[degR]": _of(5 / 9, K=1),
    "[in_i]": _of(INCH, m=1), "[ft_i]": _of(FOOT, m=1), "[mi_i]": _of(5280 * FOOT, m=1), "[sin_i]": _of(INCH**2, m=2),
    "[sft_i]": _of(FOOT**2, m=2), "[cft_i]": _of(FOOT**3, m=3), "[gal_us]": _of(231 * INCH**3, m=3),
    "[gal_br]": _of(4.54609e-3, m=3), "[lb_av]": _of(POUND, kg=1), "[gr]": _of(POUND / 7000, kg=1),
    "[ston_av]": _of(2000 * POUND, kg=1), "[lton_av]": _of(2240 * POUND, kg=1),
    "[psi]": _of(6894.757293168, kg=1, m=-1, s=-2),
    "[in_i'H2O]": _of(249.08891, kg=1, m=-1, s=-2), "[in_i'Hg]": _of(3386.3788, kg=1, m=-1, s=-2),
    "[Btu_IT]": _of(1055.05585262, kg=1, m=2, s=-2), "[HP]": _of(745.69987158227, kg=1, m=2, s=-3),
}  # fmt: skip
SPECIAL = {"Cel", "[degF]", "[pH]", "B", "B[V]", "B[mV]"}

_COMPONENT = re.compile(r"(10\*\d+|\d+|(?:[^\s./()\[\]0-9*]|\[[^\]]*\])+)(-?\d+)?")


def value(code: str) -> Measure:
    """What a code stands for; ValueError when it is none."""
    if code == "1":
        return _of(1)
    terms = re.sub(r"/\(([^)]*)\)", lambda inside: "/" + inside[1].replace(".", "/"), code)
    factor, powers = 1.0, Counter[str]()
    for operator, component in re.findall(r"([./]?)([^./]+)", terms):
        if component != code and _is_special(component):
            raise ValueError(f"{component} cannot take part in {code}")
        atom, exponent = _component(component)
        power = -exponent if operator == "/" else exponent
        factor *= atom.factor**power
        for base, times in atom.dimension:
            powers[base] += power * times
    return Measure(factor, tuple(sorted((base, power) for base, power in powers.items() if power)))


def _is_special(component: str) -> bool:
    return component in SPECIAL or (component[:1] in PREFIXES and component[1:] in SPECIAL)


def _component(component: str) -> tuple[Measure, int]:
    matched = _COMPONENT.fullmatch(component)
    if matched is None:
        raise ValueError(f"{component} is no component of a term")
    symbol, exponent = matched[1], int(matched[2] or 1)
    if symbol.startswith("10*"):
        return _of(10.0 ** int(symbol[3:])), exponent
    if symbol in METRIC or symbol in PLAIN:
        return METRIC.get(symbol) or PLAIN[symbol], exponent
    prefix, rest = symbol[:1], symbol[1:]
    if prefix in PREFIXES and rest in METRIC:
        return METRIC[rest]._replace(factor=METRIC[rest].factor * PREFIXES[prefix]), exponent
    raise ValueError(f"{symbol} is no unit")
