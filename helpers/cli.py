"""The command line: ``kpi-review``. Thin: what a command does is elsewhere, and imported when it runs."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.exceptions import TyperException

from helpers.errors import KitError, together
from helpers.progress import stoppable

if TYPE_CHECKING:
    from helpers.experiments import Backtest
    from helpers.mail.recipients import Recipients
    from helpers.notebook_parameters import ThemeParameters
    from helpers.pack.request import BuildRequest
    from helpers.pack.run import Kernels
    from helpers.params import Review

NOTHING_DONE = 1
DONE_IN_PART = 2
INTERRUPTED = 130  # what Typer makes of Ctrl-C
DISK_FULL = [os.strerror(code) for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)]
JOBS = 3  # on two processors: a third notebook works while another starts or waits
REPEATED = ("--only", "--set")
REVIEW = Path("params/review.yml")
RECIPIENTS = Path("params/recipients.yml")
REPORTS = Path("reports")

SourceFile = Annotated[Path, typer.Option("--source", help="The source file: params/sources/sample.yml.")]
ReviewFile = Annotated[Path, typer.Option("--review", help="The review file.")]
AsOf = Annotated[
    str | None, typer.Option(metavar="DATE", help="Known through the end of that day; default: the period's last.")
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="THEME.NAME=VALUE ...", help="A parameter, or rules.NAME=VALUE.")
]
OnePeriod = Annotated[list[str], typer.Option("--period", help="2026Q3, FY2027Q1, 2026-07 or 2026-W39; one.")]
Jobs = Annotated[int, typer.Option(min=1, help="Notebooks run at a time.")]
Packs = Annotated[Path, typer.Option(help="Where packs are.")]

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
    source: SourceFile,
    review: ReviewFile = REVIEW,
    out: Annotated[Path, typer.Option(help="Where packs go; this one to OUT/PERIOD.")] = REPORTS,
    as_of: AsOf = None,
    only: Annotated[list[str] | None, typer.Option(metavar="THEME ...", help="Only these themes.")] = None,
    sets: Sets = None,
    jobs: Jobs = JOBS,
    deck: Annotated[bool, typer.Option("--deck", help="Slides for the meeting too, pack.pptx.")] = False,
) -> int:
    """Build the pack of one or more periods."""
    from helpers.pack.run import Kernels
    from helpers.pack.warm_kernels import warm_process

    with warm_process() as warm, Kernels(jobs, warm) as kernels:  # the imports of the one go on while files are read
        orders, notices = _orders(periods, source, review, as_of, only or [], sets or [])
        _tell(*notices)
        statuses = [_build(replace(order, deck=deck), out, kernels) for order in orders]
    return statuses[0] if len(set(statuses)) == 1 else DONE_IN_PART


@app.command()
def check(
    periods: OnePeriod,
    source: SourceFile,
    review: ReviewFile = REVIEW,
    out: Annotated[Path, typer.Option(help="Where packs go, and the published ones are.")] = REPORTS,
    as_of: AsOf = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page too.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 where there are warnings.")] = False,
) -> int:
    """Tell what is wrong before a build, what the data holds, and which KPIs it is enough for."""
    from helpers.check import check_order
    from helpers.language import speaking
    from helpers.progress import steps

    _one_page(periods, html, "check")
    (order,), notices = _orders(periods, source, review, as_of)
    with speaking("en", locale=order.review.brand.locale):
        with steps(order.period.label, 2) as done:
            found = check_order(order, done, notices, published=out / "published")
        _report(found.told(), order, html)
    if found.faults:
        _tell(f"faults told in the report: {len(found.faults)}; mend them and check again")
        return NOTHING_DONE
    given = {"--review": review != REVIEW and review, "--out": out != REPORTS and out, "--as-of": as_of}
    more = [word for option, value in given.items() if value for word in (option, str(value))]
    words = ["kpi-review", "build", "--period", periods[0], "--source", str(source), *more]
    print(f"\nNext: {shlex.join(words)}")
    return DONE_IN_PART if strict and found.warnings else 0


@app.command()
def sweep(
    theme: Annotated[str, typer.Argument(metavar="THEME", help="Such as inactive_customers.")],
    tried: Annotated[
        list[str], typer.Option("-p", metavar="NAME=V1,V2", help="A parameter or a rule; two of them make a grid.")
    ],
    periods: OnePeriod,
    source: SourceFile,
    review: ReviewFile = REVIEW,
    as_of: AsOf = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as one HTML page too.")] = None,
    backtest: Annotated[
        str | None, typer.Option(metavar="churn|renewal", help="Tell how well each leads it, quarters back.")
    ] = None,
    save: Annotated[
        str | None, typer.Option(metavar="EXPERIMENT", help="Keep the best as a plan that later quarters test.")
    ] = None,
) -> int:
    """Tell a theme's KPIs under several values of a parameter, side by side."""
    from helpers.language import speaking
    from helpers.params import project_root
    from helpers.progress import steps
    from helpers.sweep import axis_of, read_tried, sweep_theme
    from helpers.sweep_backtests import backtest_sweep, place_of, scores_of, target_of

    (orders, _), given, _, target, file = together(
        lambda: _orders(periods[:1], source, review, as_of),
        lambda: read_tried(theme, tried, project_root() / "notebooks"),
        lambda: _one_page(periods, html, "sweep"),
        lambda: target_of(backtest) if backtest else None,
        lambda: place_of(save, project_root() / review, backtest) if save else None,
    )
    (order,) = orders
    axes = [axis_of(order, theme, each) for each in given]
    scores = scores_of(axes) if target else []
    variants = prod(len(axis.values) for axis in axes)
    with speaking("en", locale=order.review.brand.locale):
        with steps(order.period.label, 1 + variants * (2 if target else 1)) as done:
            found = sweep_theme(order, theme, axes, done)
            led = backtest_sweep(found, scores, target, done) if target else None
        told = found.page() if html else found.told()
        _report([*told, *((led.page() if html else led.told()) if led else [])], order, html)
    if led and file:
        _keep(file, led.experiment(theme, date.today()))
    return 0 if found.is_whole else DONE_IN_PART


