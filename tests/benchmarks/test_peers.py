"""The peers' results are read from what they really wrote, cut to what is needed; nothing is fetched here."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from statistics import median

import pytest
from peers import aiperf, guidellm, homebench, llama_benchy, llmtui_itself, ollama_profiler, servebench
from peers.cost import run_measured
from peers.install import programs_of, size_of
from peers.offline import BOOK, byte_tokenizer, write_book
from peers.run import PEERS, cpu_of_further, environ_of, main, run_case, run_peer
from peers.shape import CASES, Case, Figures, Order, Peer, PeerError, true_figures
from peers.table import Install, Outcome, render
from support.conversation import header

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.testing.truth_record import TruthRecord
from llmtui.testing.truth_scenarios import SCENARIOS, read_scenario

MS = 1_000_000
PLAIN = Case("plain", "openai")


@pytest.fixture
def order(tmp_path):
    return Order(PLAIN, "http://127.0.0.1:1", tmp_path / "bin", tmp_path, 5)


def put(order, name, content):
    path = order.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


# --- what the tools wrote ------------------------------------------------------------------------------------------

LEVELS = """\
run,label,mode,level,repeat_count,completed,failed,req_s,ttft_p50_ms,ttft_p90_ms,tpot_p50_ms,tpot_p90_ms,itl_p50_ms,e2e_p50_s
sb2,c=1,concurrency,1.0,1,3,0,1.31,201.1,201.1,18.10,18.10,79.99,0.76
"""


def test_servebench(order):
    put(order, "levels.csv", LEVELS)
    figures = servebench.PEER.read(order)
    assert figures == Figures(201.1, 79.99, pytest.approx(55.25, abs=0.01))


@pytest.mark.parametrize("levels", [LEVELS.splitlines()[0] + "\n", LEVELS.replace("1.0,1,3,0", "1.0,1,0,3")])
def test_servebench_without_a_request_has_no_figures(order, levels):
    put(order, "levels.csv", levels)
    with pytest.raises(PeerError):
        servebench.PEER.read(order)


def test_llama_benchy(order):
    found = {"e2e_ttft": {"mean": 205.77, "std": 4.4}, "tg_throughput": {"mean": 49.96, "std": 0.1}, "ttfr": None}
    put(order, "result.json", {"version": "0.4.0", "benchmarks": [found]})
    assert llama_benchy.PEER.read(order) == Figures(205.77, None, 49.96)
    put(order, "result.json", {"benchmarks": [found | {"tg_throughput": None}]})
    assert llama_benchy.PEER.read(order) == Figures(205.77, None, None)


def test_homebench(order):
    speed = {"ttft_s": 0.2264, "tokens_per_sec": 51.5, "output_tokens": 32, "eval_s": 0.62}
    put(order, "result.json", {"reports": [{"speed": speed, "error": None}]})
    assert homebench.PEER.read(order) == Figures(pytest.approx(226.4), None, 51.5)
    put(order, "result.json", {"reports": [{"speed": None, "error": "connection refused"}]})
    with pytest.raises(PeerError, match="connection refused"):
        homebench.PEER.read(order)


def test_aiperf_leaves_out_what_it_does_not_know(order):
    found = {
        "schema_version": "1.4",
        "time_to_first_token": {"unit": "ms", "avg": 203.48, "p50": 203.14},
        "inter_token_latency": {"unit": "ms", "avg": 19.994, "p50": 19.996},
        "output_token_throughput_per_user": {"unit": "tokens/sec/user", "avg": 50.015},
    }
    put(order, "artifacts/profile_export_aiperf.json", found)
    assert aiperf.PEER.read(order) == Figures(203.48, 19.994, 50.015)
    put(order, "artifacts/profile_export_aiperf.json", {"time_to_first_token": {"avg": 203.48}})
    assert aiperf.PEER.read(order) == Figures(203.48, None, None)


def guidellm_report(successful, count):
    figures = {"time_to_first_token_ms": 207.36, "inter_token_latency_ms": 19.83}
    metrics = {name: {"successful": {"mean": mean, "count": count}} for name, mean in figures.items()}
    return {"benchmarks": [{"metrics": {"request_totals": {"successful": successful}, **metrics}}]}


def test_guidellm(order):
    put(order, "report.json", guidellm_report(5, 5))
    assert guidellm.PEER.read(order) == Figures(207.36, 19.83, None)
    put(order, "report.json", guidellm_report(5, 0))
    assert guidellm.PEER.read(order) == Figures()
    put(order, "report.json", guidellm_report(0, 0))
    with pytest.raises(PeerError):
        guidellm.PEER.read(order)


def test_ollama_profiler(order):
    runs = [{"ttft_ms": 201, "eval_rate": 51.0, "eval_count": 32}, {"ttft_ms": 200, "eval_rate": 52.0}]
    put(order, "result.json", {"meta": {}, "results": {PLAIN.model: runs}})
    assert ollama_profiler.PEER.read(order) == Figures(200.5, None, 51.5)
    put(order, "result.json", {"results": {PLAIN.model: []}})
    with pytest.raises(PeerError):
        ollama_profiler.PEER.read(order)


def test_llmtui_itself(order):
    def finished(number, status, ttft_ms, rate):
        figures = ev.Figures(ttft_ns=ttft_ms * MS, itl_p50_ns=20.0 * MS, decode_rate=rate)
        return ev.RequestFinished(t=number, request=f"r{number}", job="j", status=status, figures=figures)

    events = [header(), *(finished(n, "done", ttft, 50.0) for n, ttft in enumerate((210, 200, 201), 1))]
    events.append(finished(9, "failed", 999, None))
    put(order, "sessions/x.jsonl", b"".join(map(encode_line, events)).decode())
    assert llmtui_itself.PEER.read(order) == Figures(201.0, 20.0, 50.0)
    put(order, "sessions/y.jsonl", "")
    with pytest.raises(PeerError, match="2 logs"):
        llmtui_itself.PEER.read(order)


# --- how they are started ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_is_told_server_model_and_number_of_requests_and_writes_into_its_folder(peer, order):
    peer.prepare(order)
    command = list(peer.command(order))
    assert command[0].startswith(f"{order.programs}/")
    assert PLAIN.model in " ".join(command)
    assert order.url in " ".join(command)
    told = " ".join(command) + "".join(path.read_text() for path in order.folder.glob("*.yaml"))
    assert str(order.requests) in told.replace("=", " ").replace(",", " ").split() or told.count("of day") == 5
    assert all("==" in peer.requirement or peer.name == "llmtui" for peer in PEERS)
    environ = environ_of(peer, order)
    assert environ["HOME"] == str(order.folder)
    assert environ["DO_NOT_TRACK"] == "1"


def test_names_are_unique_and_cases_are_scenarios():
    assert len({peer.name for peer in PEERS}) == len(PEERS)
    for case in CASES:
        assert read_scenario(case.model).tokens == 32
        assert case.api in SCENARIOS[case.scenario].apis


def test_a_name_that_is_none_is_refused(capsys):
    assert main(["nosuchtool"]) == 2
    assert "nosuchtool" in capsys.readouterr().err


def test_the_tokenizer_has_a_letter_for_each_byte():
    vocabulary = byte_tokenizer()["model"]["vocab"]
    assert sorted(vocabulary.values()) == list(range(256))
    assert (vocabulary["A"], vocabulary["\u0120"]) == (0x41, 0x20)  # a blank is written as G with a dot
    assert all(letter.isprintable() for letter in vocabulary)


def test_the_book_lies_where_it_is_looked_for(tmp_path):
    write_book(tmp_path)
    (book,) = (tmp_path / ".cache" / "llama-benchy").iterdir()
    assert (book.suffix, len(book.stem), book.read_text()) == (".txt", 32, BOOK)


# --- the truth, the cost, the run ----------------------------------------------------------------------------------


def record(received_ms, *sends):
    return TruthRecord(
        model=PLAIN.model, api="openai", number=1, connection=1, mark="", received_ns=received_ms * MS, late_ns=0,
        sends=tuple((at * MS, tokens, "answer") for at, tokens in sends), ended_ns=10**12, ending="done",
    )  # fmt: skip


def test_the_truth_is_what_was_sent():
    first = record(1000, (1010, 0), (1200, 4), (1280, 4), (1360, 4))
    assert true_figures([first]) == Figures(200, pytest.approx(20), pytest.approx(50))
    late = record(2000, (2400, 1), (2440, 1), (2480, 1))
    assert true_figures([first, late]) == Figures(300, pytest.approx(1000 / 37.5), pytest.approx(37.5))
    assert true_figures([first, first, late], median).ttft_ms == 200


def test_no_truth_is_none():
    assert true_figures([]) == true_figures([record(0)]) == Figures()
    assert true_figures([record(0, (5, 1))]) == Figures(5, None, None)


ORPHAN = """
import subprocess, sys, time
burn = "import time\\nwhile time.process_time() < 0.3: pass"
block = "x = bytearray(80_000_000); import time; time.sleep(0.6)"
subprocess.Popen([sys.executable, "-c", burn], start_new_session=True)
subprocess.run([sys.executable, "-c", block], check=True)
print("hello")
sys.exit(3)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands orphans on to a process of one's choice")
def test_the_cost_is_that_of_the_whole_tree_also_of_those_whose_parent_is_gone(tmp_path):
    cost = run_measured([sys.executable, "-c", ORPHAN], {}, tmp_path, 30)
    assert (cost.code, cost.timed_out) == (3, False)
    assert cost.cpu_s >= 0.3
    assert cost.peak >= 80_000_000
    assert (tmp_path / "output.txt").read_text() == "hello\n"
    idle = run_measured([sys.executable, "-c", "pass"], {}, tmp_path, 30)
    assert idle.code == 0
    assert idle.began_ns > cost.began_ns


