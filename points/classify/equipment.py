"""Which machine a text speaks of, and what hangs on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

# type ; how it is written (after `words.cut`, joined by blanks); up to three numbers may follow
_TABLE = r"""
vav             ; vav( box)?|vma|cav|fpb|vvt|air terminal|terminal( unit)?|tu
fcu             ; fcu|fan ?coil|fc
room-controller ; (room|rm|zone|space) (controller|control|contr|ctrl|unit|sensor)|thermostat|tstat|stat
lighting        ; lighting( (panel|controller|relay))?|ltg|lights?( panel)?|lp(?= \d)|lcp|relay panel|dali|luminaires?
ahu             ; ahu|ah(?= \d)|rtu|mau|doas|air handl\w*( unit)?|hvac unit|rooftop( unit)?
chiller         ; chillers?|chlr|chl|ch(?= \d)
boiler          ; boilers?|blr
tower           ; (cooling )?tower|twr|ct(?= (\d+ )?(fan|vfd|basin|cell|cond\w*))
pump            ; pumps?|pmp|[chd]\w?wp|chwp|hwp|cwp|p(?= \d)
exchanger       ; heat exchanger|hx
exhaust-fan     ; (exhaust|exh) fan|e?f(?= \d)|ef
meter           ; (\w+ )?(meter|mtr)
plant           ; (chilled|hot|heating|cooling|condenser) (water )?(plant|system|loop)|central plant|chw|hhw
weather         ; weather( station)?|outside air|outdoor air|oat|oah|oarh|ambient
"""
_NUMBERS = r"(?: (?:room|rm|corridor|no|unit))?(?P<numbers>(?: \d+[a-z]?){1,3})"

# What feeds the operating rooms too: people may command it, energy policies may not.
PLANT = frozenset({"chiller", "boiler", "tower", "pump", "exchanger", "plant"})
# Harmless where nothing is said of a critical room. Of a terminal box, a lamp or an exhaust fan the room must be known.
ORDINARY = frozenset({"ahu", "weather"})
CENTRAL = PLANT | ORDINARY | {"meter"}  # not in any one room
VAGUE = frozenset({"weather", "plant"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """One piece of equipment that a text speaks of."""

    type: str
    id: str  # "vav-2-14"; "" when the text gives it no number


def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    rows = (line.split(";", 1) for line in _TABLE.strip().splitlines())
    return [
        (kind.strip(), re.compile(rf"(?<!\S)(?P<word>{spelling.strip()})(?:{_NUMBERS})?(?!\S)"))
        for kind, spelling in rows
    ]


_PATTERNS = _patterns()
TYPES = frozenset(kind for kind, _ in _PATTERNS)
_SERVED_BY = re.compile(r"(?<!\S)(?:served|fed|supplied|driven) (?:by|from).*")


@lru_cache(maxsize=16_384)
def found(text: tuple[str, ...]) -> Machine | None:
    """The machine that the words of one text begin with, or speak of first; not the one it is fed by."""
    line = _SERVED_BY.sub("", " ".join(text))
    matches = [
        (match.start(), -match.end(), kind, match) for kind, pattern in _PATTERNS if (match := pattern.search(line))
    ]
    if not matches:
        return None
    _, _, kind, match = min(matches, key=lambda found: found[:2])
    numbers = match["numbers"]
    return Machine(type=kind, id=f"{match['word']}{numbers}".replace(" ", "-") if numbers else "")
