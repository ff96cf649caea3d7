"""The figures as a picture: bars on a logarithmic scale, an SVG written by hand."""

from __future__ import annotations

import math
from html import escape

from bench.contenders import CLIENTS, FACILITY
from bench.figures import UNITS, Run

_CASES = ("rpm-changing", "rpm-unchanged", "cov-ingest", "discovery")  # where more is better
_WIDTH, _ROW, _LEFT, _RIGHT, _TOP, _GAP = 840, 20, 150, 110, 40, 44
_OURS, _OTHERS, _LIMIT = "#0f6fbf", "#9aa7b2", "#d3d9de"


def svg(run: Run) -> str:
    parts, y = [], _TOP
    for case in _CASES:
        bars = [(client, value) for client in CLIENTS if (value := run.median(case, client))]
        if not bars:
            continue
        parts.append(f'<text x="{_LEFT}" y="{y}" class="head">{case}, {UNITS[case]}</text>')
        y += 10
        lowest = 10 ** math.floor(math.log10(min(value for _, value in bars)) - 0.3)
        widest = math.log10(max(value for _, value in bars) / lowest)
        for client, value in sorted(bars, key=lambda bar: -bar[1]):
            length = max(2.0, math.log10(value / lowest) / widest * (_WIDTH - _LEFT - _RIGHT))
            parts += _bar(client, value, length, y)
            y += _ROW
        y += _GAP
    style = "text{font:13px sans-serif;fill:#334}.head{font-weight:bold}.name{text-anchor:end}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}">'
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>'
        f'{"".join(parts)}<text x="{_LEFT}" y="{y - 16}">logarithmic: each bar begins at a power of ten</text></svg>\n'
    )


def _bar(client: str, value: float, length: float, y: float) -> list[str]:
    colour = _OURS if client == FACILITY else _LIMIT if client == "raw" else _OTHERS
    return [
        f'<text x="{_LEFT - 8}" y="{y + 14}" class="name">{escape(client)}</text>',
        f'<rect x="{_LEFT}" y="{y + 3}" width="{length:.1f}" height="{_ROW - 6}" fill="{colour}"/>',
        f'<text x="{_LEFT + length + 6:.1f}" y="{y + 14}">{value:,.0f}</text>',
    ]
