"""Text as names use it, cut into words of one vocabulary.

`cut` never raises and loses no letter or digit: "VAV_3_12/ZNTemp-SP" becomes vav 3 12 zn temp sp.
Words that run together ("STPALM", "HTGSP") are taken apart when all of their parts are known.
`concepts` says what the words mean: sat is supply, air, temp.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_TABLE = """
supply: supply | sa: supply air | da: supply air | discharge disch dis dsch: supply | sup splly: supply
ra: return air | return ret rtn: return | oa osa: outside air | outside outdoor od outdr: outside | ambient: outside
ma: mixed air | mixed mix mxd: mixed | ea: exhaust air | exhaust exh exhst: exhaust
sat sats: supply air temp | dat: supply air temp | rat: return air temp | oat: outside air temp | mat: mixed air temp
lat: supply air temp | oah oarh: outside humidity | oaf: outside air flow | saf: supply air flow
zone zn: zone | room rm rms: zone | space spc: zone | znt zt rmt ztmp: zone temp | indoor: zone
temp temperature tmp tmpr temps: temp | humidity hum humid rh hmd: humidity | rarh: return humidity
znrh: zone humidity
dewpoint dewpt dew: humidity dewpoint | grains: humidity | enthalpy enth: enthalpy | enthpy: enthalpy
co2 carbondioxide: co2 | voc: voc | aqi: aqi
flow flw flo fl volume: flow | out: out | airflow: air flow | cfm: air flow | cfh lps: flow | gpm: water flow
velocity vel: flow velocity
pressure press pres prs pr: pressure | psi pascal: pressure | static: static | dp diffp: differential pressure
differential diff delta: differential | stat: status | dsp: static pressure | ductstatic: static pressure
setpoint sp spt stpt stp setpt setp setpnt target: setpoint | spts sps setpoints: setpoint
ssp sasp satsp datsp: supply setpoint | htgsp htsp hsp: heat setpoint | clgsp clsp csp: cool setpoint
command cmd comd cmnd: command | output outp: command | ctl ctrl cntl control: control | override ovrd ovr: override
status sts sta stts: status | feedback fdbk fbk fb: status | proof prf: status | state: status
alarm alm alrm alms alarms: alarm | fault flt faults: alarm | fail failure failed: alarm | trip tripped trouble: alarm
warning: alarm | lowlimit highlimit freezestat frzstat freezestats fstat: alarm limit | cutout: alarm | limit lim: limit
fan fans: fan | sf: supply fan | rf: return fan | ef exf: exhaust fan | blower: fan
pump pmp pumps: pump | chwp: chilled water pump | hwp: hot water pump | cwp cdwp: condenser water pump
valve vlv vlvs valves vv: valve | chwv: chilled water valve | hwv: hot water valve | ccv: cool valve | hcv: heat valve
rhv: reheat valve | phv: preheat valve | prv: valve | cv clgv: cool valve | hv htgv: heat valve
damper dmp dmpr dmper dampr dampers dpr: damper | oad: outside damper | ead: exhaust damper | rad: return damper
position pos posn posit: position
economizer econ: economizer | bypass byp: bypass | actuator act: actuator
chw chilled chws chwr: chilled water | hw hws hwr: hot water | hhw: hot water
cdw cnd condenser cond condensor: condenser water
dhw dcw: domestic water | chwst: chilled water supply temp | chwrt: chilled water return temp | cw: condenser water
hwst: hot water supply temp | hwrt: hot water return temp | cwst cdwst cdswt: condenser water supply temp
cwrt cdwrt cdrwt: condenser water return temp | swt lwt lchwt: water supply temp | rwt ewt echwt: water return temp
steam stm: steam
hot: hot | water wtr: water | air: air | duct dct: duct | loop: loop
heat heating htg ht heater htng: heat | cool cooling clg clng cl coolg: cool | reheat rht rht: reheat
preheat pht: preheat
occ occupancy occupied occpy occup: occupancy | unoccupied unocc: unoccupied
motion pir presence vacancy: occupancy motion
sensor sens sen snsr: sensor | schedule sched sch schd: schedule | mode: mode | season: mode | day: day | night: night
request req requests rqst: request | demand dmd: demand | speed spd: speed | vfd vsd: speed vfd
frequency freq hz: frequency
rpm: speed | enable ena enbl enab en: enable | start strt: start | stop: stop | run: run | on: on | off: off
energy: energy | kwh mwh: energy meter electric | consumption usage cons: usage | power pwr: power
kw: power electric
amp amps current ampere: current | volt volts voltage: voltage | kva kvar: power electric | meter mtr: meter
electric electrical elec elect: electric | pulse: meter | btu btuh: energy btu | gas: gas | tons ton: btu
light lights lighting ltg lts lgt lamp lamps luminaire ballast lite: light
lux illuminance illum footcandle daylight photocell: lux
dim dimmer dimming dimm: dim | level lvl lev: level | scene: scene | blind blinds shade shades: blind
door dr: door | window wndw: window | contact: contact | gain agn: tuning gain | pid: tuning | bias: tuning
integral: tuning
proportional prop: tuning | deadband db: tuning deadband | reset rst: reset | timer tmr: timer | kp ki kd: tuning
igain pgain: tuning
curtail curtl curtailment: curtail | tuning tune: tuning | ramp: tuning | delay dly: timer
adjust adj adjustment offset shift: offset | min minimum mn: min | max maximum mx: max | high hi: high | low lo: low
effective eff: effective | average avg: average | runtime hrs: runtime | hours: hours | filter filt filters: filter
lead: lead | lag: lag
ahu ahus: ahu | ach: air changes | changes: changes | rtu: ahu rooftop | mau doas: ahu | vav vavs: vav box
cav: vav box | fcu fcus fancoil: fcu | fpb tu: vav box
boiler blr: boiler | chiller chlr chl: chiller | tower twr: tower | hx: exchanger | crac crah: crac
panel pnl: panel | controller contr: controller | ventilation vent: ventilation | event: event
actual: sensor | measured: sensor | active: active | inactive: inactive | available: available | local: local
remote: remote
floor flr: floor | bldg building: building | north south east west central: side

