"""From the configuration to what each part of the agent is told. Raises `PointsError` with what to do instead."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable
from functools import cache
from pathlib import Path

from facility.api import must_be_servable
from facility.config.model import Config
from facility.feeds.tls import server_context
from facility.mirror.settings import MirrorSettings
from facility.profiles import Profiles
from facility.users import Caller, Grant, Permission, Roster
from points.bacnet.budgets import LOCAL_FACTOR
from points.bacnet.link import Interface
from points.bacnet.stack import StackSettings
from points.discovery import DiscoveryPlan
from points.discovery.plan import PARALLEL
from points.errors import PointsError
from points.model import DeviceRef
from points.passport import Overrule


class Misconfigured(PointsError):
    """The configuration is well formed, and cannot be used all the same."""


def must_be_usable(config: Config) -> None:
    """What can be known to be wrong before anything is opened. Raises `PointsError`; shared with `facility check`."""
    must_be_servable(config.socket, config.api.group, private=config.state_dir)
    roster(config)
    mirror_settings(config)
    _hl7_certificates(config)
    discovery_plan(config)
    Profiles.load(config.profiles)


def _hl7_certificates(config: Config) -> None:
    section = config.feeds.by_hl7
    if section is not None and section.cert_file is not None and section.key_file is not None:
        server_context(section.cert_file, section.key_file, section.ca_file)


def roster(config: Config) -> Roster:
    """Whom the agent knows. Raises `Misconfigured` for a group that this machine does not have."""
    groups: dict[int, Grant] = {}
    for name, section in config.groups.items():
        try:
            groups[grp.getgrnam(name).gr_gid] = section.grant
        except KeyError:
            raise Misconfigured(f"[groups] There is no group {name!r} on this machine.") from None
    users = {name: section.grant for name, section in config.users.items()}
    return Roster(users, groups, own_uid=os.getuid())


def consenting(config: Config) -> Callable[[str], bool]:
    """Whether somebody, as the consents name him, is still a person who may agree. Looked up once for each."""
    users = roster(config)

    @cache
    def counts(by: str) -> bool:
        user = users.user(_caller(by.removeprefix("user:")))
        return user is not None and user.named and user.has(Permission.CONSENT)

    return counts


def _caller(name: str) -> Caller:
    """As he would come, by what this machine knows of the login name."""
    try:
        account = pwd.getpwnam(name)
    except KeyError:
        return Caller(uid=-1, name=name)
    return Caller(uid=account.pw_uid, name=name, groups=frozenset(os.getgrouplist(name, account.pw_gid)))


def state_folder(config: Config) -> Path:
    """The state folder, made if it is missing: what the building does is nobody else's business."""
    folder = config.state_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(f"The state folder {folder} cannot be made: {error.strerror}.") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Misconfigured(f"The state folder {folder} cannot be written: set agent.state_dir, or its permissions.")
    return folder


def stack_settings(config: Config, *, patient: bool) -> StackSettings:
    """How we appear on the network. An agent is `patient`: after a power failure it may be up before the BBMD."""
    bacnet = config.bacnet
    return StackSettings(
        address=bacnet.address,
        instance=bacnet.instance,
        name=f"facility-{config.site.id}-{config.agent.id}",
        foreign=bacnet.foreign,
        foreign_ttl=bacnet.foreign_ttl,
        apdu_timeout=bacnet.timeout_s,
        max_outstanding_per_network=bacnet.max_outstanding_per_network,
        requests_per_second=bacnet.requests_per_second,
        local_requests_per_second=bacnet.local_requests_per_second,
        patient=patient,
    )


def discovery_plan(config: Config) -> DiscoveryPlan:
    """Raises `Misconfigured` where no device could ever answer."""
    bacnet = config.bacnet
    interface = Interface.parse(bacnet.address)
    can_broadcast = bacnet.foreign is not None or interface.broadcast is not None
    targets: tuple[str | None, ...] = (None,) if can_broadcast else ()
    if not can_broadcast and not bacnet.targets and not bacnet.devices:
        raise Misconfigured(
            f"[bacnet] From {bacnet.address} no device can be found: give the address its mask (10.1.2.10/24:47808) so "
            "that broadcasts work, or register with a BBMD (foreign), or list targets or devices."
        )
    return DiscoveryPlan(
        targets=(*targets, *bacnet.targets),
        ranges=((bacnet.low, bacnet.high),),
        who_is_per_minute=bacnet.who_is_per_minute,
        static=tuple(DeviceRef(network=d.network, address=d.address, instance=d.instance) for d in bacnet.devices),
        own_instance=bacnet.instance,
        parallel=min(PARALLEL, max(1, bacnet.max_outstanding_per_network * LOCAL_FACTOR // 2)),
    )


def overrule(config: Config) -> Callable[[DeviceRef], Overrule]:
    """What the site says of a device. An entry that names the network wins over one that does not."""
    said = {(entry.instance, entry.network): entry.overrule for entry in config.bacnet.passport}

    def of(device: DeviceRef) -> Overrule:
        return {**said.get((device.instance, None), {}), **said.get((device.instance, device.network), {})}

    return of


def mirror_settings(config: Config) -> MirrorSettings | None:
    """What the mirror is told of its broker; None if there is to be none. Raises `Misconfigured`."""
    mqtt = config.mqtt
    if mqtt is None or not mqtt.enabled:
        return None
    try:
        return MirrorSettings(
            host=mqtt.host,
            port=mqtt.port,
            site=config.site.id,
            agent=config.agent.id,
            username=mqtt.username,
            password=mqtt.password,
            ca_file=mqtt.ca_file,
            cert_file=mqtt.cert_file,
            key_file=mqtt.key_file,
            tls=mqtt.tls,
            allow_insecure=mqtt.allow_insecure,
            root=mqtt.root,
        )
    except ValueError as error:  # what is misconfigured, or an id that cannot be a topic
        raise Misconfigured(f"[mqtt] {error}") from None
