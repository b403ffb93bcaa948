import json
import re

import pytest
from support.load_bench import LoadBench, run_virtual

from llmtui.suites.schema import Load, Synthetic
from llmtui.workloads.prompts import MOST_PROMPTS, PromptError, PromptSource, prepare_prompts


def words(text):
    """A tokenizer for which each word is a token."""
    return len(text.split())


def prepare(spec, bench=None, planned=4):
    return run_virtual(prepare_prompts(spec, bench or LoadBench(count=words), planned))


def drawn(source, count):
    return [source.next() for _ in range(count)]


def from_file(folder, content, **fields):
    path = folder / "prompts.jsonl"
    path.write_text(content, encoding="utf-8")
    return prepare(Load(file=str(path), **fields))


def test_prompts_come_round_again_and_are_made_unique():
    source = prepare(Load(prompts=("a", "b")))
    assert drawn(source, 5) == [("a",), ("b",), ("a",), ("b",), ("a",)]
    assert source.unique
    assert not prepare(Load(prompts=("a", "b"), prompt_cache="allow")).unique


def test_conversations_take_the_prompts_in_turn():
    source = prepare(Load(prompts=("a", "b", "c"), turns=2))
    assert drawn(source, 4) == [("a", "b"), ("b", "c"), ("c", "a"), ("a", "b")]


def test_two_readers_of_one_source_get_different_prompts():
    source = PromptSource([("a",), ("b",)], unique=True)
    assert {source.next(), source.next()} == {("a",), ("b",)}


# Files


def test_every_shape_of_a_line_is_taken(tmp_path):
    lines = [
        {"prompt": "plain", "more": 1},
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "chat"}]},
        {"conversations": [{"from": "human", "value": "shared"}, {"from": "gpt", "value": "answer"}]},
        {"conversation": [{"role": "user", "content": "one"}]},
        "a bare string",
    ]
    text = "\n".join(["", *(json.dumps(line) for line in lines), "  ", ""])
    wanted = [("plain",), ("chat",), ("shared",), ("one",), ("a bare string",)]
    assert drawn(from_file(tmp_path, text), 6) == [*wanted, wanted[0]]


def test_what_the_user_says_becomes_turns(tmp_path):
    talk = [("user", "one"), ("assistant", "no"), ("user", "two"), ("user", ""), ("user", "three")]
    line = json.dumps({"messages": [{"role": role, "content": text} for role, text in talk]})
    assert from_file(tmp_path, line, turns=5).next() == ("one", "two", "three")
    assert from_file(tmp_path, line, turns=2).next() == ("one", "two")
    assert from_file(tmp_path, line).next() == ("one",)


def test_a_list_as_sharegpt_comes(tmp_path):
    items = [
        {"id": str(place), "conversations": [{"from": "human", "value": f"q{place}"}, {"from": "gpt", "value": "a"}]}
        for place in range(3)
    ]
    for text in (json.dumps(items), "\n " + json.dumps(items, indent=2)):
        assert drawn(from_file(tmp_path, text), 3) == [("q0",), ("q1",), ("q2",)]


def test_characters_that_end_lines_elsewhere_do_not_end_one_here(tmp_path):
    text = "a\u2028b\u0085c\x0bd"
    assert from_file(tmp_path, json.dumps({"prompt": text}, ensure_ascii=False)).next() == (text,)


def test_a_byte_order_mark_and_line_ends_of_another_system_are_taken(tmp_path):
    path = tmp_path / "prompts.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"prompt": "a"}\r\n{"prompt": "b"}\r\n')
    assert drawn(prepare(Load(file=str(path))), 2) == [("a",), ("b",)]


