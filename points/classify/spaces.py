"""Which room, or which thing that is watched like a room, a text speaks of.

`found` reports everything it recognises: the first is the best name for the place, and all of
them count when it is asked whether something critical might be meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache, lru_cache

# type; label, and indented how it is written (after `words.cut`, joined by blanks). A number may follow every spelling.
# Types are the keys of the clinical profiles. The first line that matches at a place in the text has it.
_TABLE = r"""
blood_bank_refrigerator; Blood Bank Refrigerator
    blood ?bank( (fridge|refrig\w*|ref|cooler))?|bbr|bbk|bbf
platelet_incubator; Platelet Incubator
    platelets?( incub\w*)?
plasma_freezer; Plasma Freezer
    plasma( (freezer|frzr|frz))?|ffp( freezer)?
vaccine_refrigerator; Vaccine Refrigerator
    vacc?ine?s?( (storage )?(fridge|refrig\w*|ref|cooler))?|vac (fridge|refrig\w*|ref)|vfc
vaccine_freezer; Vaccine Freezer
    vacc?ine?s? (freezer|frzr|frz)
ultracold_freezer; Ultra-Cold Freezer
    (ultra ?(cold|low)|ult) ?(temp\w* )?(freezer|frzr|frz)|ult
vaccine_refrigerator; Pharmacy Refrigerator
    (pharm\w*|med\w*|drug|rx) (fridge|refrig\w*|ref|freezer)
medical_gas; Medical Gas
    med(ical)? ?gas(ses)?|mgas|mg ?(panel|zone|area|alarm)|med(ical)? ?(air|vac\w*)|(area|zone) gas|
    (o2|oxygen|n2o|nitrous( oxide)?|n2|nitrogen|vac|vacuum) (press\w*|psi|supply|line|zone|manifold|reserve|outlets?)|
    wagd
mri_chiller; MRI Chiller
    (mri|mr|magnet|cold ?head) (\w+ )?(chiller|chlr|cooling|water|coldhead|cold head)
generator; Generator
    (emergency |emer |standby |diesel )?(generator|genset|gen ?set)s?|gen(?= ?\d)|epss
transfer_switch; Transfer Switch
    (automatic |auto )?transfer (switch|sw)|ats(?= ?\d)|ats
ups; UPS
    ups
isolated_power; Isolated Power
    isolated power( panel)?|lim(?= ?\d)|(?<!low )(?<!lo )(?<!hi )(?<!high )(?<!min )(?<!max )lim|
    line isolation( monitor)?|iso(lated)? ?(power|pwr)( panel)?|ips(?= ?\d)
operating_room; OR
    operating (room|rm|theat\w+|suite)s?|or ?(room|rm|suite)?s?|ors|(operating )?theat(er|re)s?|hybrid or
procedure_room; Procedure Room
    procedures?( (room|rm))?|endo(scopy)?( (room|rm))?
cath_lab; Cath Lab
    cath\w*( lab)?|ep lab|angio\w*
trauma_room; Trauma Room
    trauma( (room|rm|bay))?|resus\w*
aii_anteroom; AII Anteroom
    (aiir?|isolation|iso|neg\w* (press\w* )?(room|rm))( room| rm)?( (?P<inner>\d+[a-z]?))? ante ?(room|rm)?
pe_anteroom; PE Anteroom
    (pe|protective( env\w*)?)( room| rm)?( (?P<inner>\d+[a-z]?))? ante ?(room|rm)?
aii_isolation; AII
    aiir?s?|airborne( infection)?( isolation)?( (room|rm))?|
    isolation(?! (valve|vlv|damper|dmp|transf|power))( (room|rm))?|iso (room|rm)|negative (pressure )?(room|rm)|
    neg (press\w* )?(room|rm)|iso(?= ?\d)
protective_env; PE
    pe(?= ?\d)|pe (room|rm)|protective( env\w*| isol\w*)?( (room|rm))?|bmt|bone marrow( \w+)?|
    positive pressure (room|rm)
bronchoscopy; Bronchoscopy
    bronch\w*( (room|rm))?
ed_waiting; ED Waiting
    (ed|er|emergency( (department|dept|room))?) waiting( (room|rm))?|waiting( (room|rm|area))?
triage; Triage
    ((ed|er|emergency) )?triage( (room|rm))?
ed_exam; ED Exam
    (ed|er|emergency (department|dept|room))( exam)?( (room|rm|bay))?|exams?( (room|rm))?
nicu; NICU
    nicu|neonatal\w*( \w*care)?|picu
