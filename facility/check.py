"""What the configuration means, said without touching anything: no packet to the building, no write, no lock.

Selectors are resolved against the stored catalog; what policies would do now is computed from it with
every reading unknown, which is what a policy that needs evidence must be able to bear.
"""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import pwd
import socket
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from facility.catalog_rows import stored_catalog
from facility.config.errors import ConfigError
from facility.config.model import Config
from facility.config.places import line_of
from facility.config.sources import text_of
from facility.consents import Consents, stored
from facility.passport_rows import stored_passports
from facility.profiles import Profiles
from facility.profiles.listing import entries
from facility.profiles.provenance import idle
from facility.relaxations import PEOPLE_NEEDED
from facility.serving import serving_of
from facility.settings import consenting, must_be_usable, overrule
from facility.shape import shape_of
from facility.strategy import Strategy, rules_of
from points.catalog import Catalog
from points.freshness.demand import demand_by_network, shortfalls
from points.model import Point, Safety
from points.passport import Passports
from points.selectors import parse, tags_in
from points.units import show
from schedules.policies.bed_setback import BedSetback
from schedules.policies.lead_lag import LeadLag
from schedules.policies.restart import Restart
from schedules.policies.room_turndown import RoomTurndown
from schedules.policy import View

MISSPELT = 0.92  # alike from here on: a letter apart; "occupied" and "unoccupied" are not
SHOWN = 3  # demands of a policy, and relaxations, that are printed; the rest is counted


@dataclass(slots=True)
class Findings:
    """Lines for a person, about the `text` of a file; errors end the check with an exit code, warnings do not."""

    text: str = ""
    lines: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    demands: list[Mapping[str, object]] = field(default_factory=list)

    def wrong(self, text: str, *path: str | int) -> None:
        """`path`: the key of the configuration that says so; its line is told."""
        line = line_of(self.text, path)
        self.errors.append(text if line is None else f"line {line}: {text}")
        self.lines.append(f"ERROR    {self.errors[-1]}")

    def doubtful(self, text: str) -> None:
        self.warnings.append(text)
        self.lines.append(f"WARNING  {text}")


def checked(config: Config) -> Findings:
    """Everything that can be said about the configuration. Raises `PointsError` for unusable files."""
    findings = Findings("" if config.source is None else text_of(config.source))
    now = datetime.now(UTC)
    must_be_usable(config)
    try:
        strategy = Strategy(config, now.astimezone(config.site.tz).date())
        rules = rules_of(config)
    except (ConfigError, ValueError) as error:
        findings.wrong(str(error))
        return findings
    findings.lines.append(f"site     {config.site.name} ({config.site.id}/{config.agent.id}), {config.site.zone}")
    findings.lines.append(f"state    {config.state_dir}")
    _places(findings, config)
    catalog = _known(config, findings)
    consents = Consents(config.profiles, stored(config.state_dir / "state.db"), consenting(config))
    shaped = None if catalog is None else shape_of(*rules, consents.gate, serving_of(config))(catalog)
    _people(findings, config, shaped, consents.profiles)
    _relaxations(findings, consents)
    _tags(findings, config)
    _states(findings, config)
    if catalog is not None and shaped is not None:
        _passports(findings, config, catalog)
        _rules(findings, config, shaped, shape_of((), ())(catalog))
        machines(findings, config, shaped)
        _policies(findings, strategy, shaped, now)
        _budgets(findings, config, shaped, consents.profiles)
    count = len(findings.errors)
    findings.lines.append(f"{count} error{'s' if count > 1 else ''}" if count else "Nothing was touched.")
    return findings


def _known(config: Config, findings: Findings) -> Catalog | None:
    catalog = stored_catalog(config.state_dir / "state.db")
    if not catalog.points:
        findings.lines.append("catalog  nothing discovered yet, so selectors are not resolved: `facility run` once")
        return None
    findings.lines.append(f"catalog  {len(catalog.devices)} devices, {len(catalog.points)} points")
    return catalog


