"""The graph widget: fixed, labelled axes; drawn anew only when its data changed."""

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from llmtui.tui.glyphs import Glyphs
from llmtui.tui.widgets.graph_lines import GraphData, GraphRow, graph_rows, missing_lines


class Graph(Widget):
    """One figure over time. Its CSS height decides how much of it is shown, from a sparkline to a chart with axes."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "graph--title",
        "graph--value",
        "graph--axis",
        "graph--line",
        "graph--missing",
    }
    DEFAULT_CSS = """
    Graph {
        height: 1fr;
        min-height: 1;
        & .graph--title { color: $foreground; }
        & .graph--value { color: $foreground; text-style: bold; }
        & .graph--axis { color: $foreground-muted; }
        & .graph--line { color: $primary; }
        & .graph--missing { color: $foreground-muted; }
        &.-missing { height: auto; }
        &.-warning .graph--value { color: $warning; }
        &.-critical .graph--value { color: $error; }
    }
    """

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._glyphs = glyphs
        self._data: GraphData | None = None
        self._strips: list[Strip] | None = None

    @property
    def data(self) -> GraphData | None:
        """What is shown."""
        return self._data

    def show(self, data: GraphData) -> None:
        """Show `data`; the same data again costs nothing."""
        if data == self._data:
            return
        self.set_class(data.missing is not None, "-missing")
        self.set_class(data.level == "warn", "-warning")
        self.set_class(data.level == "bad", "-critical")
        self.refresh(layout=data.missing is not None)
        self._data = data
        self._strips = None

    def notify_style_update(self) -> None:
        """Draw anew after a change of theme."""
        self._strips = None
        super().notify_style_update()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's
        """Return the rows that a missing figure's reason takes; a graph takes what it is given."""
        if self._data is None or self._data.missing is None:
            return 1
        return len(missing_lines(self._data, width))

    def render_line(self, y: int) -> Strip:
        """Return row `y`, from the strips that were made for the present data and size."""
        width, height = self.size
        if self._strips is None or len(self._strips) != height or self._strips[0].cell_length != width:
            self._strips = self._make_strips(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width, self.rich_style)

    def _make_strips(self, width: int, height: int) -> list[Strip]:
        if self._data is None:
            return [Strip.blank(width, self.rich_style) for _ in range(height)]
        rows = graph_rows(self._data, width, height, self._glyphs)
        head = self.get_component_rich_style("graph--missing" if self._data.missing is not None else "graph--title")
        styles = {name: self.get_component_rich_style(f"graph--{name}") for name in ("value", "axis", "line")}
        return [self._strip(row, place, width, head, styles) for place, row in enumerate(rows)]

    def _strip(self, row: GraphRow, place: int, width: int, head: Style, styles: dict[str, Style]) -> Strip:
        if self._data is not None and self._data.missing is not None:
            return Strip([Segment(row.drawing, head)]).adjust_cell_length(width, self.rich_style)
        if place == 0 and not row.label:
            room = width - len(row.right)
            return Strip([Segment(row.drawing.ljust(room), head), Segment(row.right, styles["value"])], width)
        if place == 0:
            return Strip([Segment(row.label, head), Segment(row.drawing, styles["line"])]).adjust_cell_length(width)
        is_axis = row.label.isspace() or not row.label
        style = styles["axis"] if is_axis else styles["line"]
        segments = [Segment(row.label, styles["axis"]), Segment(row.drawing, style)]
        return Strip(segments).adjust_cell_length(width, self.rich_style)
