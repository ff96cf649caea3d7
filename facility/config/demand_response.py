"""`[demand_response]`: from whom the agent takes the utility's events."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from facility.config.section import Section


def _url(text: str) -> str:
    parts = urlsplit(text)
    here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or not (parts.scheme == "https" or here) or parts.username or parts.query or parts.fragment:
        raise ValueError(f"{text!r}: write https://...; without TLS only to this machine")
    return text.rstrip("/")


Url = Annotated[str, AfterValidator(_url)]


class OpenAdrSection(Section):
    """A VTN of OpenADR 3 that is asked for events."""

    enabled: bool = True
    """Off keeps the section without using it."""
    url: Url
    """Base of its API, e.g. `https://vtn.example/openadr3/3.1.0`."""
    token_url: Url | None = None
    """Where tokens are given out. Default: `<url>/auth/token`."""
    client_id: str
    """How it knows us."""
    client_secret: SecretStr | None = None
    """Environment `FACILITY_DEMAND_RESPONSE__OPENADR__CLIENT_SECRET` or a secrets directory only; never the file."""
    scope: str = ""
    """What is asked for with the token, where the VTN wants that said."""
    program: str = ""
    """Only events of this programID; "": all that we are shown."""
    poll_seconds: Annotated[float, Field(ge=10, le=3600)] = 60.0
    """How often it is asked."""

    @property
    def tokens(self) -> str:
        return self.token_url or f"{self.url}/auth/token"


class DemandResponseSection(Section):
    """Events of the utility; see docs/demand-response.md. What they do, a policy of the kind `demand-response` says."""

    mqtt: bool = False
    """Take events from MQTT, `<root>/<site>/<agent>/in/demand-response`; needs `[mqtt]`."""
    accounts: list[str] = []
    """Login names with the role `service` that may send events over the API. Operators and engineers always may."""
    openadr: OpenAdrSection | None = None
    """Ask a VTN of OpenADR 3."""
