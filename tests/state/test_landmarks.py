from llmtui.state.landmarks import Landmark, Landmarks

ALL = Landmarks(
    [
        Landmark(50, "alert", "second"),
        Landmark(10, "job start", "j1"),
        Landmark(20, "alert", "first"),
        Landmark(50, "alert", "third"),
        Landmark(60, "job start", "j1"),
        Landmark(70, "job start", "j2"),
    ]
)


def test_the_next_one_is_later_and_of_its_kind():
    assert ALL.after("alert", -1).name == "first"
    assert ALL.after("alert", 19).name == "first"
    assert ALL.after("alert", 20).name == "second"
    assert ALL.after("alert", 50) is None
    assert ALL.after("marker", 0) is None


def test_the_one_before_is_earlier_and_the_first_of_its_moment():
    assert ALL.before("alert", 20) is None
    assert ALL.before("alert", 21).name == "first"
    assert ALL.before("alert", 50).name == "first"
    assert ALL.before("alert", 51).name == "second"
    assert ALL.before("error", 99) is None


def test_a_job_is_where_it_first_started():
    assert ALL.job("j1").t == 10
    assert ALL.job("j2").t == 70
    assert ALL.job("j3") is None


def test_a_kind_can_be_learned_later_and_leaves_the_others():
    marks = Landmarks([Landmark(10, "alert", "hot")])
    assert marks.after("throttle", 0) is None
    marks.learn("throttle", [Landmark(40, "throttle", "b"), Landmark(20, "throttle", "a")])
    assert [found.t for found in marks.of_kind("throttle")] == [20, 40]
    assert marks.after("throttle", 20).t == 40
    assert marks.before("throttle", 40).t == 20
    assert marks.after("alert", 0).t == 10


def test_each_kind_is_in_the_order_of_time():
    assert [found.name for found in ALL.of_kind("alert")] == ["first", "second", "third"]
    assert ALL.of_kind("error") == []
