"""What a person can ask the agent to do from a screen. Nothing is sent before it is said why it may be.

Overrides and releases only open a dialog, in which `Y` commits; acknowledging is one key for
HIGH and LOW, and one question for LIFE and CRIT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facility.wire import AlarmInfo, DeviceInfo, Result, ValueInfo
from tui import text
from tui.screens.acknowledge import ASKED, AcknowledgeDialog
from tui.screens.approve import ApproveDialog
from tui.screens.command import CommandDialog
from tui.screens.links import LinksPlace
from tui.screens.point import PointPlace
from tui.screens.second import SecondDialog
from tui.seat import Seat

if TYPE_CHECKING:
    from tui.app import FacilityApp


class Hands:
    """Of one person at one screen."""

    def __init__(self, app: FacilityApp, seat: Seat) -> None:
        self._app = app
        self._seat = seat

    def command(self, point: str | None, *, release: bool) -> None:
        """Opens the dialog, or says why there is none."""
        seat = self._seat
        info = seat.picture.points.get(point or "")
        if seat.picture.may_command:
            seat.say(seat.picture.may_command)
        elif info is None:
            seat.say("no point is chosen here")
        elif info.quarantined:
            seat.say("its device is in quarantine: 0 Links, v approves it when somebody has looked")
        elif info.access != "commandable":
            safety = f" (safety: {info.safety})" if info.safety != "comfort" else ""
            seat.say(f"monitor only{safety}: nothing here writes {info.id}")
        else:
            self._app.open_dialog(CommandDialog(seat, info, release=release), self._commanded)

    def _commanded(self, result: Result | None) -> None:
        if result is not None:
            self._seat.say(f"{result.status.upper()}: {result.text}")
            if isinstance(self._app.place, PointPlace):
                self._app.place.refresh_from_agent()

    def second(self, request: str) -> None:
        """Opens what somebody asked for, or says that it is gone."""
        seat = self._seat
        found = next((each for each in seat.picture.asked if each.id == request), None)
        info = None if found is None else seat.picture.points.get(found.point)
        if found is None or info is None:
            seat.say("that waits no more")
        else:
            self._app.open_dialog(SecondDialog(seat, info, found), self._commanded)

    def acknowledge(self, chosen: str | None) -> None:
        seat = self._seat
        alarm = seat.picture.alarm(chosen) if chosen else None
        if seat.picture.may_not("acknowledge"):
            seat.say(seat.picture.may_not("acknowledge"))
        elif alarm is None:
            seat.say("no alarm is chosen here")
        elif alarm.acknowledged is not None:
            seat.say(f"already acknowledged by {alarm.acknowledged_by}")
        elif alarm.severity in ASKED:
            self._app.open_dialog(AcknowledgeDialog(seat, alarm), lambda reason: self._acknowledge(alarm, reason))
        else:
            self._acknowledge(alarm, "")

    def _acknowledge(self, alarm: AlarmInfo, reason: str | None) -> None:
        if reason is None:
            return
        seat = self._seat

        def done(answer: AlarmInfo) -> None:
            seat.picture.put_alarm(answer)
            seat.say(f"acknowledged: {answer.where} {answer.text}")

        self._app.place.ask(seat.facility.acknowledge(alarm.id, reason), done, about="acknowledge")

    def approve(self, device: DeviceInfo | None) -> None:
        """Opens the dialog, or says why there is none."""
        seat = self._seat
        if seat.picture.may_not("approve"):
            seat.say(seat.picture.may_not("approve"))
        elif device is None:
            seat.say("no device is chosen here")
        elif not device.quarantine:
            seat.say(f"{device.name} is not in quarantine")
        else:
            self._app.open_dialog(ApproveDialog(seat, device), lambda reason: self._approve(device, reason))

    def _approve(self, device: DeviceInfo, reason: str | None) -> None:
        if reason is None:
            return

        def done(answer: DeviceInfo) -> None:
            self._seat.say(f"approved: {answer.name} may be commanded again")
            if isinstance(self._app.place, LinksPlace):
                self._app.place.put(answer)

        self._app.place.ask(self._seat.facility.approve(device.id, reason), done, about="approve")

    def read_now(self, point: str) -> None:
        """One request to the device, inside the agent's packet budget."""
        seat = self._seat
        if not seat.picture.live:
            seat.say("no agent: nothing was asked")
            return

        def done(reading: ValueInfo) -> None:
            seat.picture.put(reading)
            info = seat.picture.points[reading.id]
            said = f"{text.worded(info, reading.value)}, {text.quality(reading, seat.picture.now)}"
            seat.say(f"read now: {reading.id} {said}")

        seat.say(f"asking the device for {point} ...")
        self._app.place.ask(seat.facility.read(point), done, about="read")