def test_a_long_file_is_read_to_a_bound(tmp_path):
    lines = "\n".join(json.dumps({"prompt": str(number)}) for number in range(MOST_PROMPTS + 5))
    source = from_file(tmp_path, lines)
    assert drawn(source, MOST_PROMPTS + 1)[-2:] == [(str(MOST_PROMPTS - 1),), ("0",)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", ": there is no prompt in this file"),
        ("\n \n", ": there is no prompt in this file"),
        ("[]", ": there is no prompt in this file"),
        ('{"prompt": "a"}\n{"prompt": \n', ":2: not valid JSON; one JSON object a line is expected"),
        ('{"prompt": "a"}\nhello\n', ":2: not valid JSON; one JSON object a line is expected"),
        ('{"prompt": "a"}\n\n{"text": "b"}\n', ":3: no prompt here; give `prompt`, `messages` or `conversations`"),
        ('{"prompt": 7}', ":1: no prompt here; give `prompt`, `messages` or `conversations`"),
        ("7", ":1: no prompt here; give `prompt`, `messages` or `conversations`"),
        ('{"messages": "x"}', ":1: no prompt here; give `prompt`, `messages` or `conversations`"),
        ('{"messages": [{"role": "assistant", "content": "x"}]}', ":1: no prompt here"),
        ('{"messages": [{"role": "user", "content": [1]}]}', ":1: no prompt here"),
        ('[{"prompt": "a"}, {"prompt": ""}]', ":2: no prompt here"),
        ('{"prompt": ""}', ":1: no prompt here"),
        ('"  "', ":1: no prompt here"),
        ('[{"prompt": "a"}', ": not valid JSON: "),
    ],
)
def test_a_file_that_will_not_do_gets_one_sentence(tmp_path, content, sentence):
    with pytest.raises(PromptError) as caught:
        from_file(tmp_path, content)
    assert str(caught.value).startswith(f"{tmp_path / 'prompts.jsonl'}{sentence}")
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_says_why(tmp_path):
    with pytest.raises(PromptError, match=r"gone.jsonl: the prompts can't be read: No such file"):
        prepare(Load(file=str(tmp_path / "gone.jsonl")))
    with pytest.raises(PromptError, match="the prompts can't be read: Is a directory"):
        prepare(Load(file=str(tmp_path)))
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PromptError, match="the prompts can't be read: 'utf-8' codec"):
        prepare(Load(file=str(tmp_path / "bytes")))


# Made-up prompts


def synthetic(tokens=12, count=3, **fields):
    return Load(synthetic=Synthetic(tokens=tokens, count=count), **fields)


def test_made_up_prompts_have_their_length_and_none_comes_twice():
    source = prepare(synthetic(), planned=20)
    texts = [text for (text,) in drawn(source, 20)]
    assert {words(text) for text in texts} == {12}
    assert len(set(texts)) == 20
    assert not source.unique, "they are fresh, and a line in front would change their length"


def test_no_two_of_them_begin_alike_for_long():
    source = prepare(synthetic(tokens=40), planned=50)
    heads = {" ".join(text.split()[:4]) for (text,) in drawn(source, 50)}
    assert len(heads) == 50


def test_prompts_that_come_round_again_are_made_unique():
    assert prepare(synthetic(count=3), planned=0).unique, "nobody knows how many it will take"
    assert len(set(drawn(prepare(synthetic(count=3), planned=0), 9))) == 3
    assert prepare(synthetic(tokens=1), planned=MOST_PROMPTS + 1).unique, "more than are made beforehand"


def test_what_may_come_from_the_cache_is_made_only_as_often_as_asked():
    bench = LoadBench(count=words)
    source = prepare(synthetic(count=3, prompt_cache="allow"), bench, planned=50)
    assert len(set(drawn(source, 50))) == 3
    assert not source.unique
    assert not bench.warnings


def test_conversations_of_made_up_turns_repeat_no_beginning():
    source = prepare(synthetic(turns=3), planned=6)
    talks = drawn(source, 6)
    assert len({talk[0] for talk in talks}) == 6
    assert all(len(set(talk)) == 3 for talk in talks)
    assert {words(turn) for talk in talks for turn in talk} == {12}


def test_the_same_prompts_are_made_again():
    assert drawn(prepare(synthetic()), 4) == drawn(prepare(synthetic()), 4)


def test_lengths_that_nobody_counts_are_told_to_be_estimates():
    bench = LoadBench()
    source = prepare(synthetic(), bench)
    assert [code for code, _ in bench.warnings] == ["prompt-length"]
    assert "estimates" in bench.warnings[0][1]
    assert source.next()[0]


# A shared prefix


def test_a_shared_prefix_has_its_length_and_stands_before_every_prompt():
    source = prepare(Load(prompts=("a", "b"), prompt_cache="share", shared_tokens=30))
    texts = [text for (text,) in drawn(source, 2)]
    prefix = texts[0].partition("\n\n")[0]
    assert words(prefix) == 30
    assert texts == [f"{prefix}\n\n[0] a", f"{prefix}\n\n[1] b"]
    assert not source.unique


def test_only_the_first_turn_has_the_prefix():
    talk = prepare(Load(prompts=("a", "b"), prompt_cache="share", shared_tokens=5, turns=2)).next()
    assert re.fullmatch(r"(\w+ ){4}\w+\n\n\[0\] a", talk[0])
    assert talk[1] == "b"


def test_a_prefix_that_nobody_counted_is_told_to_be_an_estimate():
    bench = LoadBench()
    prepare(Load(prompts=("a",), prompt_cache="share"), bench)
    assert [code for code, _ in bench.warnings] == ["prompt-length"]
    counted = LoadBench(count=words)
    prepare(Load(prompts=("a",), prompt_cache="share"), counted)
    assert counted.warnings == []
