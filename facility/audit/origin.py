"""Where a caller of the socket sits, as far as the kernel tells: uid, process, and the terminal it hangs on."""

from __future__ import annotations

from pathlib import Path

_PTS_MAJORS = range(136, 144)  # of Unix 98 pseudo-terminals, Documentation/admin-guide/devices.txt of Linux
_TTY_MAJOR = 4


def origin_of(pid: int, uid: int) -> str:
    """`socket uid 1000 pid 4711 pts/3`."""
    return " ".join(filter(None, ("socket", f"uid {uid}", f"pid {pid}", _terminal(pid))))


def _terminal(pid: int) -> str:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        device = int(after_name.split()[4])  # tty_nr, see proc_pid_stat(5)
    except (OSError, ValueError, IndexError):
        return ""  # it has gone, or this machine does not tell
    major, minor = (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)
    if major in _PTS_MAJORS:
        return f"pts/{minor + 256 * (major - _PTS_MAJORS.start)}"
    return f"tty{minor}" if major == _TTY_MAJOR else ""
