"""Who is on the network, and what they have: a new catalog from the old one and the wire.

Nothing is deleted: a device or point that is not found again stays, marked, and is told as an
event. Ids once given stay with their device and object for ever. A device that says that nothing
of it has changed is not read again.
"""

from points.discovery.discover import discover
from points.discovery.plan import Describe, Discovered, DiscoveryPlan, Progress, RawPoint, plain, raw_of

__all__ = ["Describe", "Discovered", "DiscoveryPlan", "Progress", "RawPoint", "discover", "plain", "raw_of"]
