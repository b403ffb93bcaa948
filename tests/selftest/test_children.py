import socket

import pytest

from llmtui.events import JobFinished, RequestFinished
from llmtui.log.read import read_log
from llmtui.selftest.children import SelftestError, run_engine, truth_server
from llmtui.testing.truth_record import read_truth

MODEL = "plain+ttft_ms=10+gap_ms=1+tokens=4"
ONE_PROMPT = {"kind": "generate", "prompts": ["hello"]}


def listens(url):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def test_the_truth_server_ends_with_its_block(tmp_path):
    with truth_server(tmp_path, [MODEL]) as truth:
        assert set(truth.urls) == {"openai", "ollama"}
        assert all(map(listens, truth.urls.values()))
    assert not any(map(listens, truth.urls.values()))


def test_the_truth_server_ends_when_its_block_fails(tmp_path):
    with pytest.raises(KeyError), truth_server(tmp_path, []) as truth:
        raise KeyError
    assert not any(map(listens, truth.urls.values()))


def test_a_truth_server_that_does_not_start_says_why(tmp_path):
    (tmp_path / "truth.jsonl").mkdir()
    with pytest.raises(SelftestError, match="did not start: IsADirectoryError"), truth_server(tmp_path, []):
        pass


def test_the_engine_runs_to_its_end_and_tells_of_each_job(tmp_path):
    log = tmp_path / "a.jsonl"
    jobs = []
    with truth_server(tmp_path, [MODEL]) as truth:
        run_engine(
            log, url=truth.urls["ollama"], models=["plain", MODEL], workload=ONE_PROMPT, on_job=lambda: jobs.append(1)
        )
        assert len(read_truth(truth.file)) == 2
    events = read_log(log).events
    assert len(jobs) == 2
    assert [event.status for event in events if isinstance(event, JobFinished)] == ["done", "done"]
    assert [event.figures.tokens for event in events if isinstance(event, RequestFinished)] == [64, 4]


def test_an_engine_without_a_server_is_no_result(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening, and nobody else can
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SelftestError, match="does not find the known-truth server"):
            run_engine(tmp_path / "a.jsonl", url=url, models=["plain"], workload=ONE_PROMPT, on_job=lambda: None)


def test_an_engine_that_is_asked_for_nonsense_is_no_result(tmp_path):
    with pytest.raises(SelftestError, match=r"did not start.*kind"):
        run_engine(
            tmp_path / "a.jsonl",
            url="http://127.0.0.1:9",
            models=["x"],
            workload={"kind": "nonsense"},
            on_job=lambda: None,
        )
