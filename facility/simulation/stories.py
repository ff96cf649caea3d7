"""The stories that can be played on the hospital, by name: what happens in each. `scenarios` says how."""

from __future__ import annotations

STORIES = {
    "fridge-door": "the door of blood bank refrigerator 1 is left open; it warms past 6 C",
    "or-pressure": "OR 2 loses supply air, and with it its positive pressure",
    "device-reboot": "VAV-2-03 restarts: silent for 10 s, commands and subscriptions gone",
    "device-silent": "VAV-2-05 stops answering for good",
    "holiday": "nobody comes to the offices",
    "or-vacant": "nobody is in the operating rooms, and their doors stay shut",
    "or-occupied": "somebody enters OR 1",
    "or-night-case": "the operating rooms are vacant; after half an hour somebody enters OR 1",
    "fan-seized": "the supply fan of AHU-1 stands, whatever it is told",
    "device-ignores": "VAV-2-06 acknowledges every command and does nothing",
    "foreign-override": "somebody else commands two heating setpoints: VAV-2-07 at level 5, VAV-2-08 at level 8",
}
