"""Settings and TLS."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from broker_process import HERE, Mosquitto
from mirror_building import Building, make_point, running
from pydantic import SecretStr

from facility.mirror.service import BrokerLost
from facility.mirror.settings import MirrorMisconfigured, MirrorSettings, tls_context
from facility.mirror.topics import BadTopic

PLACE = {"port": 1883, "site": "main", "agent": "one"}


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_needs_no_encryption(host: str):
    assert not MirrorSettings(host=host, **PLACE).leaves_unencrypted


@pytest.mark.parametrize("host", ["10.1.2.3", "broker.example.org", "localhost.example.org"])
def test_another_machine_does_unless_the_site_says_otherwise(host: str):
    with pytest.raises(MirrorMisconfigured, match="allow_insecure"):
        MirrorSettings(host=host, **PLACE)
    assert MirrorSettings(host=host, **PLACE, allow_insecure=True).leaves_unencrypted
    assert not MirrorSettings(host=host, **PLACE, tls=True).leaves_unencrypted


def test_contradictions_are_told(tmp_path: Path):
    with pytest.raises(MirrorMisconfigured, match="tls is off"):
        MirrorSettings(host=HERE, **PLACE, ca_file=tmp_path / "ca")
    with pytest.raises(MirrorMisconfigured, match="both"):
        MirrorSettings(host=HERE, **PLACE, tls=True, cert_file=tmp_path / "c")
    with pytest.raises(MirrorMisconfigured, match="cannot be used"):
        tls_context(MirrorSettings(host=HERE, **PLACE, tls=True, ca_file=tmp_path / "missing"))
    with pytest.raises(BadTopic):
        MirrorSettings(host=HERE, port=1, site="Main Site", agent="a")


def test_the_password_is_not_shown():
    settings = MirrorSettings(host=HERE, **PLACE, username="u", password="canary")
    assert settings.secret == "canary"
    assert "canary" not in repr(settings)
    assert MirrorSettings(host=HERE, **PLACE, password=SecretStr("canary")).secret == "canary"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    for name in ("server", "client", "stranger"):
        keys = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        openssl(tmp_path, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *keys, *subject)
    return tmp_path


# paho leaves a socket whose TLS handshake failed to the garbage collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
async def test_tls_with_client_certificates(certificates: Path, building: Building):
    tls = f"certfile {certificates}/server.crt\nkeyfile {certificates}/server.key\n"
    broker = Mosquitto(
        certificates, f"{tls}cafile {certificates}/client.crt\nrequire_certificate true\nallow_anonymous true"
    )
    await broker.start()
    mine = {"cert_file": certificates / "client.crt", "key_file": certificates / "client.key"}
    good = {"host": "localhost", "tls": True, "ca_file": certificates / "server.crt", **mine}
    building.has(make_point("ahu-1/temp"))
    try:
        async with running(building.mirror(broker.port, **good)):
            pass
        with pytest.raises(BrokerLost, match="certificate verify failed"):
            await building.mirror(broker.port, **(good | {"ca_file": certificates / "stranger.crt"})).run()
        with pytest.raises(BrokerLost, match="certificate verify failed"):  # the certificate is not for this name
            await building.mirror(broker.port, **(good | {"host": HERE})).run()
        await asyncio.to_thread((certificates / "client.key").chmod, 0o644)
        with pytest.raises(MirrorMisconfigured, match="chmod 600"):
            await building.mirror(broker.port, **good).run()
    finally:
        await broker.stop()