def test_a_run_that_does_not_end_is_ended_with_all_that_it_started(tmp_path):
    forever = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])"
    cost = run_measured([sys.executable, "-c", forever], {}, tmp_path, 0.5)
    assert cost.timed_out
    assert cost.code != 0


CLIENT = """
import http.client, json, sys
url, model, result, requests = sys.argv[1:]
for _ in range(int(requests)):
    line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    line.request("POST", "/v1/chat/completions", json.dumps({"model": model, "stream": True, "max_tokens": 2}))
    line.getresponse().read()
open(result, "w").write("1 2 3")
"""


def own_peer(code, read):
    def command(order):
        result = str(order.folder / "result.txt")
        return [sys.executable, "-c", code, order.url, order.case.model, result, str(order.requests)]

    return Peer("own", "own==1", frozenset({"openai"}), command, read)


def test_a_run_joins_what_a_tool_says_with_what_the_server_sent(tmp_path):
    def read(order):
        return Figures(*map(float, (order.folder / "result.txt").read_text().split()))

    outcome = run_case(own_peer(CLIENT, read), PLAIN, tmp_path, tmp_path)
    assert outcome.problem is None
    assert (outcome.reported, outcome.requests) == (Figures(1, 2, 3), 10)
    assert outcome.truth.ttft_ms >= 200
    assert outcome.truth.rate > 0
    assert outcome.start_s > 0


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("import sys; print('no such model'); sys.exit(4)", "status 4: no such model"),
        ("pass", "0 of 10 requests"),
        (CLIENT.replace("int(requests)", "1"), "1 of 10 requests"),
        (CLIENT.replace('"1 2 3"', '"one"'), "not as expected: ValueError"),
    ],
)
def test_a_tool_that_fails_has_a_reason_and_stops_nothing(tmp_path, code, problem):
    def read(order):
        return Figures(float((order.folder / "result.txt").read_text()))

    outcome = run_case(own_peer(code, read), PLAIN, tmp_path, tmp_path)
    assert problem in outcome.problem
    assert outcome.reported == Figures()


