"""0 Links: every connection the agent depends on, and its devices, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from facility.wire import DeviceInfo, Discovery
from tui import text
from tui.canvas import Canvas, Run, wrap
from tui.model import Link
from tui.screens.place import Place
from tui.seat import Goto, Seat
from tui.widgets.pane import CanvasPane
from tui.widgets.table import Column, VirtualTable

COLUMNS = (
    Column(title="", width=2),
    Column(title="Dev", width=8, right=True),
    Column(title="Name", width=22, flex=2),
    Column(title="State", width=17),
    Column(title="Pts", width=5, right=True),
    Column(title="COV", width=11, drop=1),
    Column(title="Reads", width=8, drop=2),
    Column(title="Net", width=5, right=True, drop=3),
    Column(title="Address", width=20, flex=1, drop=4),
)
RANKS = {"offline": 0, "vanished": 1, "slow": 2, "online": 3}
SIGNS = {"offline": "?", "vanished": "?", "slow": "!", "online": ""}
ASK_AGAIN = timedelta(seconds=10)
LOOKING = timedelta(seconds=2)  # between two questions how far a look through the building is


class LinksPlace(Place):
    verbs: ClassVar[tuple[str, ...]] = ("open", "approve", "sort")

    def __init__(self, seat: Seat) -> None:
        super().__init__(seat, id="links")
        self._devices: dict[str, DeviceInfo] = {}
        self._order: list[str] = []
        self._asked: datetime | None = None
        self.look: Discovery | None = None
        self._wanted = ""
        self.lines = LinkLines(seat, self)
        self.table = VirtualTable(seat.ink, COLUMNS, self._cells, id="device-table")
        self.detail = DeviceDetail(seat, self)

    def compose(self) -> ComposeResult:
        yield self.lines
        yield self.table
        yield self.detail

    @property
    def main(self) -> VirtualTable:
        return self.table

    @property
    def subject(self) -> str:
        return self._order[self.table.cursor] if self._order else ""

    @property
    def chosen(self) -> DeviceInfo | None:
        return self._devices.get(self.subject)

    @property
    def count(self) -> int:
        return len(self._order)

    def arrive(self, subject: str) -> None:
        self._wanted = subject
        self._ask()
        self._choose()
        self.show()

    def show(self) -> None:
        often = LOOKING if self.look is not None and self.look.running else ASK_AGAIN
        if self._asked is None or self.seat.picture.now - self._asked > often:
            self._ask()
        self.lines.redraw()
        self.table.poll()
        self.detail.redraw()

    def open(self) -> None:
        if self.subject:
            self.post_message(self.Go(Goto("points", f"dev:{self.subject}")))

    def sort(self) -> None:
        at = self.subject
        self._order = sorted(self._devices, key=lambda key: (_rank(self._devices[key]), key))
        self.table.reset(len(self._order), cursor=self._order.index(at) if at in self._order else 0)

    @on(VirtualTable.Opened)
    def _row_opened(self) -> None:
        self.open()

    @on(VirtualTable.Moved)
    def _cursor_moved(self) -> None:
        self.detail.redraw()

    def _ask(self) -> None:
        if not self.seat.picture.live:
            return
        self._asked = self.seat.picture.now
        self.ask(self.seat.facility.devices(), self._take, about="devices")
        self.ask(self.seat.facility.discover(start=False), self._take_look, about="discovery")

    def _take(self, devices: list[DeviceInfo]) -> None:
        first = not self._devices
        self._devices = {device.id: device for device in devices}
        if first or set(self._order) != set(self._devices):
            self.sort()
            self._choose()
        self.show()

    def _take_look(self, look: Discovery) -> None:
        self.look = look
        self.lines.redraw()

    def put(self, device: DeviceInfo) -> None:
        """A device that came as the answer to an approval."""
        self._devices[device.id] = device
        self.show()

    def _choose(self) -> None:
        if self._wanted in self._order:
            self.table.select(self._order.index(self._wanted))
            self._wanted = ""

    def _cells(self, number: int) -> Sequence[Run]:
        device, picture = self._devices[self._order[number]], self.seat.picture
        mark = (SIGNS[device.status] or ("!" if _is_suspect(device) else "")) if picture.live else "?"
        role = text.role_of(mark)
        state = _state(device, picture.now)
        return (
            (mark, role),
            (str(device.instance), "text"),
            (device.name, "text"),
            (state if picture.live else f"? was {device.status}", role),
            (str(device.points), "muted"),
            (device.cov, "muted"),
            (device.reads, "muted"),
            (str(device.network), "muted"),
            (device.address, "muted"),
        )


def _is_suspect(device: DeviceInfo) -> bool:
    return bool(device.quarantine) or device.duplicate


def _rank(device: DeviceInfo) -> int:
    """What waits for a person comes before what may come back by itself."""
    return -1 if _is_suspect(device) else RANKS[device.status]


def _state(device: DeviceInfo, now: datetime) -> str:
    if device.status == "online":
        return "QUARANTINE" if device.quarantine else "DUPLICATE" if device.duplicate else "online"
    return device.status if device.since is None else f"{device.status} {text.since(device.since, now)}"


class LinkLines(CanvasPane):
    """One measured line for each connection; what is not all right comes first."""

    def __init__(self, seat: Seat, place: LinksPlace) -> None:
        super().__init__(seat.ink, id="link-lines")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        picture = self._seat.picture
        look = self._place.look
        looking = text.fit(look.says, canvas.width - 14) if look is not None and look.running and picture.live else ""
        canvas.rule(0, 0, canvas.width, "Links", looking or "every line is measured, not configured")
        self._agent(canvas)
        links = picture.overview.links if picture.overview else []
        for y, link in enumerate(sorted(links, key=lambda link: link.state in ("ok", "off")), 2):
            role = {"ok": "text", "off": "muted", "degraded": "high"}.get(link.state, "crit")
            state = link.state if picture.live else "?"
            canvas.put(1, y, text.LINK_NAMES[link.name], width=9)
            canvas.put(11, y, state, role if picture.live else "unk", width=9)
            since = f"for {text.since(link.since, picture.now)}" if link.since and link.state != "ok" else ""
            canvas.put(21, y, link.text, width=canvas.width - 38)
            canvas.put(canvas.width - 15, y, since, "muted", width=14, right=True)

    def _agent(self, canvas: Canvas) -> None:
        picture = self._seat.picture
        canvas.put(1, 1, "agent", width=9)
        if picture.link is Link.LOST:
            canvas.put(11, 1, "LOST", "unk_fill")
            said = f"{text.sentence(picture.trouble)} Trying again {picture.again}."
            canvas.put(21, 1, said, width=canvas.width - 22)
            return
        canvas.put(11, 1, "ok", width=9)
        hello = picture.hello
        if hello is not None:
            up = text.since(hello.started, picture.now)
            canvas.put(21, 1, f"{hello.agent} {hello.version}, up {up}, you are {hello.user} ({hello.role})")


class DeviceDetail(CanvasPane):
    """What is known of the device under the cursor, and what its silence makes unknown."""

    def __init__(self, seat: Seat, place: LinksPlace) -> None:
        super().__init__(seat.ink, id="device-detail")
        self._seat = seat
        self._place = place

    def draw(self, canvas: Canvas) -> None:
        device, picture = self._place.chosen, self._seat.picture
        if device is None:
            canvas.rule(0, 0, canvas.width, f"{self._place.count} devices")
            canvas.put(1, 1, "No devices are known yet." if picture.live else "? no agent: not known", "muted")
            return
        hint = "v approves it, Enter shows its points" if device.quarantine else "Enter shows its points"
        canvas.rule(0, 0, canvas.width, f"{device.instance} {device.name}", hint)
        since = f" for {text.since(device.since, picture.now)}" if device.since else ""
        vendor = " ".join(part for part in (device.vendor, device.model) if part) or "maker unknown"
        canvas.put(1, 1, f"{vendor} · network {device.network} · {device.address}", width=canvas.width - 2)
        canvas.put(1, 2, f"{device.status}{since} · reads {device.reads} · COV {device.cov}", width=canvas.width - 2)
        y = 3
        for label, said, role in (_trouble(device), ("found", _found(device), "muted")):
            lines = wrap(said, canvas.width - 10)
            room = canvas.height - y if label == "found" else 2
            if len(lines) > room:
                lines = [*lines[: room - 1], text.fit(f"{lines[room - 1]} {lines[room]}", canvas.width - 10)]
            canvas.put(1, y, label if said else "", role)
            for line in filter(None, lines):
                canvas.put(9, y, line, role)
                y += 1


def _trouble(device: DeviceInfo) -> tuple[str, str, str]:
    """What a person has to know before anything else, and how it is drawn."""
    if device.quarantine:
        return "!", f"QUARANTINE: it {device.quarantine}", "high"
    if device.duplicate:
        return "!", "another device answers with the same number: fix it before you trust either", "high"
    if device.status in ("offline", "vanished"):
        return "effect", f"{device.points} points are UNKNOWN until it answers", "unk"
    return "", "", "text"


def _found(device: DeviceInfo) -> str:
    """What it was found able to do."""
    says = device.passport.says if device.passport else []
    return " · ".join(says) or "nothing has been learned of it yet"
