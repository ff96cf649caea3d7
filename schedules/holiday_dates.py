"""Public holidays by country and subdivision, as dates with names. The only importer of `holidays`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import holidays


def holidays_of(
    country: str, subdivision: str | None, years: Iterable[int], own: Mapping[date, str] | None = None
) -> dict[date, str]:
    """The public holidays of these years, and the site's own over them. No country: only the site's own.

    `country` and `subdivision` are ISO 3166 codes ("US", "MN"). An unknown one is a ValueError that names the known.
    """
    public: Mapping[date, str] = {}
    if country:
        supported = holidays.list_supported_countries(include_aliases=True)
        if country not in supported:
            raise ValueError(f"no public holidays are known for country {country!r}; use an ISO 3166 code such as US")
        if subdivision and subdivision not in supported[country]:
            known = ", ".join(supported[country]) or "none"
            raise ValueError(f"country {country!r} has no subdivision {subdivision!r}; known: {known}")
        public = holidays.country_holidays(country, subdiv=subdivision or None, years=list(years))
    return {**public, **(own or {})}
