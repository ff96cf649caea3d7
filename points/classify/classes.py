"""The point classes, and the rules that find them, as tables.

A rule is one line: class, then what must be true of the words.

    word|other     one of these is there                       (1 each)
    !word|other    none of these is there
    ~quantity      the unit, if there is one, measures this    (1 if there is one)
    =shape         the object, if its type is known, is so     (1/4 if it is known):
                   analog, binary, multi, in, out, value
    *1.5           added by hand where a rule is meant to win

The rule with the most points wins; the earlier one of equals.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

COARSE = {
    "heating-setpoint": "temperature-setpoint",
    "cooling-setpoint": "temperature-setpoint",
    "room-pressure": "pressure",
    "room-pressure-setpoint": "pressure-setpoint",
    "energy-meter": "electrical",
    "power-meter": "electrical",
    "lighting-level": "lighting-command",
    "mode": "status",
    "run-time": "status",
    "override": "start-stop-command",
}

_RULES = """
tuning                   gain|tuning|timer|curtail !alarm *0.6
tuning                   reset !alarm|filter =analog
tuning                   start|stop time|timer !command|status =value
alarm                    alarm !setpoint|tuning|command|delay *0.6
alarm                    co2 high|max !temp !sensor *0.2
alarm                    high|low limit|switch !setpoint =binary
alarm                    temp|pressure|humidity|level|static high|low =binary *0.5
occupancy                occupancy !temp|setpoint|command|schedule|mode|alarm|flow|timer|high|low *0.2
occupancy                occupancy command|schedule|mode =binary|multi
window                   window !blinds|setpoint|alarm *0.7
door                     door !alarm !setpoint !command !lock *0.2
illuminance              lux !setpoint|command                                                   ~illuminance *0.3
illuminance              ~illuminance
lighting-level           light level|dim|command|lux !status|alarm ~fraction =analog
lighting-level           dim|light !status|alarm|power|energy|schedule|occupancy ~fraction =analog *0.2
lighting-command         light !level|dim|status|alarm|power|energy|lux|schedule|occupancy|electric|setpoint ~
                         =out|value
lighting-command         light command|enable|on|start !status|alarm ~ =binary|multi
status                   light status|sensor|active !alarm|occupancy ~
blinds                   blinds !alarm
energy-meter             energy|usage|meter|pulse !alarm|setpoint|request|light|flow|water ~energy|volume|power *0.1
energy-meter             usage|meter|energy ~energy =analog
power-meter              power|electric !meter|energy|alarm|setpoint|status|factor|command
                         ~power|apparent-power|reactive-power
power-meter              power request|demand !alarm ~power|apparent-power *0.5
electrical               current|voltage|electric|power !alarm|setpoint|energy|command|request|control
                         ~current|voltage|power-factor|frequency
electrical               amp|amps|volt|volts|current|voltage !alarm|setpoint|command|valve|control|vfd|cool|heat
co2                      co2 !alarm|setpoint|high|low|max|min|limit ~concentration|fraction *0.2
co2-setpoint             co2 setpoint ~concentration|fraction *0.4
humidity                 humidity !setpoint|alarm|limit|command|valve|enable|request ~humidity|fraction|temperature
                         *0.3
humidity-setpoint        humidity setpoint ~humidity|fraction *0.4
enthalpy                 enthalpy !alarm|setpoint ~enthalpy *0.4
heating-setpoint         heat setpoint !flow|pressure|air|supply|water|humidity|cool|valve ~temperature =analog *0.6
heating-setpoint         heat temp setpoint !flow|pressure|supply|water|humidity|cool ~temperature =analog *0.5
heating-setpoint         zone temp low !alarm ~temperature =analog *0.5
cooling-setpoint         cool setpoint !flow|pressure|air|supply|water|humidity|heat|valve ~temperature =analog *0.6
cooling-setpoint         cool temp setpoint !flow|pressure|supply|water|humidity|heat ~temperature =analog *0.5
cooling-setpoint         zone temp high !alarm ~temperature =analog *0.5
temperature-setpoint     temp setpoint|offset !flow|pressure|humidity|differential
                         ~temperature|temperature-difference *0.3
temperature-setpoint     supply|zone|water|room|return|mixed|day|night|unoccupied|occupancy setpoint
                         !flow|pressure|static|humidity|co2|light|air ~temperature|temperature-difference =analog
