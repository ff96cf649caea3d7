"""How the building has been: written as it happens, rolled up, and honest about what was not seen."""

from points.history.queries import Bucket, Quarter
from points.history.rollups import Keep
from points.history.steps import Stretch
from points.history.writer import Health, History

__all__ = ["Bucket", "Health", "History", "Keep", "Quarter", "Stretch"]
