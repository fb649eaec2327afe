"""The command line: ``kpi-review``. Thin: what a command does is elsewhere, and imported when it runs."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.exceptions import TyperException

from helpers.errors import KitError, nearest, together
from helpers.progress import stoppable

if TYPE_CHECKING:
    from helpers.check import Checked
    from helpers.pack.order import Order
    from helpers.params import Review

NOTHING_DONE = 1
DONE_IN_PART = 2
INTERRUPTED = 130  # what Typer makes of Ctrl-C
REPEATED = ("--only", "--set")
REVIEW = Path("params/review.yml")

app = typer.Typer(
    help="The quarterly KPI review: notebooks run for a period and a source, rendered into one HTML and one PDF.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _commands() -> None:
    """Makes Typer treat even a single command as one of several."""


@app.command()
def build(
    periods: Annotated[
        list[str], typer.Option("--period", help="2026Q3, FY2027Q1, 2026-07 (month) or 2026-W39 (week); repeatable.")
    ],
    source: Annotated[Path, typer.Option(help="The source file: params/sources/sample.yml.")],
    review: Annotated[Path, typer.Option(help="The review file.")] = REVIEW,
    out: Annotated[Path, typer.Option(help="Where packs go; this one to OUT/PERIOD.")] = Path("reports"),
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Known through the end of that day; default: the period's last.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(metavar="THEME ...", help="Only these themes.")] = None,
    sets: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="THEME.NAME=VALUE ...", help="A parameter, or rules.NAME=VALUE."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Notebooks run at a time.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="No effect yet: every build runs every theme anew.")] = False,
    no_warm: Annotated[bool, typer.Option("--no-warm", help="No effect yet: every kernel is started cold.")] = False,
) -> int:
    """Build the pack of one or more periods."""
    orders = _orders(_Asked(tuple(dict.fromkeys(periods)), source, review, as_of, tuple(only or ()), tuple(sets or ())))
    _tell(*_notices(orders, as_of))
    statuses = [_build(order, out, jobs) for order in orders]
    return statuses[0] if len(set(statuses)) == 1 else DONE_IN_PART


@app.command()
def check(
    periods: Annotated[list[str], typer.Option("--period", help="2026Q3, FY2027Q1, 2026-07 or 2026-W39; one.")],
    source: Annotated[Path, typer.Option(help="The source file: params/sources/sample.yml.")],
    review: Annotated[Path, typer.Option(help="The review file.")] = REVIEW,
    as_of: Annotated[
        str | None, typer.Option(metavar="DATE", help="Known through the end of that day; default: the period's last.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page too.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 where there are warnings.")] = False,
) -> int:
    """Tell what is wrong before a build, what the data holds, and which KPIs it is enough for."""
    from helpers.check import check_order
    from helpers.progress import steps

    if len(periods) > 1:
        raise KitError(f"--period is given {len(periods)} times; a check is of one period")
    if html and not html.parent.is_dir():
        raise KitError(f"--html {html}: {html.parent} is not a folder; make it first")
    orders = _orders(_Asked(tuple(periods), source, review, as_of, (), ()))
    with steps(orders[0].period.label, 2) as done:
        found = check_order(orders[0], done, _notices(orders, as_of))
    _report(found, orders[0], html)
    if found.faults:
        _tell(f"faults told in the report: {len(found.faults)}; mend them and check again")
        return NOTHING_DONE
    more = [*(["--review", str(review)] if review != REVIEW else []), *(["--as-of", as_of] if as_of else [])]
    words = ["kpi-review", "build", "--period", periods[0], "--source", str(source), *more]
    print(f"\nNext: {shlex.join(words)}")
    return DONE_IN_PART if strict and found.warnings else 0


def _report(found: Checked, order: Order, html: Path | None) -> None:
    """Print what a check found, and write it as a page where one is asked for."""
    from helpers.display.tables import print_report
    from helpers.pack.pages import as_known
    from helpers.texts import printable

    title, subtitle = f"{order.source.name}, {order.period.label}", as_known(order.period, order.review.brand.locale)
    told = printable(found.told())
    print(*printable([title, subtitle]), sep="\n")
    print_report(told)
    if html:
        from helpers.pack.html import render_report

        html.write_text(render_report(title, subtitle, told, colour=order.review.brand.colour), encoding="utf-8")
        print(f"\n{html}")


def _notices(orders: list[Order], as_of: str | None) -> list[str]:
    """What the files and the calendar alone give reason to tell."""
    from helpers.params import unused_sections
    from helpers.review import unread_rules

    running = [order.period.label for order in orders if order.period.end_at > datetime.now(UTC) and as_of is None]
    return [
        *unused_sections(orders[0].review),
        *unread_rules(orders[0].review),
        *(f"{label} is not over; --as-of DATE compares it with the same days of others" for label in running),
    ]


def _build(order: Order, out: Path, workers: int) -> int:
    """Build one pack, tell what came of it, and return the exit status."""
    from helpers.pack.build import build_pack
    from helpers.progress import steps, warnings_told

    label = order.period.label
    try:
        with stoppable(), warnings_told(label), steps(label, len(order.parameters) + 2) as done:
            built = build_pack(order, out=out, workers=workers, say=done)
    except KitError as error:
        _tell(*(f"{label}: {fault}" for fault in error.faults))
        return NOTHING_DONE
    _tell(*(f"{label}: section {theme} failed: {failure}" for theme, failure in built.failed.items()))
    print(*(built.folder / name for name in ("pack.html", "pack.pdf", "figures.xlsx")), sep="\n")
    return built.exit_status


@app.command("new-source")
def new_source(
    tools: Annotated[str, typer.Argument(metavar="TOOLS", help="Such as stripe+hubspot; the first goes before.")],
    connect: Annotated[str, typer.Option(metavar="URL", help="postgres://…, any Ibis URL, or duckdb:// with --files.")],
    files: Annotated[Path | None, typer.Option(metavar="FOLDER", help="A folder of their exports as files.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: params/sources/TOOLS.yml.")] = None,
    timezone: Annotated[str, typer.Option(help="Where a day begins, such as Europe/Berlin.")] = "UTC",
    currency: Annotated[str | None, typer.Option(help="Of amounts that carry none, such as EUR.")] = None,
) -> None:
    """Write a source file with ready queries for tools: Stripe, HubSpot, Salesforce, Zendesk, Jira, Segment."""
    from helpers.data.new_source import Place, suggested_period, write_source

    found = write_source(tools, Place(connect, files, timezone, currency), out)
    period = suggested_period(REVIEW, timezone, datetime.now(UTC))
    print(found.path)
    for table, tool in found.tables.items():
        print(f"  {table} from {tool}")
    _tell(*(f"not provided: {reason}" for reason in found.lacking.values()))
    command = shlex.join(["kpi-review", "check", "--period", period, "--source", str(found.path)])
    print(f"\nNext: read the lines that say choose; then {command}")


@app.command()
def sample(
    out: Annotated[Path, typer.Option(help="The folder to write; made if it is not there.")],
    customers: Annotated[int, typer.Option(help="How many customers have ever signed.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed is another company.")] = 2026,
) -> None:
    """Write the made-up company as Parquet files."""
    from helpers.data.sample import write_sample

    for table, rows in write_sample(out, customers=customers, seed=seed).items():
        print(f"{out / table}.parquet: {rows} rows")


def main(arguments: list[str] | None = None) -> None:
    """The console script: exit status 0 done, 2 done in part, 1 nothing done, with a message that says why."""
    found = sys.argv[1:] if arguments is None else arguments
    try:
        with stoppable():
            status = app(args=_one_value_each(found), prog_name="kpi-review", standalone_mode=False)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except TyperException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", "kpi-review")
        message = error.format_message()
        _tell(*([f"{where}: {message} (see {where} --help)"] if message else []))
        status = NOTHING_DONE
    except KitError as error:
        _tell(*error.faults)
        status = NOTHING_DONE
    except OSError as error:
        _tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        status = NOTHING_DONE
    if status == INTERRUPTED:
        _tell("interrupted")
        status = NOTHING_DONE
    sys.exit(status or 0)


@dataclass(frozen=True)
class _Asked:
    """What the command line asks to be built."""

    periods: tuple[str, ...]
    source: Path
    review: Path
    as_of: str | None
    only: tuple[str, ...]
    sets: tuple[str, ...]


def _orders(asked: _Asked) -> list[Order]:
    """One order per period, everything about them checked; the faults of all files are told together."""
    from helpers.notebook_parameters import check_themes, parameters_of_all, resolve
    from helpers.pack.order import Order
    from helpers.params import load_review, load_source, project_root

    root = project_root()
    source, whole, _ = together(
        lambda: load_source(asked.source),
        lambda: load_review(asked.review),
        lambda: check_themes(asked.review, root / "notebooks"),
    )
    calendar, last_day = whole.calendar(source), _day(asked.as_of)
    review, _, *periods = together(
        lambda: _only(whole, asked.only),
        lambda: whole.reporting_currency(source),
        *(partial(calendar.period, label, last_day) for label in asked.periods),
    )
    orders, others = [], parameters_of_all(whole, root / "notebooks")
    for period in periods:
        given = {
            "period": period.label,
            "source": _from(root, asked.source),
            "review": _from(root, asked.review),
            "as_of": period.known_until.isoformat(),
        }
        resolved = resolve(review, root / "notebooks", given, asked.sets)
        orders.append(Order(period, source, resolved.review, resolved.parameters, root, others))
    return orders


def _only(review: Review, themes: tuple[str, ...]) -> Review:
    """The review with these of its themes, in its own order; with all of them where none is named."""
    if unknown := [theme for theme in themes if theme not in review.themes]:
        raise KitError(
            *(f"--only {theme}: not a theme of this review{nearest(theme, review.themes)}" for theme in unknown)
        )
    kept = {theme: given for theme, given in review.themes.items() if not themes or theme in themes}
    return review.model_copy(update={"themes": kept})


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise KitError(f"--as-of {text}: must be a day such as 2026-09-30") from None


def _from(root: Path, path: Path) -> str:
    """A path as notebooks are given it: from the project's folder, where it lies in it."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow the user's own links
    return str(absolute.relative_to(root)) if absolute.is_relative_to(root) else str(absolute)


def _one_value_each(arguments: list[str]) -> list[str]:
    """``--only a b`` as ``--only a --only b``: options that take several values, in the form Typer reads.

    >>> _one_value_each(["build", "--only", "a", "b", "--jobs", "2"])
    ['build', '--only', 'a', '--only', 'b', '--jobs', '2']
    """
    found: list[str] = []
    option = ""
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in REPEATED else ""
        elif option and found[-1] != option:
            found.append(option)
        found.append(argument)
    return found


def _tell(*lines: str) -> None:
    for line in lines:
        print(line, file=sys.stderr)