def _keep(file: Path, experiment: tuple[Backtest, str]) -> None:
    """Write an experiment that a sweep found."""
    from helpers.strict_yaml import shown

    plan, text = experiment
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(f"\n{shown(file)}: {plan.hypothesis}; the test begins with {plan.test_from}")


def _one_page(periods: Sequence[str], html: Path | None, command: str) -> None:
    """What a command that tells of one period, and may write a page, asks of its options."""
    if len(periods) > 1:
        raise KitError(f"--period is given {len(periods)} times; a {command} is of one period")
    if html and not html.parent.is_dir():
        raise KitError(f"--html {html}: {html.parent} is not a folder; make it first")


def _report(told: Sequence[Mapping[str, Any]], order: BuildRequest, html: Path | None) -> None:
    """Print what a command found, and write it as a page where one is asked for."""
    from helpers.display.shown_tables import print_report
    from helpers.pack.pages import as_known
    from helpers.texts import printable

    title, subtitle = f"{order.source.name}, {order.period.label}", as_known(order.period)
    told = printable(told)
    print(*printable([title, subtitle]), sep="\n")
    print_report(told)
    if html:
        from helpers.pack.render import render_report

        html.write_text(render_report(title, subtitle, told, colour=order.review.brand.colour), encoding="utf-8")
        print(f"\n{html}")


def _build(order: BuildRequest, out: Path, kernels: Kernels) -> int:
    """Build one pack, tell what came of it, and return the exit status."""
    from helpers.pack.audiences import sections_of
    from helpers.pack.build import build_pack
    from helpers.progress import steps, warnings_told

    label, notebooks = order.period.label, len(order.parameters) + sections_of(order)
    try:
        with stoppable(), warnings_told(label), steps(label, notebooks + 2) as done:
            built = build_pack(order, out=out, kernels=kernels, say=done)
    except KitError as error:
        _tell(*(f"{label}: {fault}" for fault in error.faults))
        return NOTHING_DONE
    _tell(*(f"{label}: section {theme} failed: {failure}" for theme, failure in built.failed.items()))
    files = ["pack.html", "pack.pdf", "figures.xlsx", *(["pack.pptx"] if order.deck else [])]
    print(*(built.folder / name for name in files), sep="\n")
    return built.exit_status


@app.command()
def publish(
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="Whose draft: 2026Q3.")],
    partial: Annotated[
        str, typer.Option(metavar="REASON", help="Publish it although something is missing; it says so.")
    ] = "",
    correct: Annotated[
        str, typer.Option(metavar="REASON", help="Publish the version that corrects the one before.")
    ] = "",
    out: Packs = REPORTS,
) -> int:
    """Freeze the built pack of a period; later packs are held against it."""
    from helpers.pack.publish import publish as freeze
    from helpers.pack.publish import read_draft
    from helpers.params import project_root

    found = read_draft(period, out, project_root(), partial=partial.strip(), correct=correct.strip())
    print(*found.told(), sep="\n")
    if sys.stdin.isatty() and not typer.confirm("\nPublish this?"):
        _tell("nothing was published")
        return NOTHING_DONE
    print(freeze(found, out))
    return 0


