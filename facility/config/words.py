"""Texts of the configuration that have a form of their own, checked where they are written: the error has their key."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from points.selectors import parse


def _selects(text: str) -> str:
    """Raises what is wrong with a selector, naming the word; an empty one says nothing yet."""
    if text:
        parse(text)
    return text


SelectorText = Annotated[str, AfterValidator(_selects)]
"""Which points: `space-type:admin_office class:heating-setpoint`. Where it may be left out, the empty text."""