icu; ICU
    [mscp]?icu|ccu|cvicu|intensive care( unit)?|critical care|(coronary|burn) (care|unit)|burn
nursery; Nursery
    nursery|nurser\w+|newborn
pacu_recovery; PACU
    pacu|(?<!heat )(?<!energy )recovery (room|bay|unit|rm)|post ?anesth\w*|recovery(?= \d)
ldr_ldrp; LDR
    ldrp?|labou?r( and)? delivery|delivery (room|rm)|birth\w*( (room|rm|suite))?|maternity
pharmacy_compounding_797; Pharmacy Anteroom
    (compound\w* )?pharm\w* ante( ?(room|rm))?|(compounding|clean room) ante( ?(room|rm))?
pharmacy_hd_800; HD Pharmacy
    (hd|haz\w*|hazardous drug|chemo\w*|negative|800) ?(drug )?(pharm\w*|compound\w*|prep)|
    pharm\w* (hd|haz\w*|chemo\w*|800)|usp ?800|chemo\w*
pharmacy_compounding_797; Compounding Pharmacy
    pharm\w* (compound\w*|clean ?room|797|buffer|iv|sterile)( (room|rm))?|compound\w*( pharm\w*)?( (room|rm))?|
    usp ?797|797|clean ?room|iv (room|prep|rm)|buffer (room|rm)
pharmacy_general; Pharmacy
    pharm\w*|dispensary|med(ication)? (room|rm)|drug storage
sterile_storage; Sterile Storage
    steri\w*( (stor\w*|supply|processing|core|room|rm))*|cssd?|spd(?= (clean|dirty|decon\w*|stor\w*))|
    central (supply|sterile)
soiled_utility; Soiled Utility
    soiled( (utility|work ?room|holding|room|rm))*|dirty utility
decontam; Decontamination
    decon\w*( (room|rm))?
aii_anteroom; Anteroom
    ante ?(room|rm)|ante
operating_room; OR
    surg\w*(?<!surge)( suite)?
clean_workroom; Clean Workroom
    clean (work ?room|utility|supply|holding)
lab_general; Laboratory
    lab(orator\w+|s)?|micro ?biolog\w*|patholog\w*|histolog\w*|bsl ?\d
imaging_class2; Interventional Imaging
    interventional( \w+)?|(imaging )?class 2 imaging
mri_ct; MRI
    mri( (room|rm|suite))?|mr(?= ?\d)|magnet (room|rm)
mri_ct; Imaging
    ct (scan\w*|room|rm|suite)|pet ct|imaging|radiolog\w*|x ?ray|linac|nuclear med\w*|fluoro\w*|mammo\w*|ultrasound
autopsy; Autopsy
    autopsy( (room|rm))?
morgue; Morgue
    morgue|mortuary
body_holding_nonrefrig; Body Holding
    body (holding|storage)|cadaver\w*
dialysis; Dialysis
    dialys\w*|hemo ?dial\w*|renal
food_prep; Food Preparation
    kitchen(?!ette)s?|food( (prep\w*|service))?|dietary|cafeteria kitchen
toilet; Toilet
    toilets?|bath ?rooms?|rest ?rooms?
janitor; Janitor
    janitor\w*|housekeeping
patient_room; Patient Room
    patient( (room|rm|bed|bedroom))?|pt (room|rm)|bed ?(room|rm)|ward( (room|rm))?|med ?surg( (room|rm))?|
    bed(?= ?\d)
tele_data_room; Data Room
    (data|server|it|mdf|idf|tele\w*|machine|elec\w*|comm\w*) (center|centre|room|rm|closet|clos)|mdf|idf|crac|crah
patient_corridor; Corridor
    corridors?|corr?|hall ?ways?|halls?|passage
admin_office; *
    (admin\w* )?(office|ofc)s?|admin( (suite|area|wing))?|administration|
    (conference|conf|meeting|break|copy|project|staff)( (room|rm))|conference|meeting|class ?room|library|
    kitchenette|workstations?|open (space|plan)
lobby; *
    lobby|reception|lounge|auditorium|cafeteria|gift shop|atrium

