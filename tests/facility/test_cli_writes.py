"""Lists of writes: whatever the terminal, no reason is lost."""

import os

import pytest

from facility.cli.writes import SHOWN, Listed, print_writes

NAMES = ", ".join(f"z{number:02}-occupancy" for number in range(1, 5))


def listed(points, reason, policy="office-standby", mark="+"):
    return Listed(
        when="Mon 23 Nov 06:30:00", mark=mark, points=points, value="20.5 °C", slot=14, policy=policy, reason=reason
    )


WRITES = [
    listed("vav-2-01/htg-sp", f"vacant, say {NAMES}"),
    listed("vav-2-01/clg-sp and 3 more", f"vacant, say {NAMES}"),
    listed("vav-2-02/htg-sp", "office-standby no longer wants it", mark="-"),
]


@pytest.fixture
def terminal(monkeypatch):
    """So many columns, or (None) a file."""

    def of(columns):
        monkeypatch.setattr("sys.stdout.isatty", lambda: columns is not None)
        if columns is not None:
            monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))

    return of


def test_a_narrow_terminal_has_them_under_their_reasons(terminal, capsys):
    terminal(80)
    print_writes(WRITES)
    assert capsys.readouterr().out.splitlines() == [
        "",
        "Mon 23 Nov 06:30:00  office-standby: vacant, say z01-occupancy, z02-occupancy,",
        "        z03-occupancy, z04-occupancy",
        "  + vav-2-01/htg-sp             20.5 °C at 14",
        "  + vav-2-01/clg-sp and 3 more  20.5 °C at 14",
        "Mon 23 Nov 06:30:00  office-standby no longer wants it",
        "  - vav-2-02/htg-sp  20.5 °C at 14",
    ]


@pytest.mark.parametrize("columns", [200, None])
def test_where_there_is_room_each_has_a_line(terminal, capsys, columns):
    terminal(columns)
    print_writes(WRITES)
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2 + len(WRITES)
    assert told[2].endswith(f"14    office-standby: vacant, say {NAMES}")


def test_nothing_is_no_table_and_of_many_it_says_how_many_more(terminal, capsys):
    terminal(None)
    print_writes([])
    assert capsys.readouterr().out == ""
    print_writes(WRITES[:1] * (SHOWN + 2))
    assert capsys.readouterr().out.endswith("... and 2 more; --json prints them.\n")
