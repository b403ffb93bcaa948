from support.conversation import header
from support.recorded_runs import runs, write_session

from llmtui.cli.history_view import history_shown


def recorded():
    for place in range(1, 21):
        level = 100.0 if place <= 10 else 125.0
        write_session(
            f"202611{place:02}-040000-quick-{place:04}",
            [header(opened_at=f"2026-11-{place:02}T04:00:00Z"), *runs((level + place % 3,) * 3)],
        )
    write_session("20261121-050000-other-ffff", [header(name="other"), *runs((9.0,))])


def test_the_sessions_of_a_suite_and_model_are_one_chart_with_its_change():
    recorded()
    shown = history_shown("decode", "quick", "smol")
    (data,) = shown.graphs
    assert shown.about == "quick on smol"
    assert len(data.lines[0].points) == 20
    assert data.ticks == {10}
    assert "slower" in data.value
    assert (data.span_text[:10], data.end_text[:10]) == ("2026-11-01", "2026-11-20")
    assert any("new level" in line for line in shown.lines)
    assert not any("other" in line for line in shown.lines)


def test_what_no_session_has_is_said():
    recorded()
    assert history_shown("prefill", "quick", "smol").graphs == ()
    assert any("was not measured" in line for line in history_shown("prefill", "quick", "smol").lines)
    assert "no session is of a suite `quik`; did you mean `quick`?" in history_shown("decode", "quik", None).lines[0]
    assert "no session in" in history_shown("decode", "quick", "qwen").lines[0]
