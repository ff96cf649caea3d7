"""What every policy promises about time: until the instant that it names, the clock alone changes nothing.

The decider asks a policy again only when an input is another or that instant has come. So a policy that would say
something else before it is a policy whose change of mind nobody hears.
"""

from dataclasses import replace
from datetime import timedelta

from pydantic import TypeAdapter

FAR = timedelta(days=2)  # how far to look where a policy names no instant at all
STEP = timedelta(seconds=1)  # the finest that the decider asks
FRACTIONS = (0.0, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)


def assert_steady(policy, view, memory=None, *, decide=None):
    """Asked again at any moment before `until`, with the same readings, it demands the same. The first decision."""
    decide = decide or policy.bind(view.catalog)
    first = decide(view, memory)
    assert first.until is None or first.until > view.now, f"{policy.name} names {first.until}, which is not to come"
    length = FAR if first.until is None else first.until - view.now
    moments = sorted({*(length * fraction for fraction in FRACTIONS), max(length - STEP, timedelta(0))})
    chained = first.memory
    for after in moments:
        later = replace(view, now=view.now + after)
        for given in (first.memory, chained):  # asked for the second time, and for the third, fourth and fifth
            again = decide(later, given)
            assert again.demands == first.demands, (
                f"{policy.name} says something else {after} after it was asked; it named {first.until}"
            )
        chained = again.memory
    assert_remembered(policy, first.memory)
    return first


def assert_remembered(policy, memory):
    """What it remembers is of the kind that it says, and the same after a restart."""
    if memory is None:
        return
    kind = policy.remembers
    assert type(memory) is kind
    adapter = TypeAdapter(kind)
    assert adapter.validate_json(adapter.dump_json(memory)) == memory


def follow(policy, views, memory=None):
    """The decisions of a policy that is asked with these views, one after the other."""
    decide, decisions = None, []
    for view in views:
        decide = decide or policy.bind(view.catalog)
        decision = decide(view, memory)
        memory = decision.memory
        decisions.append(decision)
    return decisions