"""
_NUMBER = r"(?: (?:room|rm|no|nr|num|number|unit|bay))? (?P<number>\d+[a-z]?)"
_ROOM = re.compile(r"(?<!\S)(?:room|rm|r(?=\d)) (\d+[a-z]?)(?!\S)")
UNKNOWN = "unknown"
AS_WRITTEN = "*"
ABBREVIATED = frozenset({"OR", "AII", "PE", "ICU", "NICU", "PACU", "LDR", "UPS", "MRI"})

# What is not a room, but watched like one: one space for each such device.
WATCHED = frozenset(
    {
        "blood_bank_refrigerator",
        "platelet_incubator",
        "plasma_freezer",
        "vaccine_refrigerator",
        "vaccine_freezer",
        "ultracold_freezer",
        "medical_gas",
        "mri_chiller",
        "generator",
        "transfer_switch",
        "ups",
        "isolated_power",
    }
)
CORRIDOR = "patient_corridor"
# "pressure to corridor": what a room is compared with is not where it is
_REFERENCE = re.compile(
    r"(?<!\S)(?:to|minus|from|against|vs|versus|than|ref\w*) (?:the |adjacent )?(?:corridor|corr|hall\w*)(?!\S)"
)
# Rooms where energy measures need no condition. In every other known type only operators may command.
ORDINARY = frozenset({"admin_office", "lobby", CORRIDOR})
_GASES = (
    ("medical_gas_oxygen", "Oxygen", frozenset({"o2", "oxygen", "lox"})),
    ("medical_gas_nitrous_oxide", "Nitrous Oxide", frozenset({"n2o", "nitrous"})),
    ("medical_gas_carbon_dioxide", "Carbon Dioxide", frozenset({"co2"})),
    ("medical_gas_nitrogen", "Nitrogen", frozenset({"n2", "nitrogen"})),
    ("medical_gas_vacuum", "Vacuum", frozenset({"vac", "vacuum"})),
    ("medical_gas_air", "Air", frozenset({"air"})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One place that a text speaks of."""

    type: str
    label: str
    number: str
    order: int  # of its line in the table: the more particular types come first

    @property
    def name(self) -> str:
        """As people call it: "OR-3", "Office 214", "Pharmacy"."""
        joint = "-" if self.label in ABBREVIATED else " "
        return f"{self.label}{joint}{self.number.upper()}" if self.number else self.label


@cache
def _patterns() -> list[tuple[str, str, re.Pattern[str]]]:
    rows = []
    for heading, lines in re.findall(r"^(\w.*)\n((?: .*\n)+)", _TABLE, re.MULTILINE):
        kind, label = heading.split("; ")
        spelling = "".join(line.strip() for line in lines.splitlines())
        rows.append((kind, label, re.compile(rf"(?<!\S)(?P<words>{spelling})(?:{_NUMBER})?(?!\S)")))
    return rows


@cache
def _any() -> re.Pattern[str]:
    """Whether there is a place at all, in one go: most names speak of none."""
    plain = (re.sub(r"\(\?P<\w+>", "(?:", pattern.pattern) for _, _, pattern in _patterns())
    return re.compile(r"(?<!\S)(?:" + "|".join(each.removeprefix(r"(?<!\S)") for each in plain) + ")")


@lru_cache(maxsize=16_384)
def found(text: tuple[str, ...]) -> tuple[Place, ...]:
    """Every place in the words of one text, the more particular types first."""
    line = _REFERENCE.sub("", " ".join(text))
    room = _ROOM.search(line)
    places = []
    for order, (kind, label, pattern) in enumerate(_patterns() if _any().search(line) else ()):
        matches = [match.groupdict() for match in pattern.finditer(line)]
        if not matches:
            continue
        best = next((match for match in matches if _number(match)), matches[0])
        named = best["words"].title() if label == AS_WRITTEN else label
        places.append(Place(type=kind, label=named, number=_number(best), order=order))
    if room and not any(place.number for place in places):
        # "room 8001 office" is one place, "room 8001" alone is one that nobody knows
        first = next((place for place in places if place.type not in WATCHED), None)
        numbered = replace(first, number=room[1]) if first else unknown_room(room[1])
        places = [numbered, *(place for place in places if place is not first)]
    return tuple(places)


def of_one_gas(place: Place, *texts: tuple[str, ...]) -> Place:
    """The medical gas that the first telling one of `texts` names: each gas of a panel is watched by itself."""
    for text in texts:
        for kind, gas, spellings in _GASES:
            if not spellings.isdisjoint(text):
                return replace(place, type=kind, label=f"{place.name} {gas}", number="")
    return place


def unknown_room(number: str) -> Place:
    """A room of which nothing but its number is known."""
    return Place(type=UNKNOWN, label="Room", number=number, order=len(_patterns()))


def _number(match: dict[str, str | None]) -> str:
    return match["number"] or match.get("inner") or ""
