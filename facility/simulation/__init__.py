"""A pretend hospital on real BACnet/IP, in its own process. The agent cannot tell it from a building."""
