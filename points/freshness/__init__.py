"""Readings that are as young as promised, or say that they are not."""

from points.freshness.service import DeviceStatus, Freshness

__all__ = ["DeviceStatus", "Freshness"]
