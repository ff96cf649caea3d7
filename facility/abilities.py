"""What a device was found able to do, as it travels and as a person reads it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from facility.wire import Abilities, PassportInfo
from points.model import DeviceRef
from points.passport import NetworkPassport, Oddity, Passport, Passports

ODDITIES = {
    Oddity.REJECTS_RPM: "rejects ReadPropertyMultiple though advertised",
    Oddity.REFUSES_SEGMENTS: "refuses segments though advertised",
    Oddity.LATE_ANSWERS: "answers late",
    Oddity.SWAPPED_ANSWERS: "swaps answers",
    Oddity.FORGETS_COV: "forgets COV subscriptions",
    Oddity.SILENT_RENEWAL: "does not answer COV renewals",
    Oddity.MISLABELLED_TEXT: "mislabels its strings",
    Oddity.RESTARTS: "has restarted",
    Oddity.INDEX_ONLY_LIST: "lists its objects one by one only",
}


def passport_info(passports: Passports, device: DeviceRef) -> PassportInfo:
    """Everything that is known of the device, and of the way to it."""
    learned, in_force = passports.learned(device), passports.of(device)
    overruled, network = sorted(passports.overruled(device)), passports.network(device.network)
    return PassportInfo(
        in_force=_abilities(in_force),
        learned=_abilities(learned),
        learned_at=learned.learned,
        overruled=overruled,
        network_outstanding=network.outstanding,
        router=network.router,
        network_learned_at=network.learned,
        says=[*_of_device(in_force, frozenset(overruled)), *_of_network(device.network, network)],
    )


def _abilities(passport: Passport) -> Abilities:
    return Abilities(
        reads_multiple=passport.reads_multiple,
        rpm_limit=passport.rpm_limit,
        max_apdu=passport.max_apdu,
        segments=passport.segments,
        cov_slots=passport.cov_slots,
        outstanding=passport.outstanding,
        latency=passport.latency,
        timeout=passport.timeout,
        retries=passport.retries,
        charset=passport.charset,
        lacks=sorted(passport.lacks),
        oddities=sorted(passport.oddities),
    )


def _of_device(passport: Passport, overruled: frozenset[str]) -> Iterator[str]:
    """One thing each; what the site has said is marked."""
    for fields, text in _facts(passport):
        yield f"{text} (site)" if overruled.intersection(fields) else text
    for oddity in sorted(passport.oddities):
        yield ODDITIES[oddity]


def _facts(passport: Passport) -> Iterator[tuple[tuple[str, ...], str]]:
    reading = ("reads_multiple", "rpm_limit")
    if passport.reads_multiple is False or passport.rpm_limit == 1:
        yield reading, "reads one property at a time"
    elif passport.rpm_limit is not None:
        yield reading, f"reads {passport.rpm_limit} properties at once"
    elif passport.reads_multiple:
        yield reading, "reads many properties at once"
    if passport.max_apdu is not None:
        yield ("max_apdu",), f"answers of {passport.max_apdu} octets arrive"
    if passport.segments is not None:
        yield ("segments",), f"segmented answers {'arrive' if passport.segments else 'do not arrive'}"
    if passport.cov_slots is not None:
        yield ("cov_slots",), f"{passport.cov_slots or 'no'} COV subscription{'s' if passport.cov_slots != 1 else ''}"
    if passport.latency is not None:
        yield ("latency",), f"answers in {passport.latency:.2g} s"
    if passport.outstanding is not None:
        yield ("outstanding",), _at_once(passport.outstanding)
    if passport.timeout is not None:
        yield ("timeout",), f"is waited for {passport.timeout:g} s"
    if passport.retries is not None:
        yield ("retries",), f"is asked {_times(passport.retries + 1)}"
    if passport.charset:
        yield ("charset",), f"strings are {passport.charset}"
    if passport.lacks:
        yield ("lacks",), f"its device object lacks {', '.join(sorted(passport.lacks))}"


def _of_network(number: int, network: NetworkPassport) -> Iterator[str]:
    if network.outstanding is not None:
        yield f"network {number} bears {_at_once(network.outstanding)}"
    if network.router:
        yield f"behind router {network.router}"


def _at_once(count: int) -> str:
    return "one request at a time" if count == 1 else f"{count} requests at once"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