def wheel(folder):
    """A package with one program, built by hand."""
    path = folder / "tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tool.py", "def main():\n    print('it runs')\n")
        archive.writestr("tool-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n")
        archive.writestr("tool-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tool-1.0.dist-info/entry_points.txt", "[console_scripts]\ntool = tool:main\n")
        archive.writestr("tool-1.0.dist-info/RECORD", "")
    return path


def test_a_peer_gets_an_environment_of_its_own_once(tmp_path):
    peer = own_peer(CLIENT, None)._replace(requirement=str(wheel(tmp_path)))
    programs = programs_of(peer, tmp_path / "cache")
    assert subprocess.run([programs / "tool"], capture_output=True, check=True).stdout == b"it runs\n"
    assert size_of(programs) > 1000
    (programs / "tool").unlink()
    assert programs_of(peer, tmp_path / "cache") == programs
    assert not (programs / "tool").exists()  # what is there is not installed again


def test_a_peer_that_cannot_be_installed_has_a_reason_and_stops_nothing(tmp_path):
    peer = own_peer(CLIENT, None)._replace(requirement=str(tmp_path / "no-such-package.whl"))
    install, outcomes = run_peer(peer, tmp_path)
    assert (install.size, outcomes) == (None, [])
    assert "could not be installed" in install.problem


