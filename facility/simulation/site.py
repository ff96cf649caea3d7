"""What all equipment of the site shares: the clock, the weather, who is there, what is drawn.

Deterministic under its seed: the same seed and the same start give the same hospital.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta

WORK_STARTS = 7.0  # hour of the day; people come within the following hour
WORK_ENDS = 17.0
SATURDAY = 5


class Site:
    """The surroundings of every piece of equipment."""

    def __init__(self, start: datetime, seed: int) -> None:
        self.now = start
        self.random = random.Random(seed)
        self.holiday = False  # nobody comes to the offices
        self.incidents: set[str] = set()  # what a scenario has broken: "blood-bank-1/door", "or-2/supply"
        self.people: dict[str, bool] = {}  # in which rooms a scenario says whether somebody is; elsewhere the hour does
        self.supply_temperature: dict[str, float] = {}  # by air handler
        self.fan_speed: dict[str, float] = {}  # percent, by air handler
        self._outdoors = (start - timedelta(days=1), 0.0)  # when its temperature was reckoned, and what it was
        self._agenda: list[tuple[datetime, Callable[[], None]]] = []
        self._air: dict[str, tuple[float, float]] = {}  # m3/s taken, and that times its return temperature
        self.chilled_water = 7.0
        self.hot_water = 65.0
        self.cooling_load = 0.0  # W of this step
        self.heating_load = 0.0
        self.power = 0.0  # kW of this step; the meter comes last and sees all of it
        self.drawn: dict[str, float] = {}  # the same by use
        self.heat = 0.0  # kW that the boilers deliver in this step

    def advance(self, seconds: float) -> None:
        """Begins the next step: what adds up in a step starts from nothing."""
        self.now += timedelta(seconds=seconds)
        due = [happen for when, happen in self._agenda if when <= self.now]
        self._agenda = [entry for entry in self._agenda if entry[0] > self.now]
        for happen in due:
            happen()
        self.power = self.cooling_load = self.heating_load = self.heat = 0.0
        self.drawn.clear()
        self._air.clear()

    def later(self, delay: timedelta, happen: Callable[[], None]) -> None:
        """Lets something happen after so much of the hospital's own time."""
        self._agenda.append((self.now + delay, happen))

    def draw(self, kilowatts: float, use: str = "other") -> None:
        """Takes so much electricity; the meters see it, that of its `use` as well."""
        self.power += kilowatts
        self.drawn[use] = self.drawn.get(use, 0.0) + kilowatts

    def take_air(self, air_handler: str, flow: float, leaves_at: float) -> None:
        """A room takes `flow` m3/s from an air handler and gives it back at `leaves_at` degrees."""
        total, heat = self._air.get(air_handler, (0.0, 0.0))
        self._air[air_handler] = (total + flow, heat + flow * leaves_at)

    def air_of(self, air_handler: str) -> tuple[float, float]:
        """Flow (m3/s) an air handler delivers to its rooms in this step, and how warm it comes back."""
        total, heat = self._air.get(air_handler, (0.0, 0.0))
        return (total, heat / total) if total else (0.0, 22.0)

    def fan_share(self, air_handler: str) -> float:
        """How much of the air its boxes are set for an air handler delivers: none when its fan stands."""
        return min(1.0, self.fan_speed.get(air_handler, 100.0) / 40.0)

    @property
    def hour(self) -> float:
        return self.now.hour + self.now.minute / 60 + self.now.second / 3600

    @property
    def outdoor_temperature(self) -> float:
        """Warmest in July and at three in the afternoon. Every room asks in every step: it is reckoned once."""
        if self._outdoors[0] is not self.now:
            self._outdoors = (self.now, self._outdoor_temperature())
        return self._outdoors[1]

    def _outdoor_temperature(self) -> float:
        year = 11.0 - 10.0 * math.cos(2 * math.pi * (self.now.timetuple().tm_yday - 15) / 365)
        return year + 5.0 * math.cos(2 * math.pi * (self.hour - 15) / 24)

    @property
    def outdoor_humidity(self) -> float:
        return 65.0 - 15.0 * math.cos(2 * math.pi * (self.hour - 15) / 24)

    @property
    def daylight(self) -> float:
        """Lux on a desk by the window."""
        return max(0.0, 450.0 * math.sin(math.pi * (self.hour - 6.5) / 12)) if 6.5 < self.hour < 18.5 else 0.0

    @property
    def night(self) -> bool:
        return not 6.0 <= self.hour < 22.0

    def broken(self, what: str) -> bool:
        """Whether a scenario has broken it: "OR-2 Room Controller/supply"."""
        return what in self.incidents

    def happens(self, seconds: float, times_per_hour: float) -> bool:
        """Draws whether something that happens so often happens within this step."""
        return self.random.random() < seconds * times_per_hour / 3600.0

    def noise(self, size: float) -> float:
        return self.random.gauss(0.0, size)

    def at_work(self, who: int) -> bool:
        """Whether the person of office number `who` is in: each keeps hours of their own."""
        if self.holiday or self.now.weekday() >= SATURDAY:
            return False
        late = (who * 0.37) % 1.0
        lunch = 12.0 + late <= self.hour < 12.5 + late
        return WORK_STARTS + late <= self.hour < WORK_ENDS + late and not lunch