temperature-setpoint     cool|heat setpoint !flow|pressure|humidity ~temperature
temperature-setpoint     setpoint
                         !flow|pressure|static|differential|humidity|co2|light|speed|position|valve|damper|lux
                         ~temperature|temperature-difference
room-pressure-setpoint   zone|side|ante|anteroom pressure setpoint !duct|static|supply|water|return|filter ~pressure
                         *0.4
pressure-setpoint        pressure|static setpoint !temp|flow ~pressure *0.4
airflow-setpoint         flow setpoint|request|command|min|max !water|temp|pressure|alarm ~flow *0.4
airflow-setpoint         flow heat|cool|occupancy|unoccupied min|max|setpoint ~flow
valve                    valve !alarm|setpoint|temp|flow ~fraction|voltage|current *0.5
valve                    heat|cool|reheat|preheat command|position !fan|pump|setpoint|temp|alarm|flow|damper|loop
                         ~fraction|voltage *0.1
damper                   damper !alarm|setpoint|temp|flow|smoke|fire ~fraction|voltage *0.5
damper                   economizer command|position !alarm ~fraction
room-pressure            zone|side|ante|anteroom pressure !setpoint|alarm|static|duct|supply|water|filter|return
                         ~pressure =analog *0.3
pressure                 pressure|static !setpoint|alarm|status|gas ~pressure =analog *0.1
pressure                 ~pressure =analog
flow                     flow|velocity !setpoint|request|alarm|min|max|status|control|switch ~flow|mass-flow|velocity
                         *0.2
flow                     flow command|control|input !setpoint|request|alarm ~flow
flow                     ~flow|mass-flow =analog
outside-air-temperature  outside temp !setpoint|alarm|limit|humidity|lockout ~temperature *0.6
return-air-temperature   return temp !setpoint|alarm|water|limit|low|high ~temperature *0.5
mixed-air-temperature    mixed temp !setpoint|alarm|limit|water ~temperature *0.5
supply-air-temperature   supply temp ~temperature *0.5
                         !ups|battery|setpoint|alarm|water|limit|chilled|hot|condenser|reset
exhaust-air-temperature  exhaust temp !setpoint|alarm ~temperature *0.3
supply-air-temperature   preheat|coil|reheat temp !setpoint|alarm|water ~temperature
water-temperature        water|chilled|condenser|hot temp !setpoint|alarm ~temperature *0.6
zone-temperature         zone temp !setpoint|alarm|supply|outside|return|mixed|water|high|low|limit|offset
                         ~temperature *0.5
temperature              temp !setpoint|alarm|limit|humidity|enable ~temperature
temperature              ~temperature =in
fan-speed                speed !power|setpoint|alarm|status|reset|enable|limit ~fraction|frequency|rate|voltage|current
                         =analog *0.2
fan-speed                frequency output|wheel|fan|vfd|drive !alarm|setpoint ~frequency *0.4
electrical               frequency !alarm|setpoint|fan|pump|vfd|wheel|output|drive ~frequency *0.2
fan-speed                fan command|volt|control !alarm|status ~fraction|frequency|voltage =analog
start-stop-command       start stop !time|alarm *0.3
start-stop-command       run !status|alarm|runtime|hours|time ~ =out|value *0.2
status                   run !alarm|runtime|hours|time|request =binary =in *0.2
start-stop-command       run|start|enable|on command|request|enable|fan|pump !status|alarm ~ =out|value *0.3
start-stop-command       fan|pump command|enable|start|control !status|alarm|speed ~ =binary|multi
start-stop-command       fan|pump|boiler|chiller|ahu|unit !status|alarm|speed|temp|pressure|flow ~ =binary =out
start-stop-command       exhaust|supply|fan enable|start|demand !status|alarm|temp|flow ~ =binary
status                   status !alarm|setpoint|command|flow *0.2
status                   fan|pump|boiler|chiller !alarm|command|speed|start|temp|pressure|flow =binary =in
status                   lead|event|available|active|local|remote !alarm
mode                     mode !alarm|setpoint ~ =multi|binary|value *0.2
mode                     heat cool !setpoint|temp|command|request|loop|valve|alarm ~ *0.1
run-time                 runtime !alarm ~time
run-time                 run hours !alarm ~time *0.4
override                 override|bypass !alarm|setpoint|damper|valve =binary|multi
air-changes              changes !alarm|setpoint ~rate *0.4
request                  request !flow|run|power|alarm ~fraction|
request                  schedule !setpoint
request                  heat|cool loop !gain|tuning|setpoint|alarm|temp|pressure|flow|water ~fraction *0.3
request                  heat|cool|preheat request !flow|alarm *0.3
filter-pressure          filter pressure !setpoint|alarm ~pressure *0.5
medical-gas-pressure     gas-zone pressure !alarm|setpoint ~pressure *1.5
medical-gas-pressure     gas-zone ~pressure =analog *0.6
alarm                    gas-zone|o2|n2o|n2 low|high|lag|reserve|change|changeover|co =binary *0.5
alarm-limit              limit !alarm|switch|setpoint =analog|value *0.9
alarm-limit              limit alarm !switch =analog *0.9
medical-gas-flow         gas-zone flow !alarm ~flow *1.5
oxygen-concentration     o2|oxygen !alarm|setpoint ~fraction|concentration =analog
refrigerator-temperature cold-store temp|sensor|probe|product|air|buffer|value !alarm|setpoint|limit ~temperature
                         =analog *1.5
