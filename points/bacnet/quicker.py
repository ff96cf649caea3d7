"""bacpypes3 with one slow look made quick; what it answers is the same.

Whenever a sequence is made, and whenever an object's property is read or set, the library looks with
`inspect.getattr_static` whether the name is a property of the class: most of what it costs to take an APDU apart or to
make an object. A class is the same ever after, so that here it is looked at once.
"""

from __future__ import annotations

import inspect
from functools import cache
from types import SimpleNamespace
from typing import Any

from bacpypes3 import constructeddata
from bacpypes3.local import object as local

_NOTHING = object()


def getattr_static(owner: Any, name: str, *default: object) -> object:
    """As `inspect.getattr_static` for what has a `__dict__`, and properties as its only data descriptors."""
    of_class = _of_class(owner.__class__, name)
    if isinstance(of_class, property):
        return of_class
    found = vars(owner).get(name, of_class)
    if found is not _NOTHING:
        return found
    if default:
        return default[0]
    raise AttributeError(name)


@cache
def _of_class(owner: Any, name: str) -> object:
    return next((vars(each)[name] for each in owner.__mro__ if name in vars(each)), _NOTHING)


def quicken() -> None:
    """From now on, in this process."""
    constructeddata.inspect = local.inspect = SimpleNamespace(**vars(inspect) | {"getattr_static": getattr_static})
