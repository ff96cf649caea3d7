"""How the Energy screen is drawn: one column at 80, two from 120 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Region

from facility.wire import AccountInfo, DemandInfo, EnergyReport, PolicySavingInfo, SavingInfo, ShedInfo
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.seat import Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.trend import draw_trend

if TYPE_CHECKING:
    from tui.screens.energy import EnergyPlace

TWO_COLUMNS = 120
SIDE = 46
BAR = 24
KW_PER_MWH = 1000
RANGE_NAMES = ("12 h", "24 h", "7 days")
QUARTER_S = 900


class EnergyBoard(CanvasPane, can_focus=True):
    """All of it; what there is no room for is left out from the bottom, and said."""

    def __init__(self, seat: Seat, place: EnergyPlace) -> None:
        super().__init__(seat.ink, id="energy-board")
        self._seat = seat
        self._place = place

    @property
    def plot_width(self) -> int:
        """Columns of the trend."""
        width = self.size.width or TWO_COLUMNS
        return width - SIDE - 2 if width >= TWO_COLUMNS else width

    def draw(self, canvas: Canvas) -> None:
        demand, report = self._place.demand, self._place.report
        self._headline(canvas, demand, report)
        if canvas.width >= TWO_COLUMNS:
            plot = max(8, (canvas.height - 2) // 2 - 2)
            self._plot(canvas, Region(0, 1, self.plot_width, plot))
            end = self._meters(canvas, self.plot_width + 2, 1, SIDE, demand)
            self._window(canvas, self.plot_width + 2, end + 1, SIDE, demand)
            y = max(plot + 2, end + 6)
        else:
            plot = max(6, canvas.height - 13)
            self._plot(canvas, Region(0, 1, canvas.width, plot))
            y = plot + 1
        rows = canvas.height - y
        line = 1 + min(3, len(demand.next_in_line) or 1) if demand and demand.level is not None else 2
        savings = max(3, min(1 + self._saving_rows(report), rows - line - 2))
        y = self._savings(canvas, y, savings, report)
        y = self._sheds(canvas, y, max(2, canvas.height - y - line), report)
        self._line(canvas, y, canvas.height - y, demand)

    # --- now ----------------------------------------------------------------------------------------------------------

    def _headline(self, canvas: Canvas, demand: DemandInfo | None, report: EnergyReport | None) -> None:
        if demand is None:
            trouble = self._place.trouble.get("demand")
            canvas.put(1, 0, trouble or "asking ...", "unk" if trouble else "muted", width=canvas.width - 2)
            return
        if not demand.meter:
            canvas.put(1, 0, "?", "unk")
            canvas.put(3, 0, demand.note or "no demand is known", "unk", width=canvas.width - 4)
            return
        live = self._seat.picture.live
        over = demand.limit_kw is not None and (demand.projected_kw or 0) > demand.limit_kw
        level = "no limit policy" if demand.level is None else f"shed level {demand.level}"
        runs: list[Run] = [
            ("Now " if live else f"? was {text.clock(demand.at, self._seat.picture.zone)} ", "text" if live else "unk"),
            (f"{_kw(demand.kw)} kW", "strong" if demand.kw is not None and live else "unk"),
            ("  15-min ", "muted"),
            (_kw(demand.mean_kw), "text" if demand.mean_kw is not None else "unk"),
            (" → ", "muted"),
            (f"{_kw(demand.projected_kw)} projected", _role(demand.projected_kw, over=over)),
            ("  limit ", "muted"),
            (_kw(demand.limit_kw) if demand.limit_kw is not None else "none", "text"),
            (f"  {level}", "high" if demand.level else "muted"),
        ]
        main = next((meter for meter in report.meters if meter.name == demand.meter), None) if report else None
        if canvas.width >= TWO_COLUMNS and main is not None and main.peak_kw is not None and main.peak_at is not None:
            when = text.when(main.peak_at, self._seat.picture.now, self._seat.picture.zone)
            runs.append((f"  peak of 30 days {_kw(main.peak_kw)}, {when}", "muted"))
        canvas.line(1, 0, runs)

    def _plot(self, canvas: Canvas, area: Region) -> None:
        place, demand = self._place, self._place.demand
        name = f"{place.plotted_name}, kW" if place.plotted_name else "Demand, kW"
        canvas.rule(area.x, area.y, area.width, name, f"{RANGE_NAMES[place.range]} · t range · M meter")
        inside = Region(area.x, area.y + 1, area.width, area.height - 1)
        if place.trend is None:
            trouble = place.trouble.get("trend")
            nothing = "no meter to draw" if demand is not None and not place.plotted else "asking ..."
            role = "unk" if trouble else "muted"
            canvas.put(inside.x + 1, inside.y + 1, trouble or nothing, role, width=inside.width - 2)
            return
        limit = None if place.drawn or demand is None else demand.limit_kw
        draw_trend(canvas, inside, place.trend, limits=[limit], zone=self._seat.picture.zone, name=_number)

    def _meters(self, canvas: Canvas, x: int, y: int, width: int, demand: DemandInfo | None) -> int:
        canvas.rule(x, y, width, "By meter now, kW")
        meters = [meter for meter in demand.meters if meter.point != demand.point] if demand else []
        most = max([1.0, *(meter.kw or 0.0 for meter in meters), (demand.kw if demand else None) or 0.0])
        for meter in meters[: max(2, canvas.height // 2 - 7)]:
            y += 1
            name = f"{meter.name} ({meter.carrier})" if meter.carrier != "electricity" else meter.name
            canvas.put(x, y, name, width=width - BAR - 8)
            at = x + width - BAR - 8
            if meter.kw is None:
                canvas.put(at, y, "?", "unk", width=7, right=True)
                canvas.put(at + 8, y, meter.note, "unk", width=BAR)
                continue
            canvas.put(at, y, _number(meter.kw), width=7, right=True)
            filled = max(0, min(BAR, round(BAR * meter.kw / most)))
            canvas.put(canvas.put(at + 8, y, "━" * filled, "title"), y, "─" * (BAR - filled), "faint")
        if not meters:
            y += 1
            canvas.put(x, y, "No other meter is known." if demand else "asking ...", "muted", width=width)
        return y + 1

    def _window(self, canvas: Canvas, x: int, y: int, width: int, demand: DemandInfo | None) -> None:
        canvas.rule(x, y, width, "Window")
        if demand is None or not demand.meter:
            return
        passed = max(0.0, (demand.at - demand.window_start).total_seconds())
        end = canvas.put(x, y + 1, f"15-min average, {passed / 60:.0f} min in")
        if demand.unknown_s >= 1:
            canvas.put(end, y + 1, f", {text.age(demand.unknown_s)} of it unknown", "unk", width=width + x - end)
        filled = min(width, round(width * passed / QUARTER_S))
        canvas.put(canvas.put(x, y + 2, "━" * filled, "title"), y + 2, "─" * (width - filled), "faint")
        if demand.room_kw is None:
            why = "no limit is set" if demand.limit_kw is None else "? the projection is not known"
            canvas.put(x, y + 3, why, "muted" if demand.limit_kw is None else "unk", width=width)
        elif demand.room_kw >= 0:
            canvas.put(x, y + 3, f"room for {_kw(demand.room_kw)} kW more before shedding", width=width)
        else:
            canvas.put(x, y + 3, f"{_kw(-demand.room_kw)} kW too many until its end", "high", width=width)

    # --- over time ----------------------------------------------------------------------------------------------------

    def _saving_rows(self, report: EnergyReport | None) -> int:
        return sum(1 + len(account.policies) for account in report.accounts) or 1 if report else 1

    def _savings(self, canvas: Canvas, y: int, rows: int, report: EnergyReport | None) -> int:
        canvas.rule(0, y, canvas.width, "Avoided, last 30 days", "against the baseline, ± 90 %")
        if report is None:
            trouble = self._place.trouble.get("energy")
            canvas.put(1, y + 1, trouble or "the report is being made ...", "unk" if trouble else "muted")
            return y + 2
        lines = [
            line
            for account in report.accounts
            for line in (_account_line(account), *(_policy_line(one) for one in account.policies))
        ]
        if not lines:
            lines = [("?", "no meter", SavingInfo(kwh=None, why=" ".join(report.notes)))]
        most = max([1.0, *(abs(saving.kwh) for _, _, saving in lines if saving.kwh is not None)])
        for sign, name, saving in lines[: rows - 1]:
            y += 1
            self._saving(canvas, y, (sign, name, saving), most)
        return y + 1

    def _saving(self, canvas: Canvas, y: int, line: tuple[str, str, SavingInfo], most: float) -> None:
        sign, name, saving = line
        wide = canvas.width >= TWO_COLUMNS
        canvas.put(1, y, sign, "unk")
        canvas.put(3, y, name, "text", width=34 if wide else 24)
        x = 39 if wide else 28
        if saving.kwh is None or saving.error is None:
            canvas.put(x, y, f"not known: {text.sentence(saving.why)}", "unk", width=canvas.width - x - 1)
            return
        end = canvas.put(x, y, _energy(saving.kwh, saving.error), "strong" if _sure(saving) else "muted", width=22)
        if not _sure(saving):
            canvas.put(end + 1, y, f"may be none. {saving.why}", "muted", width=canvas.width - end - 2)
        elif saving.why:
            canvas.put(end + 1, y, saving.why, "muted", width=canvas.width - end - 2)
        else:
            room = canvas.width - end - 3
            canvas.put(end + 1, y, "━" * max(1, round(room * abs(saving.kwh) / most)), "title")

    def _sheds(self, canvas: Canvas, y: int, rows: int, report: EnergyReport | None) -> int:
        sheds = list(reversed(report.sheds)) if report else []
        held = sum(not shed.refused for shed in sheds)
        note = f"{held} given up, {len(sheds) - held} refused" if sheds else ""
        canvas.rule(0, y, canvas.width, "Shed, latest first", note)
        if not sheds:
            nothing = "Nothing was shed in 30 days." if report else "not known yet"
            canvas.put(1, y + 1, nothing, "muted")
            return y + 2
        for shed in sheds[: rows - 1]:
            y += 1
            self._shed(canvas, y, shed)
        return y + 1

    def _shed(self, canvas: Canvas, y: int, shed: ShedInfo) -> None:
        now, zone = self._seat.picture.now, self._seat.picture.zone
        until = "" if shed.refused else text.when(shed.until, now, zone) if shed.until else "still"
        canvas.put(1, y, text.when(shed.since, now, zone), "strong", width=9)
        canvas.put(11, y, until, "muted" if shed.until else "hand", width=9)
        canvas.put(21, y, str(shed.points), "muted", width=4, right=True)
        end = canvas.put(26, y, shed.what, width=min(len(shed.what), canvas.width - 27))
        if shed.refused and end + 4 < canvas.width:
            canvas.put(end + 2, y, shed.refused, "high", width=canvas.width - end - 3)

    def _line(self, canvas: Canvas, y: int, rows: int, demand: DemandInfo | None) -> None:
        canvas.rule(0, y, canvas.width, "If the limit is reached next", "never clinical rooms")
        if demand is None or demand.level is None:
            nothing = "No policy limits the demand." if demand else "not known yet"
            canvas.put(1, y + 1, nothing, "muted")
            return
        for number, name in enumerate(demand.next_in_line[: rows - 1], 1):
            canvas.line(1, y + number, [(f"{number} ", "muted"), (name, "text")])
        if not demand.next_in_line:
            for row, part in enumerate(
                wrap(f"{demand.policy} has nobody left to ask.", canvas.width - 2)[: rows - 1], 1
            ):
                canvas.put(1, y + row, part, "muted")


def _account_line(account: AccountInfo) -> tuple[str, str, SavingInfo]:
    name = f"All {account.carrier}" if account.carrier == "electricity" else f"{account.name} ({account.carrier})"
    return ("?" if account.saving.kwh is None else "", name, account.saving)


def _policy_line(one: PolicySavingInfo) -> tuple[str, str, SavingInfo]:
    return ("?" if one.saving.kwh is None else "", f"  {' + '.join(one.policies)}", one.saving)


def _sure(saving: SavingInfo) -> bool:
    return saving.kwh is not None and saving.error is not None and abs(saving.kwh) > saving.error


def _energy(kwh: float, error: float) -> str:
    """`9.8 MWh ±1.4`: both in the same unit."""
    if max(abs(kwh), error) >= KW_PER_MWH:
        return f"{kwh / KW_PER_MWH:,.1f} MWh ±{error / KW_PER_MWH:,.1f}"
    return f"{kwh:,.0f} kWh ±{error:,.0f}"


def _role(value: float | None, *, over: bool) -> str:
    return "unk" if value is None else "high" if over else "text"


def _kw(value: float | None) -> str:
    return "?" if value is None else f"{value:,.0f}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}"
