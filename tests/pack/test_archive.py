"""Where builds work: which folders stay, and which go."""

import pytest

from helpers.errors import KitError
from helpers.pack.archive import make_visible, new_build


def finished(out, content="pages"):
    with new_build(out, "2026Q3") as folder:
        (folder / "pack").mkdir()
        (folder / "pack/pack.html").write_text(content)
        make_visible(folder, out, "2026Q3")
    return folder


def builds(out):
    return set((out / ".builds").iterdir())


def test_the_draft_and_the_one_before_it_are_kept(tmp_path):
    first, second, third = (finished(tmp_path, content) for content in ("1", "2", "3"))
    assert (tmp_path / "2026Q3/pack.html").read_text() == "3"
    assert builds(tmp_path) == {second, third}
    assert not first.exists()


def test_a_build_that_fails_leaves_nothing(tmp_path):
    kept = finished(tmp_path)
    with pytest.raises(ZeroDivisionError), new_build(tmp_path, "2026Q3"):
        1 / 0  # noqa: B018 - any error
    assert builds(tmp_path) == {kept}
    assert (tmp_path / "2026Q3").resolve() == kept / "pack"


def test_a_build_at_work_stays_and_one_that_was_killed_goes(tmp_path):
    killed = tmp_path / ".builds/2026Q3-20260101T000000000000"
    killed.mkdir(parents=True)
    (killed / "at-work").touch()
    with new_build(tmp_path, "2026Q3") as at_work:
        first, second = finished(tmp_path), finished(tmp_path)
        assert builds(tmp_path) == {at_work, first, second}


def test_the_slower_of_two_builds_removes_nothing_that_is_read(tmp_path):
    with new_build(tmp_path, "2026Q3") as slower:
        faster = finished(tmp_path, "faster")
        (slower / "pack").mkdir()
        (slower / "pack/pack.html").write_text("slower")
        make_visible(slower, tmp_path, "2026Q3")
    assert (tmp_path / "2026Q3/pack.html").read_text() == "slower"
    assert builds(tmp_path) == {slower, faster}


def test_a_stop_after_the_draft_is_changed_does_not_take_its_pack_away(tmp_path):
    def stopped_late():
        with new_build(tmp_path, "2026Q3") as folder:
            (folder / "pack").mkdir()
            make_visible(folder, tmp_path, "2026Q3")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped_late()
    [folder] = builds(tmp_path)
    assert (tmp_path / "2026Q3").resolve() == folder / "pack"
    assert (folder / "pack").exists()


def test_builds_of_other_periods_are_not_touched(tmp_path):
    other = tmp_path / ".builds/2026Q2-20260101T000000000000"
    other.mkdir(parents=True)
    finished(tmp_path), finished(tmp_path), finished(tmp_path)
    assert other.exists()


def test_an_error_of_reading_elsewhere_is_not_told_as_one_of_writing(tmp_path):
    with pytest.raises(FileNotFoundError), new_build(tmp_path / "out", "2026Q3"):
        (tmp_path / "nothing").read_text()
    with pytest.raises(KitError, match="out cannot be written: No such file"), new_build(tmp_path / "out", "2026Q3"):
        (tmp_path / "out/nothing").read_text()
