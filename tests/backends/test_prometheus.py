from llmtui.backends.prometheus import read_metrics


def test_label_sets_of_one_name_are_added_up_or_averaged():
    metrics = read_metrics('# HELP a_b x\n# TYPE a_b gauge\na_b{engine="0",name="x y {z}"} 1.0\na_b{engine="1"} 3\n')
    assert metrics.total("a_b") == 4
    assert metrics.mean("a_b") == 2


def test_a_name_that_is_not_there_is_none_and_never_zero():
    metrics = read_metrics("a 0\n")
    assert metrics.total("a") == 0
    assert metrics.total("b") is None
    assert metrics.mean("b") is None
    assert metrics.total() is None


def test_the_first_name_that_is_there_counts():
    metrics = read_metrics("old 5\nnew 7\n")
    assert metrics.total("newest", "new", "old") == 7


def test_histograms_creation_times_and_what_is_no_number_are_left_out():
    text = 'h_bucket{le="1"} 1\nh_created 1.7e9\nh_count 3\nn NaN\ni +Inf\nbroken\nx y\nllamacpp:n 2 1700000000000\n'
    assert set(read_metrics(text)) == {"h_count", "llamacpp:n"}


def test_the_recording_of_vllm(captures):
    text = (captures / "vllm_metrics.raw").read_bytes().partition(b"\r\n\r\n")[2].decode()
    metrics = read_metrics(text)
    assert metrics.total("vllm:num_requests_running") == 0
    assert metrics.total("vllm:generation_tokens_total") == 11
    assert metrics.total("vllm:request_success_total") == 4
    assert metrics.mean("vllm:kv_cache_usage_perc") == 0
    assert "vllm:time_to_first_token_seconds_bucket" not in metrics
