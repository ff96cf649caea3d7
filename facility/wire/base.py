"""What all messages have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr

# pydantic would read True as 1.0 in a plain union; strict members keep the type that was sent
WireValue = Annotated[StrictBool | StrictInt | StrictFloat | StrictStr, Field(union_mode="left_to_right")]


class Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