def test_the_size_counts_files_once(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tool").write_bytes(b"x" * 1000)
    (tmp_path / "link").symlink_to(tmp_path / "bin" / "tool")
    assert size_of(tmp_path / "bin") == 1000


# --- the table -----------------------------------------------------------------------------------------------------

TRUTH = Figures(200.0, 20.0, 50.0)


def table(*outcomes, installs=None):
    peers = dict.fromkeys(outcome.peer for outcome in outcomes)
    return render(installs or [Install(peer, 5_000_000, {}) for peer in peers], outcomes)


def test_errors_are_shown_with_sign_and_unit_and_large_ones_marked():
    good = Outcome("good", PLAIN, TRUTH, Figures(200.5, 20.01, 50.1), 10, 0.5, 1.0, 50_000_000)
    bad = Outcome("bad", PLAIN, TRUTH, Figures(249.7, 18.1, 55.3), 10, 2.0, 20.0, 900_000_000)
    lines = table(good, bad).splitlines()
    rows = {tuple(line.split()) for line in lines}
    assert {("good", "+0.50"), ("bad", "+49.70!"), ("bad", "-1.90!"), ("good", "+0.2"), ("bad", "+10.6!")} <= rows
    assert {("good", "0.100", "?", "50", "0.50", "5"), ("bad", "2.000", "?", "900", "2.00", "5")} <= rows


def test_one_more_request_costs_what_a_longer_run_costs_more():
    short = Outcome("good", PLAIN, TRUTH, TRUTH, 10, 0.5, 1.0, 1)
    longer = short._replace(requests=40, cpu_s=1.6)
    assert cpu_of_further(short, longer) == pytest.approx(0.02)
    assert cpu_of_further(short, short) is None, "nothing further was sent"
    assert cpu_of_further(short, Outcome("good", PLAIN, problem="it failed")) is None
    rows = [line.split() for line in table(short._replace(further_s=0.02)).splitlines()]
    assert ["good", "0.100", "0.0200", "0", "0.50", "5"] in rows


def test_what_is_missing_has_its_reason():
    quiet = Outcome("quiet", PLAIN, TRUTH, Figures(200.0, None, None), 10, 0.1, 0.1, 1)
    broken = Outcome("broken", PLAIN, problem="it ended with status 1: \x1b[31mno")
    installs = [
        Install("quiet", 1, {"itl_ms": "it tells rates only"}),
        Install("broken", 1, {}),
        Install("gone", None, {}, "no wheel"),
    ]
    text = table(quiet, broken, installs=installs)
    assert "quiet: - for inter-token latency: it tells rates only" in text
    assert "quiet, plain: its result holds no decode rate" in text
    assert "broken, plain: it ended with status 1:" in text
    assert "gone: no wheel" in text
    assert "\x1b" not in text
    assert ["broken", "?"] in [line.split() for line in text.splitlines()]
    assert ["gone", "?", "?", "?", "?", "?"] in [line.split() for line in text.splitlines()]


def test_cases_that_nobody_ran_have_no_column():
    text = table(Outcome("a", Case("thinking", "ollama"), TRUTH, TRUTH, 10, 0.1, 0.1, 1))
    assert "thinking (Ollama)" in text
    assert "multi4" not in text


def test_the_program_runs_as_the_makefile_runs_it():
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "peers.run", "nosuchtool"],
        cwd=root, env={"PYTHONPATH": "benchmarks"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "there are llmtui, servebench" in done.stderr
