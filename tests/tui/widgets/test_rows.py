from textual.app import App

from llmtui.tui.widgets.rows import Column, Row, Rows

COLUMNS = (Column("name"), Column("count", number=True))


class RowsApp(App):
    chosen = None

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def compose(self):
        yield Rows(COLUMNS, empty="nothing here", **self.options)

    def on_rows_chosen(self, event):
        self.chosen = event.key


def shown(rows):
    return [rows.render_line(y).text.rstrip() for y in range(rows.size.height)]


def some(count):
    return [Row(f"k{n}", (f"row {n}", str(n * 10))) for n in range(count)]


async def test_headings_and_numbers_line_up():
    async with RowsApp().run_test(size=(30, 5)) as pilot:
        rows = pilot.app.query_one(Rows)
        assert shown(rows)[0] == "nothing here"
        rows.show(some(2))
        assert shown(rows)[:3] == [" name   count", " row 0      0", " row 1     10"]


async def test_the_cursor_stays_on_its_row_and_in_view():
    async with RowsApp().run_test(size=(30, 4)) as pilot:
        rows = pilot.app.query_one(Rows)
        rows.show(some(10))
        rows.place_cursor(7)
        assert any("row 7" in line for line in shown(rows))
        rows.show([Row("new", ("first", "0")), *some(10)])
        assert rows.cursor_key == "k7"
        rows.show(some(3))
        assert rows.cursor_key == "k2"
        rows.show([])
        assert rows.cursor_key is None


async def test_what_does_not_fit_is_reached_sideways():
    async with RowsApp(more=">").run_test(size=(10, 4)) as pilot:
        rows = pilot.app.query_one(Rows)
        rows.show([Row("a", ("a very long name indeed", "123456"))])
        await pilot.pause()
        assert shown(rows)[0].endswith(">")
        for _ in range(9):
            rows.move_sideways(1)
        assert shown(rows)[1].endswith("123456")
        assert not shown(rows)[0].endswith(">")


async def test_selected_rows_are_marked_and_forgotten_with_their_rows():
    async with RowsApp().run_test(size=(30, 6)) as pilot:
        rows = pilot.app.query_one(Rows)
        rows.show(some(3))
        rows.place_cursor(1)
        rows.toggle_selected()
        assert shown(rows)[2].startswith("*row 1")
        assert rows.chosen_keys() == ["k1"]
        rows.place_cursor(2)
        rows.toggle_selected()
        assert rows.chosen_keys() == ["k1", "k2"]
        rows.show(some(1))
        assert rows.chosen_keys() == ["k0"]


async def test_a_list_that_follows_keeps_to_its_end():
    async with RowsApp(follow=True).run_test(size=(30, 4)) as pilot:
        rows = pilot.app.query_one(Rows)
        rows.show(some(5))
        assert rows.cursor_key == "k4"
        rows.place_cursor(2)
        rows.show(some(9))
        assert rows.cursor_key == "k2"


async def test_only_the_row_that_changed_is_drawn_again():
    async with RowsApp().run_test(size=(30, 8)) as pilot:
        rows = pilot.app.query_one(Rows)
        rows.show(some(5))
        await pilot.pause()
        drawn = []
        rows.refresh = lambda *regions, **_options: drawn.append(regions)
        rows.show(some(5))
        assert drawn == []
        changed = some(5)
        changed[3] = Row("k3", ("row x", "31"))
        rows.show(changed)
        assert [region.y for (region,) in drawn] == [4]


async def test_rows_that_went_out_of_view_are_drawn_again_where_there_is_room():
    async with RowsApp(headings=False).run_test(size=(30, 2)) as pilot:
        rows = pilot.app.query_one(Rows)
        rows.show(some(6))
        rows.place_cursor(4)
        assert shown(rows)[0].split() == ["row", "3", "30"]
        await pilot.resize_terminal(30, 8)
        await pilot.pause()
        drawn = [strip.text.split() for strip in pilot.app.screen._compositor.render_strips()]
        assert drawn[0] == ["row", "0", "0"]
        assert drawn[5] == ["row", "5", "50"]
