"""The key that signs the head of the audit: Ed25519, made at the first start, readable by the agent alone.

Who can write the database but not read the key cannot make an anchor. The public half lies beside it, for whoever
checks; give it to those who must be able to prove the audit, before they need it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from points.errors import PointsError

_SEED = 32  # octets of an Ed25519 private key (RFC 8032, 5.1.5)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyUnusable(PointsError):
    """The key file cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The private key of one audit."""

    private: Ed25519PrivateKey

    @property
    def public(self) -> str:
        """The public key, in hexadecimal."""
        return self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    @property
    def id(self) -> str:
        return key_id(self.public)

    def sign(self, said: bytes) -> str:
        return self.private.sign(said).hex()


def key_id(public: str) -> str:
    """A short name of a public key, the same everywhere."""
    return hashlib.sha256(bytes.fromhex(public)).hexdigest()[:16]


def is_signed(said: bytes, signature: str, public: str) -> bool:
    """Whether the owner of the key that `public` belongs to has signed exactly this."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), said)
    except (InvalidSignature, ValueError):
        return False
    return True


def open_key(path: Path) -> SigningKey:
    """The key in `path`; made, with its public half beside it, if there is none. Raises `KeyUnusable`."""
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise KeyUnusable(
            f"The audit's key {path} cannot be used: {error.strerror}. "
            "Let the agent's user read it, or set audit.key_file to another place."
        ) from error


def public_file(path: Path) -> Path:
    """Where the public half of the key in `path` is."""
    return path.with_name(f"{path.name}.pub")


def public_in(path: Path) -> str:
    """The public key in a file that holds nothing else. Raises `KeyUnusable`."""
    try:
        public = path.read_text(encoding="ascii").strip()
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"{path} holds no public key of an audit ({error}).") from error
    return public


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as new:
        new.write(os.urandom(_SEED).hex() + "\n")
        new.flush()
        os.fsync(new.fileno())


def _read(path: Path) -> SigningKey:
    if path.stat().st_mode & _OTHERS:
        raise KeyUnusable(
            f"The audit's key {path} can be read by others, so an anchor proves nothing. Close it (chmod 600 {path}); "
            "if anybody may have copied it, move it aside and start again: a new key is made."
        )
    try:
        seed = bytes.fromhex(path.read_text(encoding="ascii").strip())
        key = SigningKey(private=Ed25519PrivateKey.from_private_bytes(seed))
    except ValueError as error:
        raise KeyUnusable(
            f"The audit's key {path} is damaged ({error}). Put it back from a backup, or move it aside and start "
            "again: a new key is made, and anchors of the old one are checked with its public half."
        ) from error
    beside = public_file(path)
    if not beside.exists():
        beside.write_text(key.public + "\n", encoding="ascii")
    return key