"""
# Single letters that mean something only at the end of a name: ZN-T, SF-C, SF-S, HTG-O, SA-P, ZN-H.
_LAST_LETTER = {
    "t": "temp",
    "c": "command",
    "s": "status",
    "o": "command",
    "h": "humidity",
    "p": "pressure",
    "f": "flow",
}

# Words that are whole, so that no part of them is ever taken for another word ("or" in "door", "er" in "water").
_PLAIN = """
office offices conference meeting lobby reception corridor corr cor hall hallway classroom project storage study
kitchen kitchenette
floor door motor sensor monitor indoor outdoor author error order color mirror interior exterior anterior generator
operator
compressor contractor refrigerator refrigerant elevator escalator sector rotor vendor honor north normal port force
store form
information
water tower power filter meter timer heater cooler boiler chiller server center other order master border under over
lower upper
patient ward surgery surgical theatre theater operating isolation ante anteroom anteroom pharmacy sterile icu nicu
picu
interface level surge relief primary secondary common open admin administration staff break lounge library gym nursing
zone unit rooftop terminal box series network device machine parking roof stair stairs shaft vestibule restroom toilet
wing
or aii ors trauma cath mri pacu dialysis nursery morgue decontam blood bank vaccine plasma fridge freezer refrig
medical med
frzr frz bbr vacc mgas wagd linac quench facp fsd smk lox ult cryo coldhead incubator agitator isolated hazard
oxygen vacuum nitrous nitrogen medgas smoke fire emergency genset ups epss ats lim nurse call oximeter sterilizer
autoclave

