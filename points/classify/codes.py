"""Names of fixed width end in a code: "SODA1R465__ARS", "SOD__BLD_1_KWD".

The code says everything there is to know, and only the end of the name says which it is. The
table below is that of the Barrington systems; another maker's codes are further rows.
"""

from __future__ import annotations

import re
from functools import lru_cache

_TABLE = """
art: zone temp | ars: zone temp setpoint | aso: zone temp setpoint offset | ads: day temp setpoint
ans: night temp setpoint
agn: tuning gain | sas: supply temp setpoint | sws: water temp setpoint | sa_m: supply temp setpoint
dps: pressure setpoint
sts: static pressure setpoint | stp: static pressure | dpr: differential pressure | vav: supply pressure
rvav: supply pressure
vp1: supply pressure | vp2: supply pressure | vav_av: supply pressure | vav_mx: supply pressure
vav_mn: supply pressure
cvp: valve position | hvp: valve position | rvp: valve position | vp: valve position | dmp: damper | h_c: damper
smk: alarm | flt: alarm | low_rat: alarm | rat1: alarm | rat2: alarm | rat3: alarm | alm: alarm | s_s: start stop
l_l: lead lag status
event: status | sta: status | stmon: status | spr: tuning | reset: tuning | curtl: tuning | d_tm: tuning
n_tm: tuning | tm: tuning
i_vr: tuning | p_vr: tuning | tmr: tuning | load: tuning | kwd: power electric | kwh: energy meter
skwh: energy meter
kw: power electric | amp: electrical current | orh: outside humidity | occpy: occupancy | spd: speed

"""
CODES: dict[str, frozenset[str]] = {}
for _entry in re.split(r"[|\n]", _TABLE.strip()):
    _code, _meaning = _entry.split(":")
    CODES[_code.strip()] = frozenset(_meaning.split())

_FIXED_WIDTH = re.compile(r"[A-Z]{2,}[A-Z0-9_]*[0-9_][A-Z0-9_]*")  # capitals, digits and filling, nothing else
_SHORTEST_NAME = 10
_CODES_LONGEST_FIRST = sorted(CODES, key=len, reverse=True)


_ROOM = re.compile(r"[A-Z0-9]R(\d{3}[A-Z]?)(?![0-9])")
_CORRIDOR = re.compile(r"[A-Z0-9]C(\d{3}[A-Z]?)(?![0-9])")


def room(name: str) -> str:
    """The number of the room in a name of fixed width ("465" of SODA1R465__ARS)."""
    found = _ROOM.search(name) if _is_fixed_width(name) else None
    return found[1] if found else ""


def zone(name: str) -> str:
    """The number of the room or corridor in such a name; C may also be another thing, of another text's telling."""
    found = _CORRIDOR.search(name) if _is_fixed_width(name) else None
    return found[1] if found else room(name)


def _is_fixed_width(name: str) -> bool:
    return len(name) >= _SHORTEST_NAME and _FIXED_WIDTH.fullmatch(name) is not None


@lru_cache(maxsize=16_384)
def meaning(name: str) -> frozenset[str]:
    """What the code at the end of a name of fixed width says; nothing for other names."""
    if not _is_fixed_width(name):
        return frozenset()
    tail = re.sub(r"_+", "_", name.lower())
    return next((CODES[code] for code in _CODES_LONGEST_FIRST if tail.endswith(code)), frozenset())
