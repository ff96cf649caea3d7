"""Waiting to be told to end."""

import asyncio
import os
import signal
import sys

import pytest

from facility.until import asked_to_end


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_the_waiting(number):
    waiting = asyncio.create_task(asked_to_end())
    await asyncio.sleep(0)
    assert not waiting.done()
    signal.raise_signal(number)
    async with asyncio.timeout(30):
        await waiting


async def test_with_a_parent_the_closing_of_standard_input_ends_it_and_words_do_not(monkeypatch):
    ours, parents = os.pipe()
    with os.fdopen(ours, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        waiting = asyncio.create_task(asked_to_end(with_parent=True))
        await asyncio.sleep(0)
        os.write(parents, b"hello\n")
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        os.close(parents)
        async with asyncio.timeout(30):
            await waiting


async def test_without_a_parent_standard_input_says_nothing(monkeypatch):
    ours, parents = os.pipe()
    os.close(parents)
    with os.fdopen(ours, "rb") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        waiting = asyncio.create_task(asked_to_end())
        done, _ = await asyncio.wait({waiting}, timeout=0.05)
        assert not done
        waiting.cancel()
