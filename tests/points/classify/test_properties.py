"""Whatever a device calls its points: no error, and no medical point made comfort by what stands around it."""

from dataclasses import replace

import hospital_names as names
from hypothesis import given
from hypothesis import strategies as st

from points.classify import CLASSES, Evidence, classify
from points.model import Safety

MEDICAL = st.sampled_from([names.evidence(line) for line in names.lines(names.MEDICAL)])
SEPARATOR = st.sampled_from(["_", "-", ".", "/", ":", " ", "__", " - "])
NOISE = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "AHU-1",
            "Office 214",
            "VAV-2-14",
            "NAE 01",
            "N2 1",
            "SAT",
            "ZN-T",
            "SP",
            "lobby",
            "low",
            "hi",
            "occ",
            "heating",
        ]
    ),
    st.from_regex(r"[A-Za-z]{1,5}[-_ ]?[0-9]{0,3}", fullmatch=True),
)


@given(MEDICAL, NOISE, SEPARATOR, NOISE, SEPARATOR)
def test_nothing_around_a_medical_name_makes_it_comfort(evidence, before, one, after, other):
    noisy = replace(evidence, name=f"{before}{one}{evidence.name}{other}{after}")
    assert classify(noisy).safety is not Safety.COMFORT


@given(MEDICAL, st.sampled_from([str.upper, str.lower, str.title, str.swapcase]))
def test_no_way_of_writing_makes_it_comfort(evidence, written):
    assert classify(replace(evidence, name=written(evidence.name))).safety is not Safety.COMFORT


@given(MEDICAL, NOISE, NOISE, NOISE, st.booleans())
def test_nothing_else_that_is_said_makes_it_comfort(evidence, description, device, model, commandable):
    more = replace(
        evidence,
        description=f"{evidence.description} {description}",
        device=f"{evidence.device} {device}",
        device_description="Office 214, AHU-1",
        model=model,
        commandable=commandable,
    )
    assert classify(more).safety is not Safety.COMFORT


@given(st.builds(Evidence, name=st.text(), description=st.text(), device=st.text(), unit=st.text(), model=st.text()))
def test_no_text_is_an_error(evidence):
    verdict = classify(evidence)
    assert verdict.point_class in CLASSES
    assert 0.0 <= verdict.confidence <= 1.0
    assert classify(evidence) == verdict


@given(st.text(alphabet="orOR23 -_", max_size=2000))
def test_long_repetitive_text_is_no_error(name):
    classify(Evidence(name=name))
