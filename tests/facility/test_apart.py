import pytest
from watched_site import point

from facility.apart import told_apart


def apart(*points):
    return list(
        told_apart([point(f"d/{index}", "zone-temperature", **one) for index, one in enumerate(points)]).values()
    )


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        ([{"description": "Office temperature"}], []),
        ([{"description": "Freezer probe 1"}, {"description": "Freezer probe 2"}], ["probe 1", "probe 2"]),
        ([{"label": "NorthTemp"}, {"label": "SouthTemp"}], ["north", "south"]),
        ([{"description": "same", "label": "A"}, {"description": "same", "label": "B"}], ["a", "b"]),
        ([{"description": "Room", "label": "T"}, {"description": "Room north", "label": "T north"}], ["T", "T north"]),
    ],
)
def test_what_differs_is_said(points, expected):
    assert apart(*points) == expected


def test_points_of_two_places_need_no_telling_apart():
    points = [point("d/a", "humidity", space="x"), point("d/b", "humidity", space="y")]
    assert told_apart(points) == {}


def test_it_stays_short():
    long = [{"description": f"{word} over the second window beside the door"} for word in ("north", "south")]
    long[0]["description"] += " of the old and rarely used annex"
    assert all(len(text) <= 24 for text in apart(*long))
