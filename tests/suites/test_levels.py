import pytest

from llmtui.events import OfferedLoad
from llmtui.suites.levels import OPEN_LOOP_STREAMS, at_level, levels_of, parallel_of, requests_of
from llmtui.suites.schema import Generate, Load, Search, Suite, Variant


def load(**fields):
    return Load(prompts=("hi",), **fields)


def test_a_list_is_a_sweep_and_one_number_a_level():
    assert levels_of(load(concurrency=4)) == [OfferedLoad(concurrency=4)]
    assert levels_of(load(concurrency=(1, 8))) == [OfferedLoad(concurrency=1), OfferedLoad(concurrency=8)]
    assert levels_of(load(rate=2)) == [OfferedLoad(rate=2.0, arrivals="poisson")]
    assert levels_of(load(rate=(0.5, 2), arrivals="constant")) == [
        OfferedLoad(rate=0.5, arrivals="constant"),
        OfferedLoad(rate=2.0, arrivals="constant"),
    ]
    assert levels_of(load()) == levels_of(load(search=Search())) == []


@pytest.mark.parametrize(
    ("fields", "level", "requests"),
    [
        ({"requests": 5}, OfferedLoad(concurrency=64), 5),
        ({"requests": 5, "duration_s": 9.0}, OfferedLoad(concurrency=64), 5),
        ({"duration_s": 9.0}, OfferedLoad(concurrency=64), 0),
        ({}, OfferedLoad(concurrency=1), 8),
        ({}, OfferedLoad(concurrency=16), 64),
        ({}, OfferedLoad(rate=0.1), 8),
        ({}, OfferedLoad(rate=5.0), 100),
    ],
)
def test_how_much_a_level_asks_for(fields, level, requests):
    assert requests_of(load(**fields), level) == requests


def test_a_spec_at_one_level_has_that_level_alone():
    spec = load(concurrency=(1, 2), requests=5)
    assert levels_of(at_level(spec, OfferedLoad(concurrency=2))) == [OfferedLoad(concurrency=2)]
    assert levels_of(at_level(spec, OfferedLoad(rate=3.0))) == [OfferedLoad(rate=3.0, arrivals="poisson")]
    assert at_level(spec, OfferedLoad(concurrency=2)).requests == 5


@pytest.mark.parametrize(
    ("workloads", "parallel"),
    [
        ((), 1),
        ((Generate(prompts=("hi",)),), 1),
        ((load(concurrency=(1, 8, 2)),), 8),
        ((load(concurrency=2), load(concurrency=3)), 3),
        ((load(rate=2.0),), OPEN_LOOP_STREAMS),
        ((load(search=Search(highest=32)),), 32),
        ((load(search=Search(over="rate", highest=32)),), OPEN_LOOP_STREAMS),
    ],
)
def test_an_embedded_server_takes_as_many_requests_as_the_suite_sends(workloads, parallel):
    assert parallel_of(Suite(name="s", workloads=workloads)) == parallel


def test_an_embedded_server_takes_as_many_requests_as_the_variants_send():
    variants = (Variant(name="few"), Variant(name="many", set={"concurrency": 16}))
    assert parallel_of(Suite(name="s", workloads=(load(concurrency=2),), variants=variants)) == 16
