import random

import pytest
from support.asking_bench import AskingBench

from llmtui.metrics.latency import CHARACTERS_PER_TOKEN
from llmtui.workloads.document_sentences import FILLERS, TOPICS
from llmtui.workloads.documents import _filled, make_documents


class Counting(AskingBench):
    """A tokenizer for which four letters are a token."""

    def __init__(self):
        super().__init__(count=lambda text: len(text) // 4)
        self.calls = 0

    async def count_tokens(self, text):
        self.calls += 1
        return await super().count_tokens(text)


@pytest.mark.parametrize(("least", "most"), [(200, 500), (40, 60), (1000, 3000), (300, 300)])
async def test_lengths_are_kept_as_near_as_whole_sentences_allow(least, most):
    documents = await make_documents(Counting(), 12, (least, most), seed=1)
    assert len(set(documents)) == 12
    longest = max(len(sentence) for sentences in TOPICS.values() for sentence in sentences) // 4 + 12
    assert all(least - longest <= len(document) // 4 <= most + longest for document in documents)
    if most - least > longest:
        assert all(least <= len(document) // 4 <= most for document in documents)


async def test_the_server_is_asked_few_times_a_document():
    bench = Counting()
    await make_documents(bench, 30, (200, 500), seed=1)
    assert bench.calls <= 30 * 8


async def test_without_a_tokenizer_lengths_are_estimated_by_characters():
    bench = AskingBench()
    documents = await make_documents(bench, 12, (200, 500), seed=1)
    assert all(180 <= len(document) / CHARACTERS_PER_TOKEN <= 520 for document in documents)
    assert len(bench.warnings) == 1


def test_every_sentence_has_all_its_gaps_filled():
    draw = random.Random(1)
    for sentences in TOPICS.values():
        assert len(set(sentences)) == len(sentences)
        for sentence in sentences:
            filled = _filled(sentence, draw)
            assert "{" not in filled
            assert filled[0].isupper()
            assert filled.endswith(".")


def test_no_choice_stands_twice():
    assert all(len(set(words)) == len(words) for words in FILLERS.values())
