"""What happens to a point next, and when: the last step of every answer to "why is it so?". Pure."""

from __future__ import annotations

from facility.evidence import Evidence, Following
from facility.model import Claim, is_policy
from facility.views import owner
from facility.wire import WhyStep
from points.model import StatusFlags


def next_step(e: Evidence) -> WhyStep:
    """What happens next, and when; always the last step."""
    here, device = f"point:{e.point.id}", f"device:{e.point.device}"
    winner = e.slots.winner if e.slots is not None else None
    claim = e.ours(winner) if winner is not None else None

    def step(text: str, evidence: str, target: str) -> WhyStep:
        return WhyStep(kind="next", text=text, evidence=evidence, target=target)

    if e.quarantine or e.point.quarantined:
        text = f"nothing until somebody approves the device: facility approve {e.point.device}."
        return step(text, "quarantine", device)
    if e.slots is None and (e.is_unknown or e.point.commandable):
        text = "no time known: it is known again when the device answers; what we hold there is compared first."
        return step(text, "device status", device)
    if StatusFlags.OVERRIDDEN in e.flags:
        return step("no end known: until the override by hand is taken off at the device.", "status flags", device)
    if StatusFlags.OUT_OF_SERVICE in e.flags:
        return step("no end known: until it is put back into service at the device.", "status flags", device)
    if winner is not None and winner < 16 and claim is None:
        text = f"no end known: slot {winner} stands until who wrote it lets go; then {_then(e, winner)}."
        return step(text, "priority array", f"slots:{e.point.id}")
    if claim is not None and not is_policy(claim.by):
        return _end(e, claim)
    holder = owner(claim.by) if claim is not None else None
    coming = [one for one in e.following if one.change is not None and _matters(one, holder)]
    if not coming:
        goes_on = ": its own program goes on" if winner == 16 else ""
        return step(f"no change planned{goes_on}.", "programmes and claims", here)
    return _change(e, min(coming, key=lambda one: (one.change, one.level)), winner, holder)


def _end(e: Evidence, claim: Claim) -> WhyStep:
    level, name = int(claim.priority), owner(claim.by)
    text = f"{e.at(claim.until)} the hold of {name} ends; then {_then(e, level)}."
    if claim.until <= e.now:
        text = f"the hold of {name} is over since {e.at(claim.until)} and is let go as soon as the device allows it."
    return WhyStep(
        kind="next", text=text, evidence=f"claim on slot {level}", target=f"slots:{e.point.id}", at=claim.until
    )


def _matters(following: Following, holder: str | None) -> bool:
    """Whether the change of the programme moves the point: its own policy holds it, or it is going to be wanted."""
    return following.policy == holder or following.wants is not None


def _change(e: Evidence, coming: Following, winner: int | None, holder: str | None) -> WhyStep:
    assert coming.change is not None, "chosen for it"
    if coming.wants is not None:
        then = f"policy {coming.policy} then wants {e.show(coming.wants)}"
        if winner is not None and winner < coming.level:
            then = f"{then} beneath slot {winner}"
    else:
        then = f"policy {coming.policy} then lets go, and {_then(e, coming.level)}"
    turns = f"programme {coming.programme} {f'turns {coming.turns}' if coming.turns else 'is about to change'}"
    turns = turns if coming.programme else "by the clock alone"
    sure = ", or sooner: it looks at readings" if coming.estimated and coming.policy == holder else _sure(coming)
    text = f"{e.at(coming.change)} {turns}; {then}{sure}."
    evidence, target = f"programme {coming.programme}", f"schedule:{coming.programme}"
    if not coming.programme:
        evidence, target = f"policy {coming.policy}", f"record:{coming.policy}"
    return WhyStep(kind="next", text=text, evidence=evidence, target=target, at=coming.change)


def _sure(following: Following) -> str:
    return " (an estimate from the present readings)" if following.estimated else ""


def _then(e: Evidence, level: int) -> str:
    """What takes over when that slot is empty again: a slot beneath, a policy that wants it by then, or the default."""
    assert e.slots is not None, "the end of a slot is told of slots that were read"
    takes: dict[int, str] = {}
    policies = {one.policy: one for one in e.following}
    for other in e.beneath(level):
        claim = e.ours(other)
        follows = policies.get(owner(claim.by)) if claim is not None and is_policy(claim.by) else None
        if follows is None:
            takes[other] = f"{e.show(e.slots[other])} of slot {other} takes over"
    for one in e.following:
        if one.after is not None:
            takes.setdefault(one.level, f"{e.show(one.after)} of policy {one.policy} takes over{_sure(one)}")
    if takes:
        return takes[min(takes)]
    return f"the relinquish default, {e.show(e.slots.default)}, applies"
