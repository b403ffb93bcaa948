import pytest

from llmtui.documents import DocumentError
from llmtui.suites.reading import read_suite

BASE = "name: q\nworkloads:\n  - kind: long_context\n"


def test_a_suite_of_long_contexts_plans_two_requests_a_size():
    (workload,) = read_suite(BASE, "f.yaml").workloads
    assert workload.sizes == (4096, 8192, 16384, 32768, 65536)
    assert workload.planned_requests == 10
    (quick,) = read_suite(BASE, "f.yaml", {"quick": "true"}).workloads
    assert quick.planned_requests == 4


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"sizes": "[]"}, "must be whole numbers of tokens, each greater"),
        ({"sizes": "[8192, 4096]"}, "each greater than the one before"),
        ({"sizes": "[4096, 4096]"}, "each greater than the one before"),
        ({"sizes": "[256]"}, "begins with 256; with this `max_tokens` a context needs at least 384 tokens"),
        ({"max_tokens": "2048"}, "begins with 4096; with this `max_tokens`"),
        ({"max_load_s": "0"}, "`workloads[0].max_load_s` is 0; it must be above 0"),
    ],
)
def test_a_wrong_one_gets_one_sentence(overrides, sentence):
    with pytest.raises(DocumentError) as caught:
        read_suite(BASE, "f.yaml", overrides)
    assert sentence in str(caught.value)