"""


def _vocabulary() -> dict[str, tuple[str, ...]]:
    meanings: dict[str, tuple[str, ...]] = {word: (word,) for word in _PLAIN.split()}
    for entry in re.split(r"[|\n]", _TABLE):
        if ":" in entry:
            spellings, meaning = entry.split(":")
            meanings |= dict.fromkeys(spellings.split(), tuple(meaning.split()))
    return meanings


MEANINGS = _vocabulary()
_LONGEST = max(map(len, MEANINGS))
_SHORTEST_GLUED = 4  # letters; shorter words are not taken apart
LONGEST_TEXT = 400  # characters of a text that are read: more than devices keep, and a bound on the work
_SIGNS = frozenset("°µμ–—‘’“”·×±≥≤²³")  # what names have beside ASCII
_MISLEADING_CAPITALS = re.compile(r"[A-Z]{2}[a-z]|[a-z][A-Z]")
_LONGEST_GLUED = 40
_SHORTEST_PART = 2
_TELLING_START = 6  # a known word of so many letters is seen even before letters that say nothing ("Humiditydac")

_GAS = re.compile(r"(?i:co2)(?!\d)|(?<![A-Za-z])(?i:n2o|o2|n2|h2o)(?!\d)|(?<=[a-z])(?:N2O|O2|N2)(?!\d)")
_UNIT = re.compile(r"(?<![A-Za-z])(?:[kM]Wh|[kM]W|kVA|dP|pH|Hz)(?![a-z])")
_WORD = re.compile(r"co2|n2o|o2|n2|h2o|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[A-Za-z]?(?![A-Za-z0-9])|\d+")
_ENGLISH_OR = re.compile(
    r"(?<=[a-z]) or (?=[a-z])(?!or\b|suite|room|rm\b|core|theat|table|sub|corr|ante|zone|temp|press|hum)"
)


def without_conjunctions(prose: str) -> str:
    """Prose (a description) without the English "or", which is no operating room."""
    return _ENGLISH_OR.sub(" / ", prose)


@lru_cache(maxsize=16_384)
def is_readable(text: str) -> bool:
    """Whether `cut` reads everything that a person would: no other alphabet, nothing invisible, nothing too long."""
    if len(text) > LONGEST_TEXT:
        return False
    shown = " ".join(text.split())
    return shown.isprintable() and (shown.isascii() or all(c.isascii() or c in _SIGNS for c in _folded(shown)))


def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """Every way to cut `text`: "MRIchiller" has its capitals in a misleading place."""
    usual = cut(text)
    if not _MISLEADING_CAPITALS.search(text):
        return (usual,)
    return (usual, cut(text.lower()))


@lru_cache(maxsize=16_384)
def cut(text: str) -> tuple[str, ...]:
    """The words and numbers of `text`, lower case, in order."""
    text = text[:LONGEST_TEXT]
    if not text.isascii():
        text = _folded(text)
    text = _GAS.sub(lambda gas: f" {gas[0].lower()} ", text)
    text = _UNIT.sub(lambda unit: f" {unit[0].lower()} ", text)
    found: list[str] = []
    for word in _WORD.findall(text):
        found.extend(_taken_apart(word.lower()))
    return tuple(found)


@lru_cache(maxsize=16_384)
def concepts(words: tuple[str, ...]) -> frozenset[str]:
    """What the words mean, together. A last single letter counts only after a word that is known."""
    meant: set[str] = set()
    for word in words:
        meant.update(MEANINGS.get(word) or (word,))
    if len(words) > 1 and words[-2] in MEANINGS and words[-1] in _LAST_LETTER:
        meant.add(_LAST_LETTER[words[-1]])
    return frozenset(meant)


def _folded(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


@lru_cache(maxsize=16_384)
def _taken_apart(word: str) -> tuple[str, ...]:
    if word in MEANINGS or not _SHORTEST_GLUED <= len(word) <= _LONGEST_GLUED or not word.isalpha():
        return (word,)
    if parts := _parts(word):
        return parts
    known = next((n for n in range(len(word) - 1, _TELLING_START - 1, -1) if word[:n] in MEANINGS), 0)
    return (word[:known], word[known:]) if known else (word,)


@lru_cache(maxsize=16_384)
def _parts(word: str) -> tuple[str, ...] | None:
    """The fewest known words that make up `word`, longest first; None if they do not."""
    for length in range(min(len(word), _LONGEST), _SHORTEST_PART - 1, -1):
        if word[:length] in MEANINGS:
            rest = _parts(word[length:]) if length < len(word) else ()
            if rest is not None:
                return (word[:length], *rest)
    return None