@app.command()
def send(
    period: Annotated[str, typer.Argument(metavar="PERIOD", help="Of which pack: 2026Q3.")] = "",
    name: Annotated[str, typer.Option("--list", metavar="LIST", help="A list of params/recipients.yml.")] = "",
    draft: Annotated[bool, typer.Option("--draft", help="The draft, for those who review it.")] = False,
    to: Annotated[str, typer.Option(metavar="ADDRESS", help="A test, to this address alone.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write the messages as files instead.")] = False,
    again: Annotated[
        str, typer.Option(metavar="REASON", help="Also to those who may have it, or whose server refused it.")
    ] = "",
    status: Annotated[bool, typer.Option("--status", help="Tell who has which version.")] = False,
    check_way: Annotated[bool, typer.Option("--check", help="Try the way out, and send nothing.")] = False,
    out: Packs = REPORTS,
) -> int:
    """Mail the published pack of a period to a list, once to each reader."""
    from helpers.mail.mailing import who_has_it
    from helpers.mail.recipients import load_recipients

    alone = "--status" if status else "--check" if check_way else ""
    given = {"--list": name, "--draft": draft, "--to": to, "--dry-run": dry_run, "--again": again}
    unread = [option for option, value in {**given, "--check": status and check_way}.items() if value]
    if alone and unread:
        raise KitError(f"kpi-review send: {alone} goes without {', '.join(unread)}")
    if status and not period:
        raise KitError("kpi-review send: give a period: kpi-review send 2026Q3 --status")
    if status:
        print(*who_has_it(out, period), sep="\n")
        return 0
    recipients = load_recipients(RECIPIENTS)
    if check_way:
        from helpers.mail.sending import open_way

        with closing(open_way(recipients)) as way:
            print(*way.check(), sep="\n")
        return 0
    if not period or not name:
        raise KitError(
            f"kpi-review send: give a period and a list: kpi-review send 2026Q3 --list {next(iter(recipients.lists))}"
        )
    return _send(period, name, recipients, out, draft=draft, to=to, dry_run=dry_run, again=again.strip())


def _send(
    period: str, name: str, recipients: Recipients, out: Path, *, draft: bool, to: str, dry_run: bool, again: str
) -> int:
    """Show a mailing, ask in a terminal, and send it or write it as files."""
    from helpers.mail.ledger import held_ledger, read_ledger
    from helpers.mail.mailing import ledger_path, read_mailing
    from helpers.mail.sending import check_size, open_way, tell_owner, write_letters
    from helpers.mail.sending import send as hand_over
    from helpers.params import project_root
    from helpers.progress import steps

    place = ledger_path(out, period, draft=draft)
    mailing = read_mailing(period, name, recipients, out, project_root(), draft=draft, to=to)
    due = mailing.due(read_ledger(place), again=bool(again))
    letters = list(mailing.letters(due, datetime.now(UTC)))
    print(*mailing.told(due), sep="\n")
    if dry_run:
        files = write_letters(letters, out / "outbox" / period / name)
        print("\n".join(map(str, files)) or "nobody is due, so no message was written")
        return 0
    if not letters:
        _tell("nobody is due, so nothing was sent")
        return DONE_IN_PART if due.open else 0
    with closing(open_way(recipients)) as way:
        check_size(mailing, letters[0], way.most_bytes)
        if sys.stdin.isatty() and not typer.confirm("\nSend this?"):
            _tell("nothing was sent")
            return NOTHING_DONE
        with held_ledger(place) as ledger, steps(period, len(due.people)) as done:
            mailing.check_newest()
            due = mailing.due(ledger, again=bool(again))  # another may have sent meanwhile
            report = hand_over(mailing, due, ledger, way, done, why=again)
        if failures := report.failures():
            _tell(*failures)
            if not to:
                told = "was told" if tell_owner(mailing, report, way) else "could not be told"
                _tell(f"{mailing.owner.address} {told}")
    print(f"sent to {len(report.sent)} of {len(due.people)}")
    if failures and not report.sent:
        return NOTHING_DONE
    return DONE_IN_PART if failures or due.open else 0


