"""Who is on the network, and what they have: a new catalog from the old one and the wire.

Nothing is deleted: a device or point that is not found again stays, marked, and is told as an
event. Ids once given stay with their device and object for ever. A device that says that nothing
of it has changed is not read again; one that is not surely the device that was known is
quarantined until a person approves it.
"""

from points.discovery.discover import discover, look_at, look_for
from points.discovery.identity import TELLS, Likeness, NotApprovable, approve, as_told, likeness, replaced
from points.discovery.lookout import Lookout
from points.discovery.plan import (
    Checkpoint,
    Describe,
    Discovered,
    DiscoveryPlan,
    Phase,
    Progress,
    RawPoint,
    plain,
    raw_of,
)

__all__ = [
    "TELLS",
    "Checkpoint",
    "Describe",
    "Discovered",
    "DiscoveryPlan",
    "Likeness",
    "Lookout",
    "NotApprovable",
    "Phase",
    "Progress",
    "RawPoint",
    "approve",
    "as_told",
    "discover",
    "likeness",
    "look_at",
    "look_for",
    "plain",
    "raw_of",
    "replaced",
]
