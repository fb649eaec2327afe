"""A card is worked on while its notebook is open: what is changed in a file shows when the cells are run again."""

import time

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

CARD = "helpers/kpis/inactive_customers/cards.py"
QUERY = "helpers/kpis/inactive_customers/inactive_customers.sql"


@pytest.fixture
def cells(kit, environment):
    """Runs cells of the notebook by their ids, in one kernel that is never started again."""
    notebook = nbformat.read(kit / "notebooks/inactive_customers.ipynb", as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells if cell.cell_type == "code"}
    manager, client = start_new_kernel(cwd=kit / "notebooks", env=environment)

    def run(*names):
        found = []
        for source in [sources.get(name, name) for name in names]:
            answer = client.execute_interactive(source, output_hook=found.append, timeout=120)
            assert answer["content"]["status"] == "ok", answer["content"]["evalue"]
        return [
            message["content"]["data"]["text/plain"] for message in found if message["msg_type"] == "execute_result"
        ]

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def change(file, old, new):
    """A change that a second's resolution of file times cannot hide."""
    text = file.read_text()
    assert text.count(old) == 1
    time.sleep(1.1)
    file.write_text(text.replace(old, new))


@pytest.mark.slow
def test_a_changed_card_and_a_changed_query_show_without_a_restart(kit, cells):
    """Active is who is asked and not silent. A query is read by the cell that opens the review."""
    shown = 'int(results.now("inactive_customers")["value"])'
    *_, asked, silent = cells(
        "%load_ext autoreload\n%autoreload 2", "parameters", "open", "results",
        'int(results.now("inactive_rate")["denominator"])', shown,
    )  # fmt: skip
    assert 2 * int(silent) != int(asked)

    change(
        kit / CARD, 'rows.add("inactive_customers", answer, inactive,', 'rows.add("inactive_customers", answer, 1000,'
    )
    assert cells("results", shown)[-1] == "1000"

    change(
        kit / CARD, 'rows.add("inactive_customers", answer, 1000,', 'rows.add("inactive_customers", answer, inactive,'
    )
    change(kit / QUERY, "(state = 'silent') as inactive_customers", "(state = 'active') as inactive_customers")
    assert int(cells("open", "results", shown)[-1]) == int(asked) - int(silent)
