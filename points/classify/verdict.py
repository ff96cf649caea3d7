"""What is said of a point, and what is concluded from it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from points.model import EquipmentId, Safety, SpaceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything a device says about one of its points, and about itself."""

    name: str
    description: str = ""
    unit: str = ""  # hyphenated BACnet engineering unit
    object_type: str = ""  # hyphenated BACnet object type
    states: tuple[str, ...] = ()
    commandable: bool = False
    low: float | None = None
    high: float | None = None
    device: str = ""
    device_description: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the point probably is, and what it may be at worst."""

    point_class: str
    confidence: float  # 0 to 1
    safety: Safety
    equipment: EquipmentId | None
    equipment_type: str
    space: SpaceId | None
    space_type: str
    space_name: str
