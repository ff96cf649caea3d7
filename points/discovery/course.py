"""The course of a discovery: read each device as it is heard, put together what was found and what was known.

What goes wrong at one device, expected or not, is told and costs that device only: it stays as it was known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from random import Random

import structlog

from points.bacnet.port import Bacnet, IAm
from points.catalog import Catalog
from points.discovery import identity
from points.discovery.inspection import Inspection
from points.discovery.parts import Parts
from points.discovery.picture import Found, Known, Picture
from points.discovery.plan import Checkpoint, Describe, Discovered, DiscoveryPlan, Phase, Progress
from points.discovery.search import Searched, duplicates, search
from points.errors import DeviceError, DeviceSilent
from points.model import Device, DeviceId, DeviceRef, EventKind, Point
from points.passport import Passports

_log = structlog.get_logger(__name__)


class Course:
    """One look, from its beginning to the new picture."""

    def __init__(
        self,
        bacnet: Bacnet,
        plan: DiscoveryPlan,
        known: Catalog,
        describe: Describe,
        progress: Callable[[Progress], None],
        now: datetime,
        passports: Passports,
        checkpoint: Checkpoint | None,
        taken: Collection[str] = (),
    ) -> None:
        """`taken` are ids of devices that `known` leaves out."""
        self._bacnet = bacnet
        self._plan = plan
        self._known = Known(known)
        self._progress = progress
        self._passports = passports
        self._parts = Parts(self._known, plan, describe, now, checkpoint)
        self._picture = Picture(self._known, describe, now)
        self._done = Progress()
        self._taken = taken
        self._gate = asyncio.Semaphore(plan.parallel)
        self._found: dict[DeviceRef, Found] = {}
        self._unknown: set[DeviceRef] = set()
        self._silent: set[DeviceRef] = set()
        self._mute: set[DeviceRef] = set()  # strangers that sent an I-Am, and answer nothing
        self._read_already: Collection[DeviceRef] = ()

    async def run(self, read_already: Collection[DeviceRef], random: Random) -> Discovered:
        self._read_already = read_already
        searched = await self._search_and_read(random)
        self._tell_search(searched)
        return await self._rest_of_it(searched.heard)

    async def heard(self, heard: Mapping[DeviceRef, IAm]) -> Discovered:
        """The search is over: these answered."""
        async with asyncio.TaskGroup() as reading:
            for ref, i_am in heard.items():
                reading.create_task(self._inspect(ref, i_am))
        return await self._rest_of_it(heard)

    async def _rest_of_it(self, heard: Mapping[DeviceRef, IAm]) -> Discovered:
        await self._ask_the_unheard(heard.keys())
        moves, usurped = self._at_other_addresses(heard.keys())
        return await self._put_together(heard, moves, usurped)

    async def _search_and_read(self, random: Random) -> Searched:
        def begin(ref: DeviceRef, i_am: IAm | None) -> None:
            self._tell(devices_found=self._done.devices_found + 1)
            reading.create_task(self._inspect(ref, i_am))

        def heard(i_am: IAm) -> None:
            if i_am.device not in static:
                begin(i_am.device, i_am)

        static = frozenset(self._plan.static)
        known = self._known.catalog.devices.values()
        try:
            async with asyncio.TaskGroup() as reading:
                for ref in static:
                    begin(ref, None)
                searched = await search(
                    self._bacnet,
                    self._plan,
                    known,
                    heard=heard,
                    sent=lambda number: self._tell(who_is=number),
                    random=random,
                )
                self._tell(phase=Phase.READING)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # whoever catches it knows it by its name
        return searched

    async def only(self, devices: Collection[DeviceId]) -> Discovered:
        catalog = self._known.catalog
        refs = [catalog.devices[id_].ref for id_ in devices if id_ in catalog.devices]
        async with asyncio.TaskGroup() as reading:
            for ref in refs:
                reading.create_task(self._inspect(ref, None))
        doubled: dict[int, list[DeviceRef]] = {}
        for device in catalog.devices.values():
            if device.duplicate:
                doubled.setdefault(device.ref.instance, []).append(device.ref)
        named = self._picture.named(self._found.values(), moves={}, usurped={}, claimed=doubled)
        again = {one.device.id: one.device for one in named}
        points = {point.id: point for one in named for point in self._points_or_known(one)}
        news = Catalog.of(
            {**catalog.devices, **again}.values(), {**catalog.points, **points}.values(), catalog.spaces.values()
        )
        silent = frozenset(self._known.by_ref[ref].id for ref in self._silent)
        return Discovered(catalog=news, events=self._picture.events, skipped=self._done.skipped, silent=silent)

    async def _inspect(self, ref: DeviceRef, i_am: IAm | None) -> None:
        async with self._gate:
            self._tell(current=str(ref))
            inspection = self._inspection(ref, i_am)
            try:
                found = self._found[ref] = await self._read(inspection)
            except DeviceError as error:
                self._unreadable(ref, error, answered=i_am is not None)
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the other devices are found
                self._at_fault(ref, error)
                return
        self._tell(
            devices_described=self._done.devices_described + 1,
            points=self._done.points + len(found.raws or ()),
            skipped=self._done.skipped + inspection.skipped,
            current=found.device.name,
        )
        await self._parts.read(found, doubtful=self._doubtful(found.device))

    def _inspection(self, ref: DeviceRef, i_am: IAm | None) -> Inspection:
        return Inspection(self._bacnet, ref, i_am, before=self._known.by_ref.get(ref), passports=self._passports)

    async def _read(self, inspection: Inspection) -> Found:
        device = await inspection.device()
        before = self._known.by_ref.get(device.ref)
        if before is not None and self._unchanged(before, device):
            learned = before.reads_multiple and device.reads_multiple
            device = replace(
                device,
                reads_multiple=learned,
                object_digest=before.object_digest,
                schedules=before.schedules,
            )
            return Found(device=device, raws=None)
        learned_device, raws = await inspection.points(device)
        return Found(device=learned_device, raws=raws)

    def _unchanged(self, before: Device, device: Device) -> bool:
        """The device's own word that its objects are the same as before; of another device it is worth nothing."""
        if before.database_revision is None:
            as_before = device.database_revision is None and device.ref in self._read_already
        else:
            as_before = device.database_revision == before.database_revision
        counted = device.object_count > 0 and device.object_count == before.object_count
        looked = bool(before.object_digest) and before.schedules is not None
        return as_before and counted and looked and not identity.is_replaced(before, device)

    def _unreadable(self, ref: DeviceRef, error: DeviceError, *, answered: bool) -> None:
        """A device that cannot be read stays as it was known, or waits for the next time."""
        if answered and isinstance(error, DeviceSilent) and ref not in self._known.by_ref:
            self._mute.add(ref)
        if answered or not isinstance(error, DeviceSilent):
            _log.warning("a device cannot be read", device=str(ref), error=str(error))
            which = "answered Who-Is" if answered else "is configured"
            self._failed(ref, f"{ref} {which} but cannot be read: {error}")
            return
        self._silent.add(ref)
        self._tell(devices_failed=self._done.devices_failed + 1)
        if ref in self._plan.static and ref not in self._known.by_ref:
            text = f"{ref} is configured but does not answer: it has not been found"
            self._picture.tell(EventKind.DEVICE_LOST, str(ref), text)

    def _at_fault(self, ref: DeviceRef, error: Exception) -> None:
        """It is not known whether the device is there: it is taken to be as it was."""
        _log.error("a device cannot be read: a fault of ours", device=str(ref), exc_info=error)
        self._unknown.add(ref)
        self._failed(ref, f"{ref} cannot be read: an unexpected fault ({error!r})")

    def _failed(self, ref: DeviceRef, text: str) -> None:
        self._tell(devices_failed=self._done.devices_failed + 1)
        self._picture.tell(EventKind.PROTOCOL_ERROR, str(ref), text)

    async def _ask_the_unheard(self, heard: Collection[DeviceRef]) -> None:
        """An I-Am may be lost, and a broadcast may not get everywhere: known devices are asked before they are lost."""

        async def ask(ref: DeviceRef) -> None:
            try:
                async with self._gate:
                    there = await self._inspection(ref, None).is_there()
            except Exception as error:  # noqa: BLE001 - the same as where it is read
                self._at_fault(ref, error)
                return
            if there:
                self._tell(devices_found=self._done.devices_found + 1)
                await self._inspect(ref, None)

        asked = {*heard, *self._found, *self._plan.static}
        try:
            async with asyncio.TaskGroup() as asking:
                for ref in self._known.by_ref:
                    if ref not in asked:
                        asking.create_task(ask(ref))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # the same

    def _at_other_addresses(
        self, heard: Collection[DeviceRef]
    ) -> tuple[dict[DeviceRef, Device], dict[DeviceRef, Device]]:
        """Known devices that are somewhere else now, and those whose instance somebody else has taken.

        One that still answers where it was is neither, whoever else claims to be it.
        """
        moves: dict[DeviceRef, Device] = {}
        usurped: dict[DeviceRef, Device] = {}
        claims = duplicates(self._claimants(heard))
        for ref in [ref for ref in self._found if ref not in self._known.by_ref]:
            for before in self._known.by_instance.get(ref.instance, ()):
                if before.ref in heard or before.ref in self._found:
                    continue
                if ref.instance not in claims and identity.is_moved(before, self._found[ref].device):
                    moves[ref] = before
                    self._passports.moved(before.ref, ref)
                else:
                    usurped[ref] = before
        return moves, usurped

    def _claimants(self, heard: Collection[DeviceRef]) -> set[DeviceRef]:
        """Who has an instance, and not only says so: anybody can send an I-Am in the name of another."""
        return {*heard, *self._found} - self._mute

    async def _put_together(
        self, heard: Mapping[DeviceRef, IAm], moves: Mapping[DeviceRef, Device], usurped: Mapping[DeviceRef, Device]
    ) -> Discovered:
        claimed = duplicates(self._claimants(heard))
        named = self._picture.named(
            self._found.values(), moves=moves, usurped=usurped, claimed=claimed, taken=self._taken
        )
        self._tell_own_instance(heard)
        self._tell_mute(heard)
        devices, points = [one.device for one in named], []
        for one in named:
            points += self._points_or_known(one)
            await asyncio.sleep(0)  # a whole site takes a while, and others have deadlines
        self._picture.doubled(devices, claimed)
        there = {device.id for device in devices}
        for device in self._known.catalog.devices.values():
            if device.id not in there:
                claim = claimed.get(device.ref.instance)
                there_yet = device.ref in heard or (device.present and device.ref in self._unknown)
                devices.append(self._picture.not_found(device, heard=there_yet, claimed=claim))
                points += self._known.points_of(device.id)
        catalog = Catalog.of(devices, points, self._known.catalog.spaces.values())
        found = sum(len(self._known.points_of(one.device.id)) if one.raws is None else len(one.raws) for one in named)
        self._tell(phase=Phase.DONE, points=found, current="")
        return Discovered(catalog=catalog, events=self._picture.events, skipped=self._done.skipped)

    def _points_or_known(self, found: Found) -> list[Point]:
        try:
            return self._picture.points(found)
        except Exception as error:  # noqa: BLE001 - the same
            device = found.device
            _log.exception("a device's points cannot be described: a fault of ours", device=device.id)
            text = f"{device.name}: its points cannot be described: an unexpected fault ({error!r})"
            self._picture.tell(EventKind.PROTOCOL_ERROR, device.id, text)
            return self._known.points_of(device.id)

    def _doubtful(self, device: Device) -> bool:
        """Whether only the end of the discovery can say which device it is."""
        if (before := self._known.by_ref.get(device.ref)) is not None:
            return identity.is_replaced(before, device)
        others = (ref for ref in self._found if ref != device.ref)
        return device.ref.instance in self._known.by_instance or any(
            ref.instance == device.ref.instance for ref in others
        )

    def _tell_search(self, searched: Searched) -> None:
        for target, why in searched.refused.items():
            _log.warning("nobody can be looked for there", target=target, error=why)
            self._picture.tell(EventKind.SYSTEM, "discovery", f"Nobody was looked for at {target!r}: {why}")
        if not searched.stable and searched.who_is >= self._plan.who_is_most:
            text = (
                f"The search ended after {searched.who_is} Who-Is with devices still being found: "
                "look again, or search in fewer ranges"
            )
            self._picture.tell(EventKind.SYSTEM, "discovery", text)
        if searched.ignored:
            text = (
                f"{searched.ignored} devices more than the {self._plan.devices_most} that are looked at answered: "
                "somebody may be flooding the network"
            )
            self._picture.tell(EventKind.PROTOCOL_ERROR, "discovery", text)

    def _tell_own_instance(self, heard: Mapping[DeviceRef, IAm]) -> None:
        ours = self._plan.own_instance
        for ref in heard:
            if ref.instance == ours:
                text = (
                    f"Our own device instance {ours} is also that of {identity.place(ref)}: "
                    "give this agent another one (bacnet.instance)"
                )
                self._picture.tell(EventKind.DUPLICATE_DEVICE, str(ours), text)

    def _tell_mute(self, heard: Collection[DeviceRef]) -> None:
        there = {ref.instance for ref in (*self._claimants(heard), *self._known.by_ref)}
        claims: dict[int, list[DeviceRef]] = {}
        for ref in sorted(self._mute, key=str):
            if ref.instance in there:
                claims.setdefault(ref.instance, []).append(ref)
        for instance, refs in claims.items():
            about = next((known.id for known in self._known.by_instance.get(instance, ())), str(instance))
            text = (
                f"Device instance {instance} is also claimed from {identity.places(refs)}, where nothing answers: "
                "it is not taken for used twice; find out who sends this"
            )
            self._picture.tell(EventKind.PROTOCOL_ERROR, about, text)

    def _tell(self, **changes: int | str) -> None:
        self._done = replace(self._done, **changes)  # type: ignore[arg-type]  # each field by its name
        self._progress(self._done)
