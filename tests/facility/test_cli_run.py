"""The event loop that the agent runs on."""

import sys

import pytest

from facility.cli.run import event_loop


def test_it_is_pythons_own_where_no_faster_one_is_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop() is None


def test_it_is_the_fast_one_where_that_is_installed():
    uvloop = pytest.importorskip("uvloop")
    assert event_loop() is uvloop.new_event_loop
