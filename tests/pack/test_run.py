"""Notebooks in kernels, forked warm and started cold: what they leave, what stops them, and that none sees another."""

import gc
import sys
from functools import partial
from pathlib import Path

import nbformat
import pytest

from helpers.pack import run
from helpers.pack.run import Job, Kernels
from helpers.pack.warm_kernels import warm_process
from tests.pack.projects import wait_for

pytestmark = pytest.mark.whole

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux alone")


@pytest.fixture(params=[pytest.param("warm", marks=ON_LINUX), "cold"])
def kernels(request, warm):
    with Kernels(2, warm if request.param == "warm" else None) as found:
        yield found
    gc.collect()


@pytest.fixture
def outcome(kernels, tmp_path):
    """Runs notebooks of one cell each; what came of them, in order."""

    return partial(run_cells, kernels, tmp_path)


def run_cells(kernels, folder, *sources):
    jobs = [Job(f"n{i}", folder / f"{i}.ipynb", folder / f"{i}.out.ipynb", {}) for i in range(len(sources))]
    for job, source in zip(jobs, sources, strict=True):
        nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), job.notebook)
    return kernels.run(jobs, folder / "prepared", finished=lambda executed: None)


def printed(executed):
    assert executed.failure is None
    return "".join(output["text"] for output in executed.notebook.cells[-1].outputs if output.get("name") == "stdout")


def test_a_notebook_finds_its_data_and_the_files_beside_it(outcome):
    (done,) = outcome(
        "import os, sys; print(os.environ['KPI_REVIEW_PREPARED'], __name__, sys.path.count(''), os.getcwd())"
    )
    prepared, name, count, folder = printed(done).split()
    assert prepared.endswith("/prepared")
    assert (name, count, folder) == ("__main__", "1", str(Path.cwd()))


@pytest.fixture
def own_settings(tmp_path, monkeypatch):
    """A person's settings of IPython, with a file that every kernel of theirs runs first."""
    folder = tmp_path / "ipython"
    startup = folder / "profile_default/startup"
    startup.mkdir(parents=True)
    (startup / "first.py").write_text("figure = 42", encoding="utf-8")
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    return folder


def test_what_a_person_set_up_for_jupyterlab_is_not_there(own_settings, outcome):
    (done,) = outcome("print('figure' in globals())")
    assert printed(done) == "False\n"
    assert not list(own_settings.rglob("history.sqlite"))


def test_what_one_notebook_does_no_other_sees(outcome):
    spoil = "import random, numpy, pandas; pandas.kit_was_here = True; print(numpy.random.random(), random.random())"
    done = outcome(spoil, spoil.replace("pandas.kit_was_here = True", "assert not hasattr(pandas, 'kit_was_here')"))
    assert printed(done[0]) != printed(done[1])


def test_programs_that_a_notebook_starts_print_into_it(outcome, kernels):
    del kernels._environment["PYTEST_CURRENT_TEST"]  # with it, a kernel leaves the prints of others alone
    started = "import subprocess, sys, time; subprocess.run([sys.executable, '-c', 'print(6 * 7)'], check=True)"
    (done,) = outcome(f"{started}; time.sleep(0.5)")  # the kernel reads what they print in a thread of its own
    assert printed(done) == "42\n"


def test_a_kernel_that_dies_is_told_and_stops_no_other(outcome):
    dead, alive = outcome("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "print('alive')")
    assert str(dead.failure) == "the notebook stopped: the kernel died, most likely for lack of memory"
    assert printed(alive) == "alive\n"


def test_an_error_is_told_with_its_cell(outcome):
    (done,) = outcome("figures = {}\nfigures['nrr']")
    assert str(done.failure) == "cell [1] (figures = {}) stopped: there is no 'nrr' (KeyError)"


def test_a_kernel_that_does_not_start_in_time_is_told(outcome, monkeypatch):
    monkeypatch.setattr(run, "START_TIMEOUT", 1)
    monkeypatch.setattr("jupyter_client.manager.KernelManager.format_kernel_cmd", lambda *_, **__: ["sleep", "60"])
    (done,) = outcome("print('never')")
    assert str(done.failure) == "the notebook stopped: the kernel did not start: Kernel didn't respond in 1 seconds"


@ON_LINUX
def test_where_nothing_can_be_forked_kernels_start_as_ever(tmp_path):
    with warm_process() as ended:
        pass
    with Kernels(1, ended) as kernels:
        (done,) = run_cells(kernels, tmp_path, "print('started')")
    assert printed(done) == "started\n"


@ON_LINUX
def test_a_kernel_ends_with_the_process_that_it_was_forked_from(tmp_path):
    with warm_process() as warm, Kernels(1, warm) as kernels:
        connection = tmp_path / "connection.json"
        connection.write_text('{"transport": "ipc", "ip": "%s"}' % (tmp_path / "k"))
        forked = warm.fork(str(connection), kernels._environment)
        wait_for(lambda: list(tmp_path.glob("k-*")))  # it listens
        assert forked.poll() is None
    wait_for(lambda: forked.poll() is not None)
