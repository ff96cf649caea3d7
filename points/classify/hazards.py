"""What a text may be about that nobody must ever switch by mistake.

Fails closed: a sign is enough, wherever it stands, and nothing else in the text outweighs it.
Medical and life-safety signs decide the safety class; a doubt (a word that *may* be such a
sign) is enough to keep a point from being called harmless.
"""

from __future__ import annotations

import re
from functools import lru_cache

from points.model import Safety

# As `words.cut` leaves them, joined by blanks; each is a whole word (\w* for stems).
_MEDICAL = r"""
o2 | n2o | n2 | lox | oxygen\w* | nitro\w* | nitrous | helium | xenon | wagd | agss | vacuum\w* | vac | entonox
heliox
med(ical)? ?(gas|air|vac)\w* | mgas | instrument air | dental (air|vac\w*) | manifold\w* | cylinders?
bulk (tank|oxygen)
co2 (press\w*|psi|tank|bank|supply|line|zone alarm) | (area|master|gas|zone) (alarm|gas) panel
gas (panel|zone|outlet|alarm)
medical(?! (office|center|centre|record|staff|arts|building)) | clinical (equip\w*|device) | biomed\w*
mri | magnet | quench\w* | cryo\w* | cold ?head | linac\w* | cyclotron | gamma (camera|knife) | pet ct | angio\w*
x ?ray | fluoro\w*
blood | bbr | plasma | ffp | platelet\w* | vaccin\w* | vacc | vfc | tissue | organ | specimen\w* | reagent\w*
drug (fridge|refrig\w*|storage) | insulin | milk | embryo\w*
fridges? | refrig(?!erant)\w* | reefer | freezers? | frzr | frz | ult | ultra (low|cold)
cold (box|room|storage|store) | walk in | incubat\w*
steriliz\w* | sterilis\w* | autoclav\w* | washers? | ventilators? | respirat\w* | infusion | an(a)?esth\w* | defib\w*
ecmo | spo2 | ecg | ekg | oximet\w*
(infant|baby|radiant) warmer | bedside | patient monitor\w* | dialy[sz]ate | dialyzer | dialysis (water|ro|machine)
hemodial\w* | heart lung | perfusion
ro (water|unit|plant|system|loop) | reverse osmosis | di water | deioni[sz]\w* | conductiv\w* | resistiv\w*
purified water | wfi
isolated (power|pwr) | iso (power|pwr) | line isolation | hazard current | thc | lim(?= \d)
(?<!low )(?<!lo )(?<!hi )(?<!high )(?<!min )(?<!max )lim

"""
_LIFE_SAFETY = r"""
smoke\w* | smk | fire\w* | fsd\w* | facp | fap | sprink\w* | standpipe | halon | novec | suppression | pull station
damper fs | stair\w* | life ?safety
emerg\w*(?! (department|dept|room|exam|waiting|triage)) | emer | egress | exits? | evacuat\w* | panic | duress
code (blue|pink|red) | rescue
generators? | genset\w* | gen | dg | epss | eps | ats\w? | sts(?= \d) | transfer (switch|sw) | xfer | ups | batter\w*
inverter\w* | switchgear | overcrank | overspeed
fuel\w* | diesel | day tank | (critical|essential|equipment|life safety) (branch|power|bus)
nurse ?call | nurse(?!ry)\w*
call (system|station|button)
elevator\w* | lifts? | co alarm | carbon monoxide | leak\w* | door lock\w* | access control | mag ?locks?
infant (security|abduction|protect\w*) | gas detect\w*

"""
_DOUBTFUL = r"""
sd | fd | em | eml | ls | gas | ma press\w* | tanks? | medical | clinic\w* | compressed
(control|plant|shop|breathing) air | air compressor
hoods? | fume\w* | bsc | biosafety | hepa | safety | interlock\w* | critical | domestic | dhw | dcw | legionella
potable | ro | di(?! \d)
laser\w* | irradiat\w* | radiat(?!or)\w* | nuclear | isotope\w* | hot lab
(?<!occ )(?<!occupancy )(?<!motion )(?<!presence )detect\w* | security | lock\w* | helipad | heliport | disaster
bypass pump | sump | sewage | flood | water leak | steam press\w* | ct(?! (\d+ )?(fan|tower|vfd|cond\w*|basin|cell))

"""
# Long enough to be told inside a word that nobody could take apart ("XFRIDGETEMP").
_INSIDE = re.compile(
    r"(?:fridge|freezer|refrigerat|oxygen|nitrous|vacuum|medgas|vaccin|plasma|platelet|blood|smoke|sprinkl|emergency|genset"
    r"|generator|nursecall|steriliz|autoclav|incubat|cryogen|magnet|isolatedpower|lineisolation|firealarm|medical)"
)
# A Johnson Controls field bus is called N2, and it is no nitrogen.
_FIELD_BUS = re.compile(
    r"(?<!\S)(?:(?:nae|ncm|nie|ne) (?:\d+ )?n2 (?:trunk |bus )?\d+|n2 (?:trunk|bus)"
    r"|n2 \d+(?= (?:vma|vav|ahu|unt|tec)\b))(?!\S)"
)


def _whole_words(table: str) -> re.Pattern[str]:
    choices = "|".join(choice.strip() for line in table.strip().splitlines() for choice in line.split(" | "))
    return re.compile(rf"(?<!\S)(?:{choices})(?!\S)")


_SIGNS = (
    (Safety.LIFE_SAFETY, _whole_words(_LIFE_SAFETY)),
    (Safety.MEDICAL, _whole_words(_MEDICAL)),
    (Safety.UNKNOWN, _whole_words(_DOUBTFUL)),
)


@lru_cache(maxsize=16_384)
def sign(text: tuple[str, ...]) -> Safety | None:
    """LIFE_SAFETY or MEDICAL if a word says so, UNKNOWN if one may, None if nothing does."""
    line = _FIELD_BUS.sub("", " ".join(text))
    found = next((safety for safety, signs in _SIGNS if signs.search(line)), None)
    return Safety.UNKNOWN if found is None and _INSIDE.search(line.replace("emergency ", "")) else found