@app.command()
def verify(
    pack: Annotated[Path, typer.Argument(metavar="PACK", help="reports/2026Q3, or reports/published/2026Q3.")],
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Make it again from what was kept: are the files the same?")
    ] = False,
    jobs: Jobs = JOBS,
) -> int:
    """Tell whether a pack is as it was written, and whether it would come out the same today."""
    from helpers.pack.run import Kernels
    from helpers.pack.verify import as_kept, as_today, opened
    from helpers.pack.warm_kernels import warm_process
    from helpers.params import project_root
    from helpers.progress import steps

    with warm_process() as warm, Kernels(jobs, warm) as kernels:
        found = opened(pack, project_root())
        print(f"{found.folder}: {found.files} files are as they were written")
        with stoppable(), steps(found.request.period.label, len(found.request.parameters) + 2) as done:
            is_same, told = as_kept(found, kernels, done) if as_published else as_today(found, kernels, done)
    print(*told, sep="\n")
    return 0 if is_same else DONE_IN_PART


@app.command()
def sql(
    kpi_id: Annotated[str, typer.Argument(metavar="KPI", help="Such as nrr.")],
    period: Annotated[str | None, typer.Option(help="Default: that of the theme's notebook.")] = None,
    source: Annotated[Path | None, typer.Option(help="Default: that of the theme's notebook.")] = None,
    review: ReviewFile = REVIEW,
    as_of: AsOf = None,
    sets: Sets = None,
) -> None:
    """Print the query that defines a KPI, which runs over the prepared folder, and the line that marks it verified."""
    from helpers.catalogue import kpi
    from helpers.data.cache import prepared_for
    from helpers.notebook_parameters import notebook_schema
    from helpers.pack.verified import fingerprints
    from helpers.params import project_root
    from helpers.review import OpenReview

    root = project_root()
    cell = notebook_schema(root / "notebooks" / f"{kpi(kpi_id).theme}.ipynb")
    source = source or root / cell["source"].default
    (order,), _ = _orders([period or cell["period"].default], source, review, as_of, sets=sets or [])
    prepared = prepared_for(order.source, order.period, order.review.reporting_currency(order.source))
    settled = order.review.model_copy(update={"themes": order.settled})
    print(OpenReview(order.period, settled, prepared).sql(kpi_id))
    print(f"\n-- Who has verified this writes it under verified: in {review}, with a name and a day:")
    print(f"--   {fingerprints(order, kpi_id)[kpi_id].line}")


@app.command("new-source")
def new_source(
    what: Annotated[str, typer.Argument(metavar="FOLDER|TOOLS", help="A folder of exports; or stripe+hubspot.")],
    connect: Annotated[
        str | None, typer.Option(metavar="URL", help="Of tools: postgres://…, any Ibis URL, or duckdb:// with --files.")
    ] = None,
    files: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="A folder of the tools' tables as files.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Default: params/sources/FOLDER.yml.")] = None,
    timezone: Annotated[str, typer.Option(help="Where a day begins, such as Europe/Berlin.")] = "UTC",
    currency: Annotated[str | None, typer.Option(help="Of amounts that carry none, such as EUR.")] = None,
) -> int:
    """Write a source file: for a folder of exports, or for tools whose tables a warehouse holds."""
    from helpers.data.new_source import Place, suggested_period, write_source

    period = suggested_period(REVIEW, timezone, datetime.now(UTC))
    if connect is None:
        if not Path(what).is_dir():
            raise KitError(
                f"{what} is no folder; give the folder of your exports, or --connect URL where {what} names tools"
            )
        return _folder_source(Path(what), out, timezone, currency, period)
    found = write_source(what, Place(connect, files, timezone, currency), out)
    print(found.path)
    for table, tool in found.tables.items():
        print(f"  {table} from {tool}")
    _tell(*(f"not provided: {reason}" for reason in found.lacking.values()))
    print(f"\nNext: read the lines that say choose; then {_command('check', period, found.path)}")
    return 0


def _folder_source(folder: Path, out: Path | None, timezone: str, currency: str | None, period: str) -> int:
    """Write the source of a folder, tell what its files are, and what a pack would hold with it."""
    from helpers.data.folder_source import write_folder_source

    found = write_folder_source(folder, out, timezone, currency)
    print(found.path)
    for file, what in found.files.items():
        print(f"  {file}: {what}")
    for table, file in found.tables.items():
        print(f"  {table} from {file}")
    _tell(*found.told)
    if found.open:
        print("\nOpen, with a value under each reading:")
        print(*(f"  {line}" for line in found.open), sep="\n")
        right = (
            "remove '# choose: ' or '-- choose: ' from the line that is right, wherever it stands, or write the answer"
        )
        print(f"\nNext: in {found.path}, {right}; then {_command('check', period, found.path)}")
        return 0
    _what_it_holds(found.path, period)
    print(f"\nNext: {_command('build', period, found.path)}")
    return 0


