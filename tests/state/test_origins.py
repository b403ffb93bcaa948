from support.conversation import header, queued

from llmtui.state.origins import origin_text, parent_text


def test_a_session_says_what_it_repeats_and_with_what_changes():
    child = header(parent="a", parent_jobs=("j2", "j1"), changes={"max_tokens": "64", "seed": "7"})
    assert parent_text(child) == "j2, j1 of a with max_tokens=64, seed=7"
    assert parent_text(header(parent="a", parent_jobs=("j2",))) == "j2 of a"
    assert parent_text(header()) == parent_text(None) == ""


def test_a_job_says_which_one_it_repeats():
    child = header(parent="a")
    assert origin_text(child, queued(rerun_of="j2")) == "a further run of j2"
    assert origin_text(child, queued(clone_of="j2")) == "a clone of j2"
    assert origin_text(child, queued(parent_job="j2")) == "a further run of j2 of a"
    assert origin_text(None, queued(parent_job="j2")) == "a further run of j2 of another session"
    assert origin_text(child, queued()) == ""
