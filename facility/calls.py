"""How a method of the port becomes a request, and its result an answer.

The `Facility` protocol is the only description there is: both ends derive parameters and results
from its signatures, so the agent and its screens cannot disagree. `POST /v1/<method>`, a JSON object
of parameters in, the JSON of the result out; a `Trouble` with a 4xx or 5xx status where it is a no.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import TypeAdapter

from facility.plain import must_be_plain
from facility.port import Facility

STATUS = {
    "unknown-point": 404,
    "unknown": 404,
    "bad-wish": 400,
    "not-allowed": 403,
    "stale-plan": 409,
    "busy": 503,
    "internal": 500,
}
"""HTTP status of each kind of `Trouble`."""


TROUBLE_HEADER = "Facility-Trouble"
"""Where the `Trouble` of a refused live stream travels: the answer to a handshake has no body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method of the port, as it travels."""

    name: str
    parameters: dict[str, TypeAdapter[Any]]
    required: frozenset[str]
    result: TypeAdapter[Any]

    def arguments(self, given: dict[str, Any]) -> dict[str, Any]:
        """Validated arguments, plain text throughout; ValueError (pydantic's own included) says which is wrong."""
        if unknown := given.keys() - self.parameters.keys():
            raise ValueError(f"{self.name} has no parameter {', '.join(sorted(unknown))}")
        if missing := self.required - given.keys():
            raise ValueError(f"{self.name} needs {', '.join(sorted(missing))}")
        for name, value in given.items():
            must_be_plain(name, value)
        return {name: self.parameters[name].validate_python(value) for name, value in given.items()}


def _calls() -> dict[str, Call]:
    calls = {}
    for name, method in inspect.getmembers(Facility, inspect.iscoroutinefunction):
        hints = get_type_hints(method)
        parameters = [p for p in inspect.signature(method).parameters.values() if p.name != "self"]
        calls[name] = Call(
            name=name,
            parameters={p.name: TypeAdapter(hints[p.name]) for p in parameters},
            required=frozenset(p.name for p in parameters if p.default is inspect.Parameter.empty),
            result=TypeAdapter(hints["return"]),
        )
    return calls


CALLS = _calls()
"""Every call of the port, by name."""