refrigerator-temperature cold-store !alarm|setpoint|limit|door|status ~temperature =analog *0.6
power-transfer           transfer !alarm
power-transfer           normal|emergency position|available|source !alarm =binary|multi
generator                generator|fuel !alarm *0.2
ups                      ups !alarm *0.2
ups                      battery !alarm =analog
isolated-power           isolated-power !alarm *1.2
isolated-power           hazard current ~current
fuel-level               fuel|tank level !alarm ~fraction|volume *0.5

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the table."""

    point_class: str
    needed: tuple[frozenset[str], ...]
    barred: frozenset[str]
    quantities: frozenset[str] | None  # None: the unit does not matter; "" in it: no unit agrees
    shapes: tuple[frozenset[str], ...]
    bonus: float = field(default=0.0)

    def points(self, words: frozenset[str], quantity: str | None, shape: frozenset[str]) -> float:
        """How well the rule fits; 0 if it does not. `quantity` None: nobody said what the unit is."""
        if not self.barred.isdisjoint(words):
            return 0.0
        for group in self.needed:
            if group.isdisjoint(words):
                return 0.0
        points = len(self.needed) + self.bonus
        if self.quantities is not None and quantity is not None:
            if quantity not in self.quantities:
                return 0.0
            points += 1.0 if quantity else 0.0
        elif not self.needed:
            return 0.0  # only the unit could have said so
        for wanted in self.shapes if shape else ():
            if wanted.isdisjoint(shape):
                return 0.0
            points += 0.25
        return points


def _rule(line: str) -> Rule:
    point_class, *conditions = line.split()
    needed, barred, quantities, shapes, bonus = [], set[str](), None, [], 0.0
    for condition in conditions:
        sign, rest = condition[0], condition[1:].split("|")
        match sign:
            case "!":
                barred.update(rest)
            case "~":
                quantities = frozenset(rest)
            case "=":
                shapes.append(frozenset(rest))
            case "*":
                bonus = float(rest[0])
            case _:
                needed.append(frozenset(condition.split("|")))
    return Rule(
        point_class=point_class,
        needed=tuple(needed),
        barred=frozenset(barred),
        quantities=quantities,
        shapes=tuple(shapes),
        bonus=bonus,
    )


RULES = tuple(_rule(line) for line in re.sub(r"\n +", " ", _RULES.strip()).splitlines())
CLASSES = frozenset(rule.point_class for rule in RULES) | set(COARSE.values()) | {"unknown"}


def coarse(point_class: str) -> str:
    """The class of the published label sets that `point_class` is a part of."""
    return COARSE.get(point_class, point_class)


_TELLING = frozenset[str]().union(*(words for rule in RULES for words in (rule.barred, *rule.needed)))


def best(words: frozenset[str], quantity: str | None, shape: frozenset[str]) -> tuple[str, float]:
    """The class whose rule fits best, and its points."""
    return _best(words & _TELLING, quantity, shape)


@lru_cache(maxsize=16_384)  # a building says the same few things of every room, but for its number
def _best(words: frozenset[str], quantity: str | None, shape: frozenset[str]) -> tuple[str, float]:
    won, most = "unknown", 0.0
    for rule in RULES:
        points = rule.points(words, quantity, shape)
        if points > most:
            won, most = rule.point_class, points
    return won, most
