"""What a command tells: plain text in a file, tables that fit on a terminal, and no escape sequence of the data."""

import io
import re

from helpers.display.shown_tables import print_report

TABLE = {
    "title": "Rows",
    "columns": [
        {"label": "Table", "align": "left"},
        {"label": "Why", "align": "left"},
        {"label": "Rows", "align": "right"},
    ],
    "rows": [["deals", "a reason of many words " * 8, "1,204"], ["users", "[bold]x[/bold]", "3"]],
    "values": [],
    "note": "A note.",
    "empty": "",
}
TOLD = [{"title": "Rows", "table": TABLE}, {"title": "Warnings", "sentences": ["Stale.", "Late."]}]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(out, told=TOLD):
    print_report(told, out)
    return re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())


def test_a_file_gets_one_aligned_line_per_row():
    lines = printed(io.StringIO()).splitlines()
    assert lines[:3] == ["", "Rows", f"Table  Why{' ' * 182}  Rows"]
    assert lines[4] == f"users  [bold]x[/bold]{' ' * 171}     3"
    assert lines[5:] == ["A note.", "", "Warnings", "- Stale.", "- Late."]


def test_a_terminal_gets_tables_that_fit(monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    wide = printed(Terminal())
    assert max(map(len, wide.splitlines())) <= 100
    monkeypatch.setenv("COLUMNS", "60")
    narrow = printed(Terminal())
    assert max(map(len, narrow.splitlines())) <= 60
    for text in (wide, narrow):
        assert "1,204" in text
        assert "[bold]x[/bold]" in text
        assert " ".join(text.split()).count("many") == 8


def test_numbers_that_have_no_room_stand_in_a_grid_below(monkeypatch):
    """Each is whole, and has the name of its row."""
    numbers = [f"{i},000,000" for i in range(1, 10)]
    columns = [{"label": f"c{i}", "align": "right"} for i in range(1, 10)]
    wide = {**TABLE, "columns": [{"label": "KPI", "align": "left"}, *columns], "rows": [["A name " * 6, *numbers]]}
    monkeypatch.setenv("COLUMNS", "60")
    text = printed(Terminal(), [{"title": "Wide", "table": wide}])
    assert max(map(len, text.splitlines())) <= 60
    assert [number for number in numbers if text.count(number) == 1] == numbers
    assert len([line for line in text.splitlines() if line.startswith(" KPI")]) == 3  # columns of 9 + 3 beside 24
    assert " ".join(text.split()).count("A name") > 4


def test_a_long_name_of_a_column_of_numbers_is_whole(monkeypatch):
    words = [f"word{i}" for i in range(20)]
    columns = [{"label": "KPI", "align": "left"}, {"label": " ".join(words), "align": "right"}]
    monkeypatch.setenv("COLUMNS", "60")
    text = printed(Terminal(), [{"title": "Long", "table": {**TABLE, "columns": columns, "rows": [["A", "1,204"]]}}])
    assert re.findall(r"word\d+", text) == words


def test_a_table_without_rows_is_its_sentence():
    told = [{"title": "Rows", "table": {**TABLE, "rows": [], "note": "", "empty": "No row was left out."}}]
    for out in (io.StringIO(), Terminal()):
        assert printed(out, told).split("\n") == ["", "Rows", "No row was left out.", ""]
