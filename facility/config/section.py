"""What every section of `facility.toml` has in common: frozen, and no key that is not known."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

SLUG = r"^[a-z0-9][a-z0-9-]{0,47}$"
Slug = Annotated[str, Field(pattern=SLUG)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
