import pytest
from support.conversation import header, queued
from support.recorded_runs import STEADY, runs

from llmtui import events as ev
from llmtui.reports.differing import LONGEST_VALUE, Difference, Side, differences, sentence
from llmtui.reports.pairing import samples_of
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

SUITE = "name: quick\nworkloads: [{kind: generate, prompts: [x]}]\n"
GPU = ev.Gpu(index=0, vendor="NVIDIA", name="H", memory=2**35, driver="550")
BOX = ev.HardwareSnapshot(hostname="box", cpu_model="fast", ram=2**34, gpus=(GPU,))


def side(letter, *, hardware=BOX, server=None, plan=None, **opened):
    found = ev.Server(**{"url": "x", "kind": "llamacpp", "version": "b1", **(server or {})})
    state = SessionState()
    apply_all(
        state,
        [
            header(**{"suite": SUITE, "hardware": hardware, **opened}),
            ev.TargetResolved(t=0, target="embedded", url="x", server=found),
            *runs(STEADY[:2], **(plan or {})),
        ],
    )
    return Side(letter, letter, state, samples_of(state))


def facts(*sides):
    return {difference.fact: difference.texts for difference in differences(sides)}


def test_sides_that_are_alike_differ_in_nothing():
    assert facts(side("A"), side("B"), side("C")) == {}


@pytest.mark.parametrize(
    ("change", "fact", "texts"),
    [
        ({"hardware": ev.HardwareSnapshot(hostname="other", cpu_model="fast", ram=2**34, gpus=(GPU,))}, "host", ("box", "box", "other")),
        ({"hardware": ev.HardwareSnapshot(hostname="box", cpu_model="fast", ram=2**34)}, "GPU", ("H 32.0 GiB", "H 32.0 GiB", "none")),
        ({"server": {"version": "b2"}}, "server", ("llamacpp b1", "llamacpp b1", "llamacpp b2")),
        ({"server": {"version": None}}, "server", ("llamacpp b1", "llamacpp b1", "llamacpp of unknown version")),
        ({"server": {"slots": 4}}, "server slots", ("?", "?", "4")),
        ({"llmtui": "0.2.0"}, "llmtui", ("0.1.0", "0.1.0", "0.2.0")),
        ({"plan": {"quantization": "Q8_0"}}, "model", ("smol Q4_1", "smol Q4_1", "smol Q8_0")),
        ({"overrides": {"sample_ms": "250"}}, "sample_ms", ("500", "500", "250")),
        ({"suite": SUITE + "embedded: {threads: 2}\n"}, "embedded.threads", ("not set", "not set", "2")),
        ({"suite": "not: a suite", "overrides": {"a": "1"}}, "--set a", ("not set", "not set", "1")),
    ],
)  # fmt: skip
def test_what_differs_stands_beside_each_other_for_all_sides(change, fact, texts):
    assert facts(side("A"), side("B"), side("C", **change))[fact] == texts


def test_the_driver_is_a_fact_of_its_own():
    newer = ev.Gpu(index=0, vendor="NVIDIA", name="H", memory=2**35, driver="560")
    found = facts(
        side("A"), side("B", hardware=ev.HardwareSnapshot(hostname="box", cpu_model="fast", ram=2**34, gpus=(newer,)))
    )
    assert found == {"GPU driver": ("NVIDIA 550", "NVIDIA 560")}


def test_another_file_under_the_name_of_a_model_is_told():
    models = [(ev.Model(id="smol", digest=f"sha256:{digit * 64}"),) for digit in "ab"]
    found = facts(side("A", server={"models": models[0]}), side("B", server={"models": models[1]}))
    assert found == {"model digest": ("a" * 12, "b" * 12)}


def test_parameters_of_workloads_are_left_to_the_pairs():
    other = "name: quick\nworkloads: [{kind: generate, prompts: [y], max_tokens: 9}]\n"
    assert facts(side("A"), side("B", suite=other)) == {}


def test_a_damaged_header_is_told():
    whole, damaged = side("A"), side("B")
    damaged.state.header = None
    found = facts(whole, damaged)
    assert found["header"] == ("whole", "damaged")
    assert found["host"] == ("box", "?")


def test_long_texts_are_cut_and_numbered_so_that_alike_ones_are_seen():
    long = ["x" * 80, "y" * 80, "x" * 80]
    sides = [
        side(letter, hardware=ev.HardwareSnapshot(cpu_model=text)) for letter, text in zip("ABC", long, strict=True)
    ]
    texts = facts(*sides)["CPU"]
    assert [text[-3:] for text in texts] == ["(1)", "(2)", "(1)"]
    assert max(map(len, texts)) <= LONGEST_VALUE + 1


def test_a_sentence_names_each_side_and_nothing_acts_on_a_terminal():
    text = sentence(Difference("CPU", ("fast", "slow\x1b[2J")), ("A", "B"))
    assert text == "CPU: fast in A, slow␛[2J in B"


def test_a_side_that_measured_nothing_has_facts_too():
    state = SessionState()
    apply_all(state, [header(), queued()])
    assert differences([Side("A", "a", state, []), side("B")])