def _what_it_holds(source: Path, period: str) -> None:
    """Print which KPIs of each theme a source is enough for."""
    from helpers.check import check_order
    from helpers.display.shown_tables import print_report
    from helpers.texts import printable

    try:
        (order,), _ = _orders([period], source, REVIEW, None)
        print_report(printable(check_order(order, lambda _: None).held()))
    except KitError as error:
        _tell(*error.faults)


@app.command()
def new(
    theme: Annotated[str, typer.Argument(metavar="THEME", help="Such as renewal_risk.")],
    review: ReviewFile = REVIEW,
) -> None:
    """Write a theme of your own, which runs at once: notebook, folder, test, catalogue rows, lines of the review."""
    from helpers.new_theme import write_theme
    from helpers.notebook_parameters import notebook_schema
    from helpers.params import project_root

    found = write_theme(theme, review, date.today())
    print(*found.files, sep="\n")
    print(*(f"{path}: {what} added" for path, what in found.added.items()), sep="\n")
    cell = notebook_schema(project_root() / "notebooks" / f"{theme}.ipynb")
    own = [] if review == REVIEW else ["--review", str(review)]
    build = _command("build", cell["period"].default, Path(cell["source"].default))
    print(f"\nNext: {shlex.join([*shlex.split(build), *own, '--only', theme])}")


def _command(name: str, period: str, source: Path) -> str:
    return shlex.join(["kpi-review", name, "--period", period, "--source", str(source)])


@app.command()
def sample(
    out: Annotated[Path, typer.Option(help="The folder to write; made if it is not there.")],
    customers: Annotated[int, typer.Option(help="How many customers have ever signed.")] = 300,
    seed: Annotated[int, typer.Option(help="Another seed is another company.")] = 2026,
) -> None:
    """Write the made-up company as Parquet files."""
    from sample import write_sample

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
    except Exception as error:
        if any(words in str(error) for words in DISK_FULL):  # which is no OSError of DuckDB's
            _tell(f"{error}; make room there, or name another folder for temporary files in TMPDIR")
        elif isinstance(error, OSError):
            _tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        else:
            raise
        status = NOTHING_DONE
    if status == INTERRUPTED:
        _tell("interrupted")
        status = NOTHING_DONE
    sys.exit(status or 0)


def _orders(
    periods: list[str],
    source_file: Path,
    review_file: Path,
    as_of: str | None,
    only: Sequence[str] = (),
    sets: Sequence[str] = (),
) -> tuple[list[BuildRequest], list[str]]:
    """One order per period, and what there is to tell beforehand; the faults of all files are told together."""
    from helpers.notebook_parameters import theme_parameters
    from helpers.pack.request import BuildRequest
    from helpers.params import load_review, load_source, load_themes, project_root

    root = project_root()
    source, review, last_day, themes = together(
        lambda: load_source(source_file),
        lambda: load_review(review_file),
        lambda: _day(as_of),
        lambda: theme_parameters(load_themes(review_file), root / "notebooks", file=review_file, only=only, sets=sets),
    )
    calendar = review.calendar(source)
    _, *found = together(
        lambda: review.reporting_currency(source),
        *(partial(calendar.period, label, last_day) for label in dict.fromkeys(periods)),
    )
    files = {"source": _from(root, source_file), "review": _from(root, review_file)}
    orders = []
    for period in found:
        given = {"period": period.label, **files, "as_of": period.known_until.isoformat()}
        parameters = {theme: {**given, **values} for theme, values in themes.asked.items()}
        orders.append(
            BuildRequest(period, review.with_rules(themes.rules), parameters, root, themes.others, source=source)
        )
    return orders, _notices(orders, review, themes, as_of)


def _notices(orders: Sequence[BuildRequest], review: Review, themes: ThemeParameters, as_of: str | None) -> list[str]:
    """What the files and the calendar alone give reason to tell.

    Rules of the file are held against all its themes, those of ``--set`` against the themes that are built.
    """
    from helpers.params import Rules, unused_sections
    from helpers.review import unread_rules

    by_hand = review.model_copy(update={"themes": themes.asked, "rules": Rules()}).with_rules(themes.rules)
    running = [order.period.label for order in orders if order.period.end_at > datetime.now(UTC) and as_of is None]
    told = [
        *unused_sections(review),
        *unread_rules(review),
        *unread_rules(by_hand),
        *(f"{label} is not over; --as-of DATE compares it with the same days of others" for label in running),
    ]
    return list(dict.fromkeys(told))


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
