"""Why does a value stand? A chain of causes from what is known, pure: the evidence decides, nothing else.

At most seven steps of one sentence each, the cause under its effect; each names what it rests on and where to look.
The last says what happens next and when, or that no change is planned. What is not known is said not to be known,
and what is expected from present readings is called an estimate.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from facility.coming import next_step
from facility.evidence import Denied, Evidence, differs
from facility.model import GUARD, Claim, is_policy
from facility.overrides import BY_HAND, OUT_OF_SERVICE
from facility.views import LEVELS, owner
from facility.wire import Record, Why, WhyStep
from points.model import Point, Quality, Reading, Safety, Source, StatusFlags, Value, values_agree

MOST_STEPS = 7
WEIGHT = ("slot", "value", "who", "quality", "device", "refused", "beneath", "effect", "rule")
"""What is kept where there is more to say than fits, the most important first."""

LET_GO_WITHIN = timedelta(hours=12)  # a release that long ago still explains what stands now

SECONDED = "seconded by "  # in the rule of an audit entry, and then who

_HOW = {Source.COV: "told by the device", Source.READBACK: "read back", Source.RESTORED: "known from before"}


def explain(evidence: Evidence) -> Why:
    """The chain for one point."""
    steps = [*_quality(evidence), *_slot(evidence), *_others(evidence)]
    keep = sorted(range(len(steps)), key=lambda number: WEIGHT.index(steps[number].kind))[: MOST_STEPS - 1]
    chain = [steps[number] for number in sorted(keep)]
    return Why(point=evidence.point.id, value=_value(evidence), steps=[*chain, next_step(evidence)])


def _value(e: Evidence) -> str:
    reading = e.reading
    if reading is None:
        return f"{e.about} is unknown: it has not been read since the agent started."
    shown = e.show(reading.value)
    if e.is_unknown:
        last = "nothing is known from before" if reading.value is None else f"last {shown}"
        return f"{e.about} is unknown since {e.at(reading.time)}, {last}."
    if reading.value is None:
        return f"{e.about} is unknown: at {e.at(reading.time)} the device gave no value ({_reason(reading)})."
    sure = "" if reading.is_good else f", {reading.quality} ({_reason(reading)})"
    return f"{e.about} is {shown}{sure}, {_HOW.get(reading.source, 'polled')} at {e.at(reading.time)}."


def _reason(reading: Reading) -> str:
    return reading.reason.replace("-", " ") or "no reason given"


def _quality(e: Evidence) -> Iterator[WhyStep]:
    """What keeps the value from being what it seems."""
    device = f"device:{e.point.device}"
    if e.quarantine or e.point.quarantined:
        why = f": {e.quarantine}" if e.quarantine else ""
        text = f"Its device is in quarantine{why}; it is read, not commanded, and what we hold there is left as it is."
        yield WhyStep(kind="device", text=text, evidence=f"identity of {e.point.device}", target=device)
    if e.offline_since is not None:
        text = f"Its device {e.point.device} does not answer {e.since(e.offline_since)}."
        yield WhyStep(kind="device", text=text, evidence="device status", target=device, at=e.offline_since)
    elif e.reading is not None and e.is_unknown:
        text = f"Nothing has come from it {e.since(e.reading.time)}: {_reason(e.reading)}."
        yield WhyStep(kind="quality", text=text, evidence="age of the last reading", target=device, at=e.reading.time)
    if e.reading is None or e.is_unknown:
        return
    said = f"status flags, {e.at(e.reading.time)}"
    if StatusFlags.OVERRIDDEN in e.flags:
        hand = e.foreign.get(BY_HAND)
        seen = "" if hand is None else f", seen {e.since(hand)}"
        text = f"The device says OVERRIDDEN{seen}: it is held by hand there and does not follow its slots."
    elif StatusFlags.OUT_OF_SERVICE in e.flags:
        what = "moves nothing" if e.point.commandable else "is not measured"
        out = e.foreign.get(OUT_OF_SERVICE)
        seen = "" if out is None else f", seen {e.since(out)}"
        text = f"The device says OUT_OF_SERVICE{seen}: the value is cut off from the plant and {what}."
    elif e.reading.quality is Quality.BAD:
        text, said = f"The device itself says that the value is not to be trusted: {_reason(e.reading)}.", "reliability"
    elif not e.reading.is_good:
        text = f"The value is uncertain: {_reason(e.reading)}."
    else:
        return
    yield WhyStep(kind="quality", text=text, evidence=said, target=device, at=e.reading.time)


def _slot(e: Evidence) -> Iterator[WhyStep]:
    """What wins, and whose it is."""
    here, read = f"slots:{e.point.id}", f"priority array, read {e.at(e.looked)}"
    if not e.point.commandable:
        yield _no_array(e)
        return
    if e.slots is None:
        text = f"Its slots cannot be read: {e.trouble.rstrip('.')}."
        yield WhyStep(kind="slot", text=text, evidence="answer of the device", target=here, at=e.looked)
        strongest = min(e.claims, key=lambda claim: claim.priority, default=None)
        if strongest is not None:
            books = f"By our books slot {int(strongest.priority)} holds {e.show(strongest.value)}: "
            yield from _who(e, strongest, books)
        return
    winner = e.slots.winner
    if winner is None:
        default = e.show(e.slots.default)
        text = f"no slot holds a value, so the relinquish default of the device applies, {default}."
        yield WhyStep(kind="slot", text=_as_it_is(e, e.slots.default, text), evidence=read, target=here, at=e.looked)
    else:
        shown = e.show(e.slots[winner])
        text = f"slot {winner} ({_level(winner)}) holds {shown} and wins."
        yield WhyStep(kind="slot", text=_as_it_is(e, e.slots[winner], text), evidence=read, target=here, at=e.looked)
        claim = e.ours(winner)
        yield from _who(e, claim) if claim is not None else _foreign(e, winner)
    beneath = e.beneath(winner or 16)
    if beneath:
        text = f"Beneath it {'wait' if len(beneath) > 1 else 'waits'}: {'; '.join(_waiting(e, n) for n in beneath)}."
        yield WhyStep(kind="beneath", text=text, evidence=read, target=here, at=e.looked)


def _no_array(e: Evidence) -> WhyStep:
    what, here = f"{e.point.ref.object_type} {e.point.ref.instance}", f"slots:{e.point.id}"
    if e.point.ref.object_type.endswith("-input"):
        text = f"Nobody commands it: {what} is an input, changed by the device itself."
    else:
        text = (
            f"{what} has no priority array: changed by the device itself, or written by somebody BACnet does not name;"
            " a write would be permanent."
        )
    return WhyStep(kind="value", text=text, evidence="the object's properties", target=here)


def _as_it_is(e: Evidence, wins: Value | None, text: str) -> str:
    """The same, with what it means where the present value is another."""
    reading, said = e.reading, text[0].upper() + text[1:-1]
    if reading is not None and StatusFlags.OVERRIDDEN in reading.flags and not e.is_unknown:
        return f"Without the override by hand it would be {e.show(wins)}: {text}"
    if reading is None or e.is_unknown or wins is None or not differs(e.point, wins, reading):
        return f"{said}."
    present = e.show(reading.value)
    if StatusFlags.OUT_OF_SERVICE in reading.flags:
        return f"{said}, but the value is {present}: out of service, it need not follow."
    if reading.time < e.looked:
        return f"{said}; at {e.at(reading.time)}, before that was read, the value was {present}."
    return f"{said}, but the value is {present}: the device acknowledges the command and does not follow it."


def _who(e: Evidence, claim: Claim, lead: str = "") -> Iterator[WhyStep]:
    entry = next((record for record in e.records if _began(record, claim)), None)
    evidence, target = ("our claim", f"slots:{e.point.id}")
    if entry is not None:
        evidence, target = f"audit entry {entry.seq}", f"record:{entry.seq}"
    name = owner(claim.by)
    if is_policy(claim.by):
        text = f"policy {name} has held it since {e.at(claim.since)}."
    elif claim.by == GUARD:
        text = f"the guard has held it since {e.at(claim.since)} to protect the room: “{claim.reason}”."
    else:
        agreed = f"; {_second(entry)} agreed" if entry is not None and _second(entry) else ""
        text = f"{name} set it at {e.at(claim.since)}: “{claim.reason}”, until {e.at(claim.until)}{agreed}."
    proven = claim.confirmed or e.slots is not None
    said = f"{lead}{text}" if proven else f"{lead}{text[:-1]}; it is not sure that the write arrived."
    said = said if said.startswith(name) else said[0].upper() + said[1:]
    yield WhyStep(kind="who", text=said, evidence=evidence, target=target, at=claim.since)
    if is_policy(claim.by):
        follows = next((one for one in e.following if one.policy == name and one.programme), None)
        evidence = f"programme {follows.programme}" if follows else "the planner"
        target = f"schedule:{follows.programme}" if follows else f"slots:{e.point.id}"
        yield WhyStep(kind="rule", text=f"Its reason: {claim.reason}.", evidence=evidence, target=target)
    if claim.goal is not None and not values_agree(claim.goal, claim.value):
        pace = "" if e.ramp_per_minute is None else f", {e.ramp_per_minute:g} % a minute"
        text = f"It is on its way to {e.show(claim.goal)}{pace}."
        yield WhyStep(kind="rule", text=text, evidence="the profile's ramp", target=f"slots:{e.point.id}")


def _began(record: Record, claim: Claim) -> bool:
    """Whether the record tells how the claim came about."""
    is_hold = record.action == "hold" and record.by == claim.by and record.priority == claim.priority
    return is_hold and _touched(record) and abs(record.time - claim.since) < timedelta(seconds=30)


def _second(record: Record) -> str:
    """Who else agreed to it, as its rule says."""
    parts = record.rule.split("; ")
    return next((owner(part.removeprefix(SECONDED)) for part in parts if part.startswith(SECONDED)), "")


def _foreign(e: Evidence, level: int) -> Iterator[WhyStep]:
    since, here = e.foreign.get(level), f"slots:{e.point.id}"
    if level == 16:
        text = "It is the device's own program, or whoever writes without a level."
        yield WhyStep(kind="who", text=text, evidence="the lowest slot is nobody's", target=here)
        return
    seen = "since when is not known" if since is None else f"seen there {e.since(since)}"
    text = f"It is not ours: BACnet does not say who wrote it; {seen}."
    evidence = "priority array and our claims" if since is None else "sweep of foreign slots"
    yield WhyStep(kind="who", text=text, evidence=evidence, target=here, at=since)


def _waiting(e: Evidence, level: int) -> str:
    """`15 office-heating 21.0 °C`; of a person also until when."""
    assert e.slots is not None, "only what was read waits"
    claim, shown = e.ours(level), e.show(e.slots[level])
    if claim is None:
        return f"{level} not ours {shown}"
    until = "" if is_policy(claim.by) else f" (“{claim.reason}”, until {e.at(claim.until)})"
    return f"{level} {owner(claim.by)} {shown}{until}"


def _others(e: Evidence) -> Iterator[WhyStep]:
    """Who else wants it, who let go of it, and what came of it."""
    let_go = _let_go(e)
    if let_go is not None:
        yield let_go
    if e.denied:
        text = "; ".join(_denied(e, one) for one in e.denied[:2])
        more = f"; and {len(e.denied) - 2} more" if len(e.denied) > 2 else ""
        first = e.denied[0]
        yield WhyStep(kind="refused", text=f"{text}{more}.", evidence=first.rests_on, target=first.target)
    locks = _locks(e.point)
    if locks:
        text = f"It is not commanded from here: {', '.join(locks)}."
        yield WhyStep(kind="rule", text=text, evidence="safety class and site's file", target=f"point:{e.point.id}")
    if e.effect:
        yield WhyStep(
            kind="effect",
            text=f"Effect: {e.effect.rstrip('.')}.",
            evidence="independent sensor",
            target=f"point:{e.point.id}",
        )
    for alarm in e.alarms[:1]:
        what = " ".join(part for part in (alarm.value, alarm.limit) if part)
        said = f"{alarm.text} ({what})" if what else alarm.text
        text = f"An alarm stands {e.since(alarm.since)}: {alarm.severity}, {said}."
        yield WhyStep(kind="effect", text=text, evidence="alarm book", target=f"alarm:{alarm.id}", at=alarm.since)
    if e.untold:
        text = f"Its commands cannot be listed: {e.untold.rstrip('.')}."
        yield WhyStep(kind="effect", text=text, evidence="the audit", target=f"point:{e.point.id}")


def _let_go(e: Evidence) -> WhyStep | None:
    """What stood above what wins now, until it was released."""
    winner = e.slots.winner if e.slots is not None else None
    above = (record for record in e.records if (record.priority or 17) < (winner or 17))
    last = next((record for record in above if _touched(record)), None)
    if last is None or not last.result.startswith("released") or e.now - last.time > LET_GO_WITHIN:
        return None
    reason = last.reason.replace("user:", "").replace("policy:", "")
    text = f"Slot {last.priority} was let go at {e.at(last.time)}: {reason}."
    entry = str(last.seq)
    return WhyStep(kind="rule", text=text, evidence=f"audit entry {entry}", target=f"record:{entry}", at=last.time)


def _touched(record: Record) -> bool:
    """Whether it did something to the slot, or may have."""
    return record.action in ("hold", "release") and not record.result.startswith("refused")


def _locks(point: Point) -> list[str]:
    """What keeps the point from being written, and is not said elsewhere."""
    locks = [] if point.safety in (Safety.COMFORT, Safety.CRITICAL) else [f"it is {point.safety.value} equipment"]
    if point.safety is Safety.UNKNOWN:
        locks = ["nobody has said what it is"]
    if point.locked:
        locks.append("the site has locked it")
    if not point.present:
        locks.append("its device no longer has it")
    return locks if point.commandable else []


def _denied(e: Evidence, denied: Denied) -> str:
    who = f"policy {owner(denied.by)}" if is_policy(denied.by) else owner(denied.by)
    wish = "is written for it" if denied.value is None else f"wants {e.show(denied.value)}"
    text = f"{who} {wish} and does not have it: {denied.why.rstrip('.')}"
    return text[0].upper() + text[1:] if is_policy(denied.by) else text


def _level(level: int) -> str:
    return LEVELS.get(level, "free level")
