"""Every sentence of the checks beside a suite that keeps the rule by a hair."""

import math

import pytest

from llmtui.suites.checks import problem_of
from llmtui.suites.schema import Generate, Limits, Load, Search, Slo, Stress, Suite, Synthetic, Variant, Watch


def suite(*workloads, **fields):
    return Suite(name="s", workloads=workloads, **fields)


def load(**fields):
    return suite(Load(**{"prompts": ("hi",), "concurrency": 2, **fields}))


def stress(**fields):
    return suite(Stress(**fields))


def varied(*variants):
    return suite(Generate(prompts=("hi",)), Watch(), variants=variants)


SLO = Slo(ttft_ms=100)
PLAIN = Variant(name="plain")

CASES = [
    (suite(), suite(Watch()), "`workloads` is empty; a suite needs one at least"),
    (suite(Watch(), iterations=0), suite(Watch(), iterations=1), "`iterations` is 0; it must be at least 1"),
    (suite(Watch(), warmup=-1), suite(Watch(), warmup=0), "`warmup` is -1; it must be at least 0"),
    (suite(Watch(), pause_s=-0.5), suite(Watch(), pause_s=0), "`pause_s` is -0.5; it must be at least 0"),
    (suite(Watch(), sample_ms=49), suite(Watch(), sample_ms=50), "`sample_ms` is 49; it must be at least 50"),
    (
        suite(Watch(), limits=Limits(job_s=0)),
        suite(Watch(), limits=Limits(job_s=0.1)),
        "`limits.job_s` is 0; it must be above 0",
    ),
    (
        suite(Watch(), Generate(prompts=("hi",), max_tokens=0)),
        suite(Watch(), Generate(prompts=("hi",), max_tokens=1)),
        "`workloads[1].max_tokens` is 0; it must be at least 1",
    ),
    (stress(streams=0), stress(streams=1), "`workloads[0].streams` is 0; it must be from 1 to 1024"),
    (stress(streams=1025), stress(streams=1024), "`workloads[0].streams` is 1025; it must be from 1 to 1024"),
    (stress(duration_s=0.0), stress(duration_s=1.0), "`workloads[0].duration_s` is 0; it must be above 0"),
    (stress(duration_s=math.inf), stress(duration_s=1e6), "`workloads[0].duration_s` is inf; it must be above 0"),
    (stress(duration_s=math.nan), stress(), "`workloads[0].duration_s` is nan; it must be above 0"),
    (stress(record_s=0.0), stress(record_s=0.1), "`workloads[0].record_s` is 0; it must be at least 0.1"),
    (stress(cooldown_s=-1.0), stress(cooldown_s=0.0), "`workloads[0].cooldown_s` is -1; it must be at least 0"),
    (
        stress(max_decline=0.0),
        stress(max_decline=0.01),
        "`workloads[0].max_decline` is 0; it must be above 0 and at most 1",
    ),
    (
        stress(abort_temperature={"gpu": 0.0}),
        stress(abort_temperature={"gpu": "auto", "gpu.1": 80.0, "cpu": 95.0}),
        "`workloads[0].abort_temperature` is 0; it must be `auto` or above 0 °C",
    ),
    (
        stress(max_temperature={"gpu0": 80.0}),
        stress(max_temperature={"gpu.0": 80.0}),
        "`workloads[0].max_temperature` has a key `gpu0`; devices are `cpu`, `gpu` for all GPUs, `gpu.0`, `gpu.1`, ...",
    ),
    (
        suite(Watch(), Stress(), sample_ms=1001),
        suite(Watch(), Stress(), sample_ms=1000),
        "`sample_ms` is 1001; stress needs a sample each second: at most 1000",
    ),
    (suite(Watch(), sample_ms=49), suite(Watch(), sample_ms=5000), "`sample_ms` is 49; it must be at least 50"),
    (load(max_tokens=0), load(max_tokens=1), "`workloads[0].max_tokens` is 0; it must be at least 1"),
    (
        suite(Generate(prompts=())),
        suite(Generate(prompts=("hi",))),
        "`workloads[0].prompts` is empty; give one prompt at least",
    ),
    (load(prompts=()), load(), "`workloads[0].prompts`: give one of `prompts`, `synthetic` and `file`"),
    (
        load(synthetic=Synthetic(tokens=8)),
        load(prompts=(), synthetic=Synthetic(tokens=8)),
        "`workloads[0].prompts`: give one of `prompts`, `synthetic` and `file`, not `prompts` and `synthetic` together",
    ),
    (
        load(file="a.jsonl"),
        load(prompts=(), file="a.jsonl"),
        "`workloads[0].prompts`: give one of `prompts`, `synthetic` and `file`, not `prompts` and `file` together",
    ),
    (load(concurrency=()), load(), "`workloads[0].concurrency`: give one of `concurrency`, `rate` and `search`"),
    (
        load(rate=1.0),
        load(concurrency=(), rate=1.0),
        "`workloads[0].concurrency`: give one of `concurrency`, `rate` and `search`, not `concurrency` and `rate` together",
    ),
    (
        load(search=Search(), slo=SLO),
        load(concurrency=(), search=Search(), slo=SLO),
        "`workloads[0].concurrency`: give one of `concurrency`, `rate` and `search`, not `concurrency` and `search` together",
    ),
    (load(concurrency=0), load(concurrency=1), "`workloads[0].concurrency` is 0; it must be from 1 to 1024"),
    (
        load(concurrency=(4, 1025)),
        load(concurrency=(4, 1024)),
        "`workloads[0].concurrency` is 1025; it must be from 1 to 1024",
    ),
    (
        load(concurrency=(), rate=0.0),
        load(concurrency=(), rate=0.001),
        "`workloads[0].rate` is 0; it must be above 0 and at most 1024",
    ),
    (
        load(concurrency=(), rate=(1.0, 1025.0)),
        load(concurrency=(), rate=(1.0, 1024.0)),
        "`workloads[0].rate` is 1025; it must be above 0 and at most 1024",
    ),
    (
        load(concurrency=(), rate=float("nan")),
        load(concurrency=(), rate=1.0),
        "`workloads[0].rate` is nan; it must be above 0 and at most 1024",
    ),
    (
        load(ramp=True),
        load(ramp=True, concurrency=(1, 2)),
        "`workloads[0].ramp` needs at least two levels in `concurrency` or `rate`",
    ),
    (load(requests=0), load(requests=1), "`workloads[0].requests` is 0; it must be at least 1"),
    (load(turns=0), load(turns=1), "`workloads[0].turns` is 0; it must be at least 1"),
    (load(think_s=-1.0), load(think_s=0.0), "`workloads[0].think_s` is -1.0; it must be at least 0"),
    (load(cooldown_s=-1.0), load(cooldown_s=0.0), "`workloads[0].cooldown_s` is -1.0; it must be at least 0"),
    (load(warmup_s=-1.0), load(warmup_s=0.0), "`workloads[0].warmup_s` is -1.0; it must be at least 0"),
    (load(shared_tokens=0), load(shared_tokens=1), "`workloads[0].shared_tokens` is 0; it must be at least 1"),
    (
        load(duration_s=3.0, warmup_s=2.0, cooldown_s=1.0),
        load(duration_s=3.1, warmup_s=2.0, cooldown_s=1.0),
        "`workloads[0].duration_s` is 3; it must be longer than warm-up and cool-down together",
    ),
    (
        load(duration_s=0.0),
        load(duration_s=0.1),
        "`workloads[0].duration_s` is 0; it must be longer than warm-up and cool-down together",
    ),
    (
        load(prompts=(), synthetic=Synthetic(tokens=0)),
        load(prompts=(), synthetic=Synthetic(tokens=1, count=1)),
        "`workloads[0].synthetic`: `tokens` and `count` must be at least 1",
    ),
    (
        load(prompts=(), synthetic=Synthetic(tokens=1, count=0)),
        load(prompts=(), synthetic=Synthetic(tokens=1, count=1)),
        "`workloads[0].synthetic`: `tokens` and `count` must be at least 1",
    ),
    (
        load(slo=Slo()),
        load(slo=Slo(e2e_ms=1)),
        "`workloads[0].slo` needs a limit above 0: `ttft_ms`, `itl_ms` or `e2e_ms`",
    ),
    (
        load(slo=Slo(ttft_ms=5, itl_ms=0)),
        load(slo=Slo(ttft_ms=5, itl_ms=0.1)),
        "`workloads[0].slo` needs a limit above 0: `ttft_ms`, `itl_ms` or `e2e_ms`",
    ),
    (
        load(slo=Slo(ttft_ms=5, share=0)),
        load(slo=Slo(ttft_ms=5, share=0.01)),
        "`workloads[0].slo.share` is 0; it must be above 0 and at most 1",
    ),
    (
        load(slo=Slo(ttft_ms=5, share=1.01)),
        load(slo=Slo(ttft_ms=5, share=1)),
        "`workloads[0].slo.share` is 1.01; it must be above 0 and at most 1",
    ),
    (
        load(concurrency=(), search=Search()),
        load(concurrency=(), search=Search(), slo=SLO),
        "`workloads[0].search` needs an `slo` that says what the load must keep",
    ),
    (
        load(concurrency=(), search=Search(lowest=4, highest=4), slo=SLO),
        load(concurrency=(), search=Search(lowest=4, highest=5), slo=SLO),
        "`workloads[0].search`: `lowest` must be above 0 and below `highest`, which is at most 1024",
    ),
    (
        load(concurrency=(), search=Search(over="rate", lowest=0), slo=SLO),
        load(concurrency=(), search=Search(over="rate", lowest=0.5), slo=SLO),
        "`workloads[0].search`: `lowest` must be above 0 and below `highest`, which is at most 1024",
    ),
    (
        load(concurrency=(), search=Search(highest=1025), slo=SLO),
        load(concurrency=(), search=Search(highest=1024), slo=SLO),
        "`workloads[0].search`: `lowest` must be above 0 and below `highest`, which is at most 1024",
    ),
    (
        load(concurrency=(), search=Search(lowest=0.5), slo=SLO),
        load(concurrency=(), search=Search(lowest=1.0), slo=SLO),
        "`workloads[0].search`: `lowest` and `highest` are requests at once here; give whole numbers",
    ),
    (
        load(concurrency=(), search=Search(highest=6.5), slo=SLO),
        load(concurrency=(), search=Search(over="rate", highest=6.5), slo=SLO),
        "`workloads[0].search`: `lowest` and `highest` are requests at once here; give whole numbers",
    ),
    (varied(PLAIN), varied(), "`variants` has one entry only; a comparison needs two at least"),
    (varied(PLAIN, PLAIN), varied(PLAIN, Variant(name="other")), "`variants` has two entries named `plain`"),
    (
        varied(PLAIN, Variant(name="v", set={"max_token": 3})),
        varied(PLAIN, Variant(name="v", set={"max_tokens": 3})),
        "variant `v`: no workload has a key `max_token`; did you mean `max_tokens`?",
    ),
    (
        varied(PLAIN, Variant(name="v", set={"max_tokens": "x"})),
        varied(PLAIN, Variant(name="v", set={"max_tokens": 3})),
        "variant `v`: `max_tokens`: expected a whole number, got a text",
    ),
    (
        varied(PLAIN, Variant(name="v", set={"max_tokens": 0})),
        varied(PLAIN, Variant(name="v", set={"max_tokens": 1})),
        "variant `v`: `max_tokens` is 0; it must be at least 1",
    ),
]


@pytest.mark.parametrize(("wrong", "right", "sentence"), CASES, ids=[case[2][:60] for case in CASES])
def test_what_is_wrong_gets_its_sentence_and_what_is_right_none(wrong, right, sentence):
    assert problem_of(wrong) == sentence
    assert problem_of(right) is None


def test_a_variant_of_a_load_is_checked_as_the_load_is():
    spec = Load(prompts=("hi",), concurrency=1)
    variants = (PLAIN, Variant(name="v", set={"rate": 2.0}))
    assert problem_of(suite(spec, variants=variants)).startswith("variant `v`: `concurrency`: give one of")
    variants = (PLAIN, Variant(name="v", set={"concurrency": 2}))
    assert problem_of(suite(spec, variants=variants)) is None
