"""Which broker the mirror talks to, and how safely.

Nothing leaves the machine unencrypted unless the site says so in as many words.
"""

from __future__ import annotations

import ipaddress
import ssl
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from facility.mirror.topics import Topics


class MirrorMisconfigured(ValueError):
    """The settings cannot be used; the text says which, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorSettings:
    """A broker, our place on it, and what we prove ourselves with."""

    host: str
    port: int
    site: str
    agent: str
    username: str | None = None
    password: str | SecretStr | None = field(default=None, repr=False)
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    tls: bool = False
    allow_insecure: bool = False
    root: str = "fac/v1"

    def __post_init__(self) -> None:
        self.topics  # noqa: B018 - raises BadTopic when our place cannot be a topic
        if (self.cert_file is None) != (self.key_file is None):
            raise MirrorMisconfigured("An MQTT client certificate needs both cert_file and key_file.")
        if not self.tls and (self.ca_file or self.cert_file):
            raise MirrorMisconfigured("MQTT certificates are given but tls is off: set tls = true.")
        if self.leaves_unencrypted and not self.allow_insecure:
            raise MirrorMisconfigured(
                f"MQTT to {self.host} would cross the network unencrypted. Set tls = true (and ca_file), "
                "or allow_insecure = true if you accept that anyone on the way can read and change it."
            )

    @property
    def leaves_unencrypted(self) -> bool:
        return not self.tls and not _is_loopback(self.host)

    @property
    def topics(self) -> Topics:
        return Topics(site=self.site, agent=self.agent, root=self.root)

    @property
    def secret(self) -> str | None:
        return self.password.get_secret_value() if isinstance(self.password, SecretStr) else self.password

    @property
    def where(self) -> str:
        return f"{self.host}:{self.port}"


def tls_context(settings: MirrorSettings) -> ssl.SSLContext | None:
    """TLS 1.2 or newer with the broker's name checked. Read afresh for each connection: certificates get renewed."""
    if not settings.tls:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if settings.cert_file is not None and settings.key_file is not None:
            if settings.key_file.stat().st_mode & stat.S_IROTH:
                raise MirrorMisconfigured(f"Everyone can read the MQTT key {settings.key_file}: chmod 600 it.")
            context.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:  # a missing file, or one that is no certificate (SSLError)
        files = ", ".join(str(file) for file in (settings.ca_file, settings.cert_file, settings.key_file) if file)
        raise MirrorMisconfigured(f"The MQTT certificates cannot be used ({files}): {error}") from error
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
