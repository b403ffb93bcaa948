from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.reports.plain import PlainReport
from llmtui.reports.sides import compare_variants
from llmtui.reports.variants import variant_names
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

SUITE = """
name: ab
variants: [{name: base}, {name: tuned, set: {max_tokens: 9}}]
workloads: [{kind: generate, prompts: [hi]}]
"""


def events(rates=(("tuned", 110.0), ("base", 100.0)), suite=SUITE):
    told = [header(suite=suite)]
    for number, (variant, rate) in enumerate(rates * 5):
        job = f"j{number + 1}"
        figures = ev.Figures(ttft_ns=10 * MS, decode_rate=rate + number / 100, tokens=4, tokens_basis="server")
        told += [queued(job, variant=variant, iteration=number), ev.JobStarted(t=2, job=job)]
        told += [*request(f"{job}.1", job=job, figures=figures), ev.JobFinished(t=3, job=job, status="done")]
    return told


def state(told):
    folded = SessionState()
    apply_all(folded, told)
    return folded


def test_the_first_variant_of_the_suite_is_the_base_whatever_ran_first():
    assert variant_names(state(events())) == ["base", "tuned"]
    lines = compare_variants(state(events()))
    assert lines[:2] == [
        "A: base, smol Q4_1 on embedded, variant base",
        "B: tuned, smol Q4_1 on embedded, variant tuned",
    ]
    assert any(line.split()[1] == "decode" and "faster" in line for line in lines if line.startswith("short"))


def test_a_suite_that_can_t_be_read_any_more_leaves_the_order_of_the_queue():
    assert variant_names(state(events(suite="not: a suite"))) == ["tuned", "base"]


def test_without_variants_it_says_what_to_do():
    assert "llmtui compare A B" in compare_variants(state([header(), queued()]))[0]


def test_the_plain_report_ends_with_the_comparison_only_where_there_is_one():
    report = PlainReport()
    for event in events():
        list(report.tell(event))
    assert any(line.startswith("B: tuned, ") for line in report.results())
    report = PlainReport()
    for event in [header(), queued(), ev.JobStarted(t=2, job="j1")]:
        list(report.tell(event))
    assert not any(line.startswith("B: ") for line in report.results())
