"""A build that is stopped from outside: it takes away what it has begun, ends its kernels and leaves the draft."""

import signal
import subprocess
import time

import pytest

from tests.pack.projects import BUILD, REVIEW, wait_for

ENDLESS = "select 'a' as customer_id, 'n' as name, date '2020-01-01' as signed_up_on from range(100000000000) t(i) {}"
SLEEP = "import pathlib, time\npathlib.Path('{}/asleep-' + '{}').touch()\ntime.sleep(600)"


@pytest.fixture
def asleep(books):
    """Two themes whose notebooks never end."""
    (books.folder / "notebooks/new_revenue.ipynb").unlink()
    for theme in ("new_revenue", "recurring_revenue"):
        books.notebook(theme, SLEEP.format(books.folder, theme))
    books.write("params/review.yml", REVIEW.replace("{}", "{}, recurring_revenue: {}"))
    return books


def builds(books):
    return [path.name for path in (books.folder / "reports/.builds").glob("*")]


def asleep_in(books):
    return len(list(books.folder.glob("asleep-*"))) == 2


def ended(build, seconds=60):
    """What a build says, once it has ended; one that does not end is killed."""
    try:
        return build.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        build.kill()
        build.communicate()
        raise


def stopped(books, build, by):
    """What a build that is sent a signal says, once it has ended and left nothing behind."""
    link = books.folder / "reports/2026Q3"
    build.send_signal(by)
    out, err = ended(build)
    assert (build.returncode, out) == (1, "")
    assert builds(books) == [link.readlink().parts[1]]
    assert (link / "pack.html").read_text() == "the old pack"
    assert books.processes() == []
    return err


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_while_the_source_is_read(books, by):
    books.draft()
    books.source("  customers: " + ENDLESS.format("where hash(i) % 99999 = 4"))
    build = books.start(*BUILD)
    wait_for(lambda: len(builds(books)) == 2)
    time.sleep(1)
    assert stopped(books, build, by) == "interrupted\n"


@pytest.mark.slow
@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_while_notebooks_run(asleep, by):
    asleep.draft()
    build = asleep.start(*BUILD)
    wait_for(lambda: asleep_in(asleep))
    assert len(asleep.processes()) == 4  # the command, what kernels are forked from, and two of them
    assert stopped(asleep, build, by) == "2026Q3: prepare done\ninterrupted\n"


@pytest.mark.slow
@pytest.mark.parametrize("after", [0.0, 0.2, 0.4, 0.8, 1.2])
def test_stopped_while_kernels_start(asleep, after):
    asleep.draft()
    build = asleep.start(*BUILD)
    assert build.stderr.readline() == "2026Q3: prepare done\n"
    time.sleep(after)
    assert stopped(asleep, build, signal.SIGINT) == "interrupted\n"


@pytest.mark.slow
def test_no_other_period_is_begun_after_a_stop(books):
    books.draft()
    books.source("  customers: " + ENDLESS.format("where hash(i) % 99999 = 4"))
    build = books.start(*BUILD, "--period", "2026Q2")
    wait_for(lambda: len(builds(books)) == 2)
    time.sleep(1)
    assert stopped(books, build, signal.SIGINT) == "interrupted\n"


@pytest.mark.slow
def test_killed_builds_change_nothing_and_are_cleared_away_by_the_next(books, asleep):
    link = asleep.draft()
    earlier = link.readlink().parts[1]
    build = asleep.start(*BUILD)
    wait_for(lambda: asleep_in(asleep))
    build.kill()
    ended(build)
    assert (link / "pack.html").read_text() == "the old pack"
    [left] = set(builds(asleep)) - {earlier}
    wait_for(lambda: not asleep.processes())  # a kernel sees for itself that its build is gone
    asleep.notebook("new_revenue", "print('awake')")
    asleep.notebook("recurring_revenue", "print('awake')")
    assert asleep.run(*BUILD).status == 0
    assert "awake" in (link / "pack.html").read_text()
    assert left not in builds(asleep)
    assert set(builds(asleep)) == {earlier, link.readlink().parts[1]}


@pytest.mark.slow
def test_two_builds_of_one_period_at_a_time(asleep):
    asleep.draft()
    asleep.notebook("new_revenue", "print('awake')")
    asleep.notebook("recurring_revenue", "print('awake')")
    running = [asleep.start(*BUILD) for _ in range(2)]
    for build in running:
        out, err = ended(build, 120)
        assert build.returncode == 0, err
        assert out.startswith("reports/2026Q3/pack.html\nreports/2026Q3/pack.pdf\n")
    pack = asleep.folder / "reports/2026Q3"
    assert {"pack.html", "pack.pdf", "results.csv", "manifest.json"} <= {path.name for path in pack.iterdir()}
    assert pack.readlink().parts[1] in builds(asleep)
    assert asleep.processes() == []