def _places(findings: Findings, config: Config) -> None:
    """What is well written and may be wrong all the same."""
    bacnet = config.bacnet
    if bacnet.foreign is not None and (why := unresolved(bacnet.foreign)):
        findings.doubtful(
            f"bacnet.foreign: {bacnet.foreign!r} cannot be resolved from here ({why}): "
            'write the address of the BBMD, such as "10.1.2.1:47808"'
        )
    often = Counter(device.instance for device in bacnet.devices)
    for instance in sorted(instance for instance, count in often.items() if count > 1):
        networks = ", ".join(str(device.network) for device in bacnet.devices if device.instance == instance)
        findings.doubtful(
            f"[[bacnet.devices]] lists instance {instance} on the networks {networks}: "
            "an instance should be there once; give one of the devices another"
        )


def unresolved(place: str) -> str:
    """Why the host of `host:port` has no IPv4 address; empty if it has one."""
    try:
        socket.getaddrinfo(place.partition(":")[0], None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _people(findings: Findings, config: Config, catalog: Catalog | None, profiles: Profiles) -> None:
    """Who is known, and whether what is said of them means anybody and anywhere."""
    findings.lines.append(f"people   {len(config.users)} users, {len(config.groups)} groups; others may do nothing")
    for name in config.users:
        try:
            pwd.getpwnam(name)
        except KeyError:
            findings.doubtful(f"users.{name}: this machine has no such login name")
    if catalog is None:
        return
    places = profiles.types | catalog.spaces.keys()
    for table, people in (("users", config.users), ("groups", config.groups)):
        for name, section in people.items():
            for space in sorted(set(section.spaces or ()) - places):
                findings.doubtful(f"{table}.{name}: no space, and no type of space, is called {space!r}")


def _relaxations(findings: Findings, consents: Consents) -> None:
    """How much of the profiles nobody has verified, and what the site makes looser without two people's consent."""
    numbers = list(entries(consents.in_force, consents.shipped, consents.site))
    unverified = sum(not number.verified_by for number in numbers)
    findings.lines.append(f"profiles {len(numbers)} values, {unverified} NOT VERIFIED here: see `facility profiles`")
    for table in idle(consents.site):
        findings.doubtful(f"{consents.file}: [{table}] says who verified it and no value: nothing is verified by that")
    waiting = [standing for standing in consents.standing() if not standing.in_force]
    for standing in waiting[:SHOWN]:
        findings.doubtful(
            f"not in force, the stricter holds: {standing.relaxation.key} "
            f"({len(standing.consents)} of {PEOPLE_NEEDED} people agreed)"
        )
    if len(waiting) > SHOWN:
        findings.doubtful(f"{len(waiting) - SHOWN} more are not in force: see `facility relaxations`")


def _budgets(findings: Findings, config: Config, catalog: Catalog, profiles: Profiles) -> None:
    """Whether the deadlines can be kept with what the networks may be asked."""
    devices, networks = stored_passports(config.state_dir / "state.db")

    def deadline(point: Point) -> float:
        return profiles.deadline(point, catalog.spaces.get(point.space) if point.space else None)

    needs = demand_by_network(catalog, deadline, Passports(devices, networks, overrule=overrule(config)))
    bacnet = config.bacnet
    for short in shortfalls(needs, remote=bacnet.requests_per_second, local=bacnet.local_requests_per_second):
        findings.doubtful(str(short))


def _passports(findings: Findings, config: Config, catalog: Catalog) -> None:
    """What the site says of devices that are neither found nor listed is a mistake, like a rule without points."""
    static = {(device.instance, device.network) for device in config.bacnet.devices}
    known = {(device.ref.instance, device.ref.network) for device in catalog.devices.values()} | static
    for entry in config.bacnet.passport:
        where = f"device {entry.instance}" + ("" if entry.network is None else f" on network {entry.network}")
        said = ", ".join(f"{name} = {value}" for name, value in entry.overrule.items())
        count = sum(i == entry.instance and entry.network in (None, network) for i, network in known)
        findings.lines.append(f"passport {where}: {said}")
        if not count:
            findings.wrong(f"[[bacnet.passport]] {where}: no such device is known")


def _rules(findings: Findings, config: Config, shaped: Catalog, unruled: Catalog) -> None:
    """What the site says of points that are not there is a mistake in spelling, or of a building that changed.

    A rule may be about what its points were taken for before (`class:unknown`), or about what another made of them.
    """
    rules = [("points", "points", number, [section.match]) for number, section in enumerate(config.points)]
    rules += [(f"space {each.id}", "spaces", number, each.match) for number, each in enumerate(config.spaces)]
    for where, key, number, match in [
        (where, key, number, text) for where, key, number, texts in rules for text in texts
    ]:
        select = parse(match)
        chosen = len({point.id for catalog in (unruled, shaped) for point in select(catalog)})
        findings.lines.append(f"rule     {where}: {match!r} is {chosen} points")
        if not chosen:
            findings.wrong(f"{where}: {match!r} selects no point", key, number, "match")


def _tags(findings: Findings, config: Config) -> None:
    """A word of the site's own that a policy goes by and nothing has: it selects nothing, and nobody would be told."""
    said = [*(rule.tags for rule in config.points), *(space.tags for space in config.spaces)]
    known = set(itertools.chain(*said, *(machine.tags for machine in config.equipment)))
    for number, section in enumerate(config.policies):
        for tag in sorted({tag for text in section.speaks_for for tag in tags_in(text)}):
            if not fnmatch.filter(known, tag):
                near = difflib.get_close_matches(tag, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ": write it as `tags` of points, spaces or equipment"
                findings.wrong(f"policy {section.name!r}: nothing has the tag {tag!r}{hint}", "policies", number)


def _states(findings: Findings, config: Config) -> None:
    """A state that no policy speaks of, and that is nearly one of which somebody does: then it releases everything."""
    for programme in config.programmes:
        said = (section.follows.get(programme.name, set()) for section in config.policies)
        spoken = set(itertools.chain(*said)) | {programme.default}
        for state in sorted(programme.states - spoken):
            if near := difflib.get_close_matches(state, spoken, n=1, cutoff=MISSPELT):
                text = f"no policy speaks of {state!r}; did you mean {near[0]!r}?"
                findings.doubtful(f"programme {programme.name!r}: {text}")


def machines(findings: Findings, config: Config, catalog: Catalog) -> None:
    """What the site says that machines serve; and of which nobody said it, though it moves what is critical."""
    known = {point.equipment for point in catalog.points.values()}
    feeding = {section.id for section in config.equipment}
    for section in config.equipment:
        findings.lines.append(f"serves   {section.id}: {', '.join(section.serves)}")
        if section.id not in known:
            findings.wrong(f"equipment {section.id}: no point is of such equipment")
        for place in section.serves:
            if place not in catalog.spaces and place not in feeding:
                findings.wrong(f"equipment {section.id}: there is no space, and no [[equipment]], {place!r}")
    silent = sorted(
        {
            point.equipment
            for point in catalog.points.values()
            if point.equipment and point.safety is Safety.CRITICAL and point.space is None and point.commandable
        }
        - feeding
    )
    if silent:
        named = ", ".join(silent[:SHOWN]) + (", ..." if len(silent) > SHOWN else "")
        findings.doubtful(f"nobody said what {named} serve{'s' if len(silent) == 1 else ''}: write [[equipment]]")


def _policies(findings: Findings, strategy: Strategy, catalog: Catalog, now: datetime) -> None:
    view = View(now=now, zone=strategy.zone, catalog=catalog, readings={})
    place = {section.name: number for number, section in enumerate(strategy.config.policies)}
    for policy in strategy.policies:
        chosen = strategy.points_of(policy.name, catalog)
        demands = policy.bind(catalog)(view, None).demands
        findings.lines.append(f"policy   {policy.name}: selects {len(chosen)} points, demands {len(demands)} now")
        if not chosen:
            findings.wrong(f"policy {policy.name!r} selects no point", "policies", place[policy.name])
        if isinstance(policy, RoomTurndown | BedSetback | LeadLag | Restart):
            for problem in policy.problems(catalog):
                findings.wrong(f"policy {policy.name!r}: {problem}", "policies", place[policy.name])
        for demand in demands[:SHOWN]:
            point = catalog.points[demand.point]
            value = show(point, demand.value)
            findings.lines.append(f"           {demand.point} = {value} at {int(demand.priority)}: {demand.reason}")
        findings.demands.extend(
            {
                "policy": demand.policy,
                "point": demand.point,
                "value": demand.value,
                "priority": int(demand.priority),
                "reason": demand.reason,
            }
            for demand in demands
        )
