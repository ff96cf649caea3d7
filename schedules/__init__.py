"""DECIDE: what should be true now.

Policies look at a consistent view of the building and say what they want; the planner turns
that into the difference to what stands. Nothing here writes to a device: it is given `Hands`.
"""
