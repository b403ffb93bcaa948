import pytest
from support.compared_runs import grid_session

from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.heat_map import PLAIN_SHADES, SHADES, HeatCursor, heat_map, next_figure

BRAILLE, ASCII = glyphs_of("braille"), glyphs_of("ascii")
CURSOR = HeatCursor("decode_rate")


def square(rate=lambda row, column: 10 * row + column + 1):
    return grid_session(
        [
            ({"temperature": row, "options.top_k": column}, [rate(row, column)] * 2)
            for row in range(3)
            for column in range(2)
        ]
    )


def texts(shown):
    return [[cell.text.strip() for cell in row.cells] for row in shown.rows]


def test_two_parameters_are_the_axes_with_a_shade_and_a_number_at_each_point():
    shown = heat_map(square(), CURSOR, BRAILLE)
    assert (shown.corner, shown.headings) == ("temperature \\ top_k", ("0", "1"))
    assert [row.label for row in shown.rows] == ["0", "1", "2"]
    assert texts(shown) == [["· 1.00", "· 2.00"], ["▒ 11.0", "▒ 12.0"], ["█ 21.0", "█ 22.0*"]]
    assert shown.title == "ask: decode in tok/s"
    assert shown.scale.startswith("1.00 tok/s ·░▒▓█ 22.0 tok/s   fuller is better")


def test_a_plain_terminal_has_shades_too():
    shown = heat_map(square(), CURSOR, ASCII)
    assert texts(shown)[0] == [". 1.00", ". 2.00"]
    assert texts(shown)[2] == ["@ 21.0", "@ 22.0*"]
    assert all(character.isascii() for row in texts(shown) for text in row for character in text)
    assert len(SHADES) == len(PLAIN_SHADES) == len(set(PLAIN_SHADES))


def test_fuller_is_better_also_where_less_is():
    shown = heat_map(square(), CURSOR._replace(figure="ttft"), BRAILLE)
    assert [row[0][0] for row in texts(shown)] == ["·", "█", "█"], "the rate of the last rows is the highest"
    assert shown.scale.startswith("1.00 s ·░▒▓█ 45.5 ms")


def test_points_that_do_not_differ_are_all_in_the_middle():
    shown = heat_map(square(lambda _row, _column: 5), CURSOR, BRAILLE)
    assert {cell.level for row in shown.rows for cell in row.cells} == {len(SHADES) // 2}
    assert [text for row in texts(shown) for text in row] == ["▒ 5.00*", *["▒ 5.00~"] * 5]


def test_what_has_no_value_has_no_shade():
    state = grid_session(
        [({"a": 1, "b": 1}, [{"status": "queued"}]), ({"a": 2, "b": 1}, [None]), ({"a": 2, "b": 2}, [3])]
    )
    shown = heat_map(state, CURSOR, BRAILLE)
    assert texts(shown) == [["-", "-"], ["-", "▒ 3.00*"]]
    assert shown.lines[0] == "a=1, b=1: no value (0 runs, 1 to come)"
    lost = heat_map(state, CURSOR._replace(row=1), BRAILLE)
    assert lost.lines[0] == "a=2, b=1: no value (0 runs, 1 without a value: it was too short)"
    assert heat_map(state, CURSOR._replace(column=1), BRAILLE).lines[0] == "no job ran at this point"


def test_the_point_under_the_cursor_is_told_in_full():
    state = grid_session([({"temperature": 0}, [10, 12]), ({"temperature": 1}, [50, 52])])
    shown = heat_map(state, CURSOR._replace(row=1), BRAILLE)
    assert shown.lines[0] == "temperature=1: mean 51.0 tok/s, 95 % interval 38.3 to 63.7 (2 runs)"
    assert [cell.here for row in shown.rows for cell in row.cells] == [False, True]
    assert any("the best point: temperature=1" in line for line in shown.lines)


@pytest.mark.parametrize(
    ("cursor", "place"),
    [
        (CURSOR._replace(row=-1, column=-4), (0, 0)),
        (CURSOR._replace(row=9, column=9), (2, 1)),
        (CURSOR._replace(slice=5, surface=-3), (0, 0)),
    ],
)
def test_a_cursor_never_leaves_the_grid(cursor, place):
    shown = heat_map(square(), cursor, BRAILLE)
    assert (shown.cursor.row, shown.cursor.column) == place
    assert (shown.cursor.slice, shown.cursor.surface) == (0, 0)


def test_further_parameters_are_slices():
    state = grid_session(
        [
            ({"a": a, "b": b, "c": c, "d": d}, [a + 10 * c + 100 * d + 1])
            for a in (0, 1)
            for b in (0,)
            for c in (0, 1)
            for d in (0, 1)
        ]
    )
    slices = [heat_map(state, CURSOR._replace(slice=place), BRAILLE) for place in range(5)]
    assert [shown.title.partition(", ")[2] for shown in slices[:4]] == [
        f"slice {place} of 4: c={c}, d={d}" for place, (c, d) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1)), 1)
    ]
    assert slices[4] == slices[0]
    assert texts(slices[3]) == [["█ 111~"], ["█ 112*"]]
    assert texts(slices[0]) == [["· 1.00~"], ["· 2.00~"]]


def test_one_parameter_is_a_column():
    shown = heat_map(grid_session([({"seed": 1}, [1]), ({"seed": 2}, [2])]), CURSOR, BRAILLE)
    assert (shown.corner, shown.headings) == ("seed", ("",))
    assert texts(shown) == [["· 1.00~"], ["█ 2.00*"]]


def test_several_grids_are_gone_through():
    state = grid_session([({"seed": 1}, [1])])
    other = grid_session([({"seed": 1}, [7])], model="n")
    for job in other.jobs.values():
        job.id = f"o{job.id}"
        job.requests = [f"o{name}" for name in job.requests]
        state.jobs[job.id] = job
    state.requests.update({f"o{name}": request for name, request in other.requests.items()})
    titles = [heat_map(state, CURSOR._replace(surface=place), BRAILLE).title for place in (0, 1, 2)]
    assert titles == ["ask on m: decode in tok/s, grid 1 of 2", "ask on n: decode in tok/s, grid 2 of 2", titles[0]]


def test_figures_without_a_value_are_passed_over():
    state = square()
    seen = [CURSOR]
    while (cursor := next_figure(state, seen[-1])) != CURSOR:
        seen.append(cursor)
    assert [cursor.figure for cursor in seen] == ["decode_rate", "prefill_rate", "ttft", "e2e"]
    assert next_figure(SessionState(), CURSOR) == CURSOR


def test_a_session_without_a_grid_says_what_to_do():
    shown = heat_map(SessionState(), CURSOR, BRAILLE)
    assert shown.rows == ()
    assert "give its suite one" in shown.lines[0]


def test_nothing_in_a_value_acts_on_the_terminal():
    state = grid_session([({"stop": "\x1b[2J", "topic": "a\nb"}, [1])], workload="w\x1b[31m")
    shown = heat_map(state, CURSOR, BRAILLE)
    drawn = [shown.title, shown.corner, *shown.headings, *shown.lines, *(row.label for row in shown.rows)]
    assert all(text.isprintable() for text in drawn)
