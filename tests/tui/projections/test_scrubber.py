import pytest

from llmtui.state.heat_spans import HeatSpan
from llmtui.state.landmarks import Landmark
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.scrubber import Goal, Place, parse_goal, scrubber_line

S = 1_000_000_000
MARKS = (Landmark(0, "job start", "j1"), Landmark(50 * S, "alert", "hot"), Landmark(50 * S, "error", "j1.1"))


def line(position=25, width=60, marks=MARKS, **changes):
    place = Place(position * S, 100 * S, 2.0, False, marks)._replace(**changes)
    return scrubber_line(place, width, glyphs_of("ascii"))


def test_position_length_and_ticks_stand_on_one_line():
    text = line()
    assert text.startswith("> 2x  0:25 ")
    assert text.endswith(" 1:40")
    assert len(text) == 60
    track = text.removeprefix("> 2x  0:25 ").removesuffix(" 1:40")
    assert track[0] == "."
    assert track[len(track) // 2] == "x", "an error is told before an alert at the same place"
    assert track.index("|") == len(track) // 4


def test_it_says_when_it_stands_still_and_how_fast_it_goes():
    assert line(paused=True).startswith("= 2x")
    assert line(speed=None).startswith("> as fast as it goes")
    assert line(speed=0.25).startswith("> 0.25x")


def test_on_the_way_it_says_where_it_is_going():
    text = line(going=True)
    assert text.startswith("> 2x  going to 0:25 ... ")
    assert text.endswith(" 1:40")
    assert len(text) == 60
    assert line(going=True, width=18) == "> 2x  going to 0:25 ..."


def test_a_span_slowed_by_heat_is_drawn_all_along_it_below_the_letters():
    span = HeatSpan(20 * S, 40 * S, over=True)
    text = line(marks=(Landmark(30 * S, "marker", "x"),), heat=(span,), position=90)
    track = text.removeprefix("> 2x  1:30 ").removesuffix(" 1:40")
    first, last = 20 * len(track) // 100, 40 * len(track) // 100
    assert set(track[first : last + 1]) == {"~", "m"}
    assert track.count("~") == last - first
    assert "~" not in line()


def test_a_narrow_terminal_still_shows_where_it_is():
    assert line(width=18) == "> 2x  0:25"
    assert line(width=30).count("|") == 1


def test_an_empty_session_has_a_line_too():
    assert "0:00" in line(position=0, length_ns=0, marks=())


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("12:30", Goal("time", 750 * S)),
        ("1:02:03", Goal("time", 3723 * S)),
        ("0:05.5", Goal("time", 5.5 * S)),
        ("90", Goal("time", 90 * S)),
        ("90s", Goal("time", 90 * S)),
        ("1.5m", Goal("time", 90 * S)),
        ("50%", Goal("percent", 50)),
        ("J3", Goal("job", name="j3")),
        ("alert", Goal("next", name="alert")),
        ("Throttle", Goal("next", name="throttle")),
        ("tomorrow", None),
        ("", None),
        ("-5", None),
        ("12:", None),
    ],
)
def test_a_goal_is_read_as_people_write_it(text, goal):
    assert parse_goal(text) == goal
