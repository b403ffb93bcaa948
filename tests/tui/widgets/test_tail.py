from textual.app import App

from llmtui.tui.widgets.tail import Tail


class TailApp(App):
    def compose(self):
        yield Tail()


def shown(tail):
    return [tail.render_line(y).text.rstrip() for y in range(tail.size.height)]


async def test_it_follows_the_end_until_the_reader_scrolls_up():
    async with TailApp().run_test(size=(20, 5)) as pilot:
        tail = pilot.app.query_one(Tail)
        tail.append("".join(f"line {n}\n" for n in range(20)), "answer")
        await pilot.pause()
        assert "line 19" in shown(tail)
        tail.scroll_lines(-3)
        before = shown(tail)[:4]
        tail.append("new one\nnew two\n", "answer")
        await pilot.pause()
        assert shown(tail)[:4] == before
        assert "2 new lines" in shown(tail)[-1]
        assert not tail.following
        tail.scroll_to_last()
        assert "new two" in shown(tail)
        assert tail.following


async def test_only_rows_that_changed_are_drawn_again():
    async with TailApp().run_test(size=(20, 10)) as pilot:
        tail = pilot.app.query_one(Tail)
        tail.append("one\ntwo\nthr", "answer")
        await pilot.pause()
        drawn = []
        tail.refresh = lambda *regions, **_options: drawn.append(regions)
        tail.append("ee", "answer")
        assert [(region.y, region.height) for (region,) in drawn] == [(2, 1)]


async def test_a_resize_wraps_anew():
    async with TailApp().run_test(size=(20, 5)) as pilot:
        tail = pilot.app.query_one(Tail)
        tail.append("the quick brown fox jumps", "answer")
        await pilot.resize_terminal(10, 5)
        await pilot.pause()
        assert shown(tail)[:3] == ["the quick", "brown fox", "jumps"]


async def test_markup_and_escapes_of_a_model_are_text():
    async with TailApp().run_test(size=(60, 5)) as pilot:
        tail = pilot.app.query_one(Tail)
        tail.append("[bold red]x[/] \x1b]0;evil\x07 \x00", "answer")
        await pilot.pause()
        assert shown(tail)[0] == "[bold red]x[/] ␛]0;evil␇ ␀"


async def test_the_reader_stays_where_he_is_when_the_top_is_forgotten():
    async with TailApp().run_test(size=(20, 5)) as pilot:
        tail = pilot.app.query_one(Tail)
        tail.append("".join(f"{n}\n" for n in range(4000)), "answer")
        tail.scroll_lines(-100)
        place = shown(tail)[0]
        tail.append("".join(f"{n}\n" for n in range(50)), "answer")
        await pilot.pause()
        assert shown(tail)[0] == place
        tail.append("".join(f"{n}\n" for n in range(4000)), "answer")
        await pilot.pause()
        assert shown(tail)[0] != ""
