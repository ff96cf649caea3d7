"""TLS for those who send us something: our certificate, and whose certificates we ask for.

TLS 1.2 or newer. What cannot be used is told with the file and what to do; nothing is served unencrypted instead.
"""

from __future__ import annotations

import ssl
import stat
from pathlib import Path

from points.errors import PointsError


class TlsUnusable(PointsError):
    """The certificate files cannot be used; the text says which, and what to do."""

    expected = True  # files of the site, not a fault of ours: one line in the log


def server_context(cert_file: Path, key_file: Path, ca_file: Path | None) -> ssl.SSLContext:
    """`ca_file`: only who has a certificate of it may connect. Raises `TlsUnusable`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if key_file.stat().st_mode & stat.S_IROTH:
            raise TlsUnusable(f"Everyone can read the key {key_file}: chmod 600 it.")
        context.load_cert_chain(cert_file, key_file)
        if ca_file is not None:
            context.load_verify_locations(ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # a missing file, or one that is no certificate (SSLError)
        files = ", ".join(str(file) for file in (cert_file, key_file, ca_file) if file)
        raise TlsUnusable(f"The certificates of feeds.hl7 cannot be used ({files}): {error}") from error
    return context
