"""params/ read into models: every fault told, at once, in words; nothing of the environment in any message."""

from datetime import date
from pathlib import Path

import pytest

from helpers import strict_yaml
from helpers.data.canonical_tables import TABLES
from helpers.errors import KitError
from helpers.params import CANONICAL_TABLES, Review, Source, load_review, load_source, project_root, unused_sections

ROOT = Path(__file__).parents[2]
SMALLEST = "company: Fine Co\nthemes: {new_revenue: {}}\n"
SOURCE = "name: Books\nconnect: duckdb://\ntables: {deals: select 1}\n"


@pytest.fixture(autouse=True)
def _in_a_project(tmp_path, monkeypatch):
    (tmp_path / "params").mkdir()
    monkeypatch.chdir(tmp_path)


def review(text):
    path = Path("params/review.yml")
    path.write_text(text, encoding="utf-8")
    return load_review(path)


def source(text):
    path = Path("params/books.yml")
    path.write_text(text, encoding="utf-8")
    return load_source(path)


def faults(load, text):
    with pytest.raises(KitError) as error:
        load(text)
    return list(error.value.faults)


def test_review_defaults():
    found = review(SMALLEST)
    assert found.company == "Fine Co"
    assert found.themes == {"new_revenue": {}}
    assert found.path == Path("params/review.yml")
    assert (found.currency, found.timezone, found.fiscal_year_start_month, found.fy_label) == (None, None, 1, "end")
    assert found.brand.model_dump() == {
        "colour": "#1f4e79", "logo": None, "deck_template": None, "confidentiality": "", "language": "en",
        "locale": "en_GB", "terms": {}, "paper": "a4",
    }  # fmt: skip


def test_rules_have_the_defaults_of_the_specification():
    assert review(SMALLEST).rules.model_dump() == {
        "week_mode": "rolling7",
        "activity_events": (),
        "window_days": 14,
        "health_signals": {},
        "start_clock": "order",
        "movement_grain": "month",
        "churn_day": "service_end",
        "discounts": "all",
        "grace_days": 0,
        "fx_mode": "fixed",
        "account_level": "customer",
        "gross_margin": None,
        "feed_max_age_days": 4,
        "invoice_months": None,
        "most_left_out": 0.05,
    }


def test_rules_in_every_form_that_the_specification_names():
    rules = review(
        SMALLEST
        + """
rules:
  window_days: {api: 30, interactive: 14}
  health_signals: {api: [api_call]}
  gross_margin: {2026Q2: 0.78, 2026Q3: 1}
  activity_events: [video_created]
  discounts: none
"""
    ).rules
    assert rules.window_days == {"api": 30, "interactive": 14}
    assert rules.health_signals == {"api": ("api_call",)}
    assert rules.gross_margin == {"2026Q2": 0.78, "2026Q3": 1.0}
    assert rules.discounts == "none"


@pytest.mark.parametrize("written", ["none", "null", "~", ""])
def test_none_is_a_word_and_null_the_same(written):
    assert review(SMALLEST + f"rules: {{gross_margin: {written}}}\n").rules.gross_margin is None


def test_themes_keep_their_order_and_may_be_left_empty():
    found = review("company: A\nthemes:\n  recurring_revenue:\n  new_revenue: {basis: tcv}\n")
    assert list(found.themes.items()) == [("recurring_revenue", {}), ("new_revenue", {"basis": "tcv"})]


def test_everything_of_the_contract_loads():
    found = review(
        SMALLEST
        + """
currency: EUR
timezone: Europe/Berlin
fiscal_year_start_month: 2
targets: {nrr: {FY2027Q1: 1.05}, "mrr[Mid-market]": {2026-07: 12000}, nrr_quarter: {}}
departments: [{name: marketing, kpi_ids: [cac_sm]}, {name: sales, kpi_ids: [new_revenue], owner: Ada}]
conflicts: [[win_rate, demos]]
kpis:
  - {kpi_id: nrr, definition_version: 2, hypothesis: stays, owner: Ada, started_on: 2026-01-01, decision: keep}
okrs:
  - {id: faster, objective: Be fast, kpi_id: ttv_median, baseline: 65, baseline_on: 2026-01-01, target: 55,
     due_on: 2026-07-01}
cpis:
  turbo_estimate: {increment: time, evidence: [{date: 2026-02-03, customer_id: C1, method: interview, finding: yes}]}
improvements: [{stage: it_access, idea: ask early, expected_days_saved: 5, done_on: 2026-05-01}]
brand: {colour: "#AABBCC", confidentiality: Secret, locale: de-DE, paper: letter}
"""
    )
    assert found.targets["mrr[Mid-market]"] == {"2026-07": 12000}
    assert found.brand.locale == "de_DE"
    assert found.okrs[0].due_on == date(2026, 7, 1)
    assert found.cpis[0].id == "turbo_estimate"
    assert found.cpis[0].evidence[0].finding == "yes"
    assert unused_sections(found) == [
        f"params/review.yml: {name} is read and checked, but no page shows it: {theme}, which does, is not among the "
        "themes"
        for name, theme in [
            *((name, "kpi_alignment") for name in ("kpis", "departments", "conflicts", "okrs", "cpis")),
            ("improvements", "time_to_value"),
        ]
    ]


def test_sections_whose_theme_is_there_are_shown():
    found = review("company: A\nthemes: {kpi_alignment: {}}\ndepartments: [{name: sales}]\nimprovements: []\n")
    assert unused_sections(found) == []


def test_a_conflict_is_a_pair_or_a_pair_with_a_joint_kpi():
    found = review(SMALLEST + "conflicts: [[a, b], {pair: [c, d], joint: e}]\n")
    assert [(each.pair, each.joint) for each in found.conflicts] == [(("a", "b"), ""), (("c", "d"), "e")]
    assert faults(review, SMALLEST + "conflicts: [[a], x]\n") == [
        "params/review.yml: conflicts[0].pair[1] is missing",
        "params/review.yml: conflicts[1] == 'x', must be a mapping",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "kpis:\n  - {kpi_id: nrr}\n  - {kpi_id: mrr}\n  - kpi_id: nrr\n",
            "params/review.yml, line 6: kpis[2].kpi_id == 'nrr', is given before, in kpis[0]; "
            "must be given once: join the two, or rename one",
        ),
        (
            "departments:\n  - name: Sales\n  - name: Sales\n",
            "params/review.yml, line 5: departments[1].name == 'Sales', is given before, in departments[0]; "
            "must be given once: join the two, or rename one",
        ),
    ],
)
def test_nothing_is_registered_twice_under_one_id(text, fault):
    assert faults(review, SMALLEST + text) == [fault]


def test_kpis_by_name_cannot_be_registered_twice_either():
    assert faults(review, SMALLEST + "kpis:\n  nrr: {}\n  nrr: {}\n") == [
        "params/review.yml: nrr is given twice, on line 4 and line 5"
    ]


def test_a_baseline_has_its_days_and_its_reason():
    text = "baselines:\n  net_new_mrr:\n    - {from: 2025-07-01, to: 2026-06-30, reason: new prices}\n"
    (found,) = review(SMALLEST + text).baselines["net_new_mrr"]
    assert (found.from_on, found.to_on, found.reason) == (date(2025, 7, 1), date(2026, 6, 30), "new prices")


def test_what_kernels_read_of_a_review_has_its_baselines():
    text = "baselines: {net_new_mrr: [{from: 2025-07-01, to: 2026-06-30, reason: new prices}]}\n"
    found = review(SMALLEST + text)
    assert Review.model_validate_json(found.model_dump_json()).baselines == found.baselines


def test_every_fault_of_a_scorecard_is_told():
    """SMALLEST has two lines; ten and six are sixteen rows."""
    ten = "turbo_estimate, sprint_on_time, delivered_value, ttv_median, returned, pac_breadth, win_rate, arr, nrr, grr"
    text = f"scorecard:\n  A: [{ten}]\n  B: [mr, mrr, mrr, arpa, cac_full, ltv_cac]\n"
    assert faults(review, SMALLEST + text) == [
        "params/review.yml, line 5: scorecard.B[0] == 'mr', is not a KPI; did you mean 'mrr'?",
        "params/review.yml, line 5: scorecard.B[2] == 'mrr', is named before; name each once",
        "params/review.yml, line 3: scorecard names 16 KPIs, must be 14 at most; leave some out",
    ]
    found = review(SMALLEST + "scorecard: {Money: [mrr, nrr]}\n")
    assert Review.model_validate_json(found.model_dump_json()).scorecard == {"Money": ("mrr", "nrr")}


PEERS = "{p25: 0.98, median: 1.03, p75: 1.1, source: a survey, as_of: 2026-06-30}"


def test_what_kernels_read_of_a_review_has_its_peers():
    found = review(SMALLEST + f"peers: {{nrr: {PEERS}}}\n")
    assert (found.peers["nrr"].median, found.peers["nrr"].as_of) == (1.03, date(2026, 6, 30))
    assert Review.model_validate_json(found.model_dump_json()).peers == found.peers


def test_every_fault_of_the_form_of_peers_is_told():
    text = "peers:\n  nrr: {p25: .inf, median: high, p57: 2, source: '', as_of: soon}\n"
    assert [fault.split(",")[0] for fault in faults(review, SMALLEST + text)] == [
        "params/review.yml: peers.nrr.p25 == '.inf'",
        "params/review.yml: peers.nrr.median == 'high'",
        "params/review.yml: peers.nrr.p75 is missing",
        "params/review.yml: peers.nrr.source == ''",
        "params/review.yml: peers.nrr.as_of == 'soon'",
        "params/review.yml: peers.nrr.p57 is not known; did you mean 'p75'?",
    ]


def test_peers_are_of_a_kpi_in_order_and_in_its_unit():
    """SMALLEST has two lines."""
    text = f"""
peers:
  nrrr: {PEERS}
  nrr: {{p25: 98, median: 103, p75: 110, source: a survey, as_of: 2026-06-30}}
  grr: {{p25: 0.9, median: 0.95, p75: 0.92, source: a survey, as_of: 2026-06-30}}
  ttv_median: {{p25: 30, median: 45, p75: 45, source: a survey, as_of: 2026-06-30}}
"""
    assert faults(review, SMALLEST.rstrip() + text) == [
        "params/review.yml, line 4: peers.nrrr is not a KPI; did you mean 'nrr'?",
        "params/review.yml, line 5: peers.nrr has a median of 103, must be a share: 1.05 is 105 %",
        "params/review.yml, line 6: peers.grr has p25, median and p75 of 0.9, 0.95, 0.92, must be in ascending order",
    ]


def test_targets_of_shares_are_no_per_cents():
    """SMALLEST has two lines."""
    text = """
targets:
  nrr: {2026Q3: 105}
  win_rate[web]: {2026Q3: 25, 2026Q4: 0.25}
  revenue_growth_yoy: {2026Q3: 3}
  grr: {2026Q3: 1}
  mrr: {2026Q3: 105}
okrs:
  - {id: a, objective: b, kpi_id: renewal_rate, baseline: 80, baseline_on: 2026-01-01, target: 0.9, due_on: 2027-01-01}
"""
    assert faults(review, SMALLEST.rstrip() + text) == [
        "params/review.yml, line 4: targets.nrr.2026Q3 == 105, must be a share: 1.05 is 105 %",
        "params/review.yml, line 5: targets.win_rate[web].2026Q3 == 25, must be a share: 0.25 is 25 %",
        "params/review.yml, line 10: okrs[0].baseline == 80, must be a share: 0.8 is 80 %",
    ]


def test_every_fault_of_the_form_of_baselines_is_told():
    text = "baselines:\n  net_new_mrr: [{from: 2025-07-01, reason: ''}, {form: 2025, to: soon, reason: x}]\n"
    assert [fault.split(",")[0] for fault in faults(review, SMALLEST + text)] == [
        "params/review.yml: baselines.net_new_mrr[0].to is missing",
        "params/review.yml: baselines.net_new_mrr[0].reason == ''",
        "params/review.yml: baselines.net_new_mrr[1].from is missing",
        "params/review.yml: baselines.net_new_mrr[1].to == 'soon'",
        "params/review.yml: baselines.net_new_mrr[1].form is not known; did you mean 'from'?",
    ]


def test_every_baseline_is_of_a_kpi_that_is_judged_and_follows_the_one_before():
    """SMALLEST has two lines."""
    text = """
baselines:
  net_new_mr: [{from: 2025-07-01, to: 2026-06-30, reason: x}]
  mrr: [{from: 2025-07-01, to: 2026-06-30, reason: x}]
  nrr: [{from: 2025-07-01, to: 2026-06-30, reason: x}]
  win_rate:
    - {from: 2026-07-01, to: 2026-06-30, reason: x}
    - {from: 2025-07-01, to: 2026-06-30, reason: x}
"""
    rule = "must be later than its from, and than the to of the baseline before it"
    assert faults(review, SMALLEST.rstrip() + text) == [
        "params/review.yml, line 4: baselines.net_new_mr is not a KPI; did you mean 'net_new_mrr'?",
        "params/review.yml, line 5: baselines.mrr is not judged by its own history",
        "params/review.yml, line 6: baselines.nrr is not judged by its own history; "
        "give the baseline of nrr_quarter, by which it is judged",
        f"params/review.yml, line 8: baselines.win_rate[0].to == '2026-06-30', {rule}",
        f"params/review.yml, line 9: baselines.win_rate[1].to == '2026-06-30', {rule}",
    ]


def test_all_faults_of_a_review_are_told_at_once():
    found = faults(
        review,
        """
company: 42
curency: EUR
currency: EURO
timezone: Europe/Berln
fiscal_year_start_month: 13
rules:
  grace_day: 3
  grace_days: -1
  window_days: {api: 0}
  discounts: non
  week_mode: yes
targets:
  nr: {2026Q3: 1}
  nrr: {2026Q3: high}
  mrr: 5
brand: {colour: blue, locale: xx_YY, paper: A5}
okrs: [{id: a, kpi: nrr}]
""",
    )
    told = "\n".join(found)
    for expected in (
        "company == 42, must be text",
        "currency == 'EURO', must be an ISO 4217 code such as 'EUR'",
        "timezone == 'Europe/Berln', must be an IANA time zone such as 'Europe/Berlin'",
        "fiscal_year_start_month == 13, must be less than or equal to 12",
        "rules.grace_day is not known; did you mean 'grace_days'?",
        "rules.grace_days == -1, must be greater than or equal to 0",
        'rules.window_days == {"api": 0}, must be a whole number of days from 1 to 10000, or one per product type',
        "rules.discounts == 'non', must be 'all', 'forever' or 'none'",
        "rules.week_mode == 'yes', must be 'rolling7' or 'iso'",
        "themes is missing",
        "targets.nr is not a KPI, nor a KPI[segment]; did you mean 'nrr'?",
        "targets.nrr.2026Q3 == 'high', must be a valid number",
        "targets.mrr == 5, must be a mapping",
        "brand.colour == 'blue', must be a colour such as '#1f4e79'",
        "brand.locale == 'xx_YY', must be a locale such as 'en_GB' or 'de_DE'",
        "brand.paper == 'A5', must be 'a4' or 'letter'",
        "okrs[0].objective is missing",
        "okrs[0].kpi is not known; did you mean 'kpi_id'?",
        "curency is not known; did you mean 'currency'?",
    ):
        assert f"params/review.yml: {expected}" in told
    assert len(found) == len(set(found)) == 24  # those above, and five more fields that the OKR lacks


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("fiscal_year_start_month: true", "fiscal_year_start_month == true, must be a valid integer"),
        ("fiscal_year_start_month: 1.0", "fiscal_year_start_month == 1.0, must be a valid integer"),
        ("fiscal_year_start_month: 010", "fiscal_year_start_month == '010', must be a valid integer"),
        ("fiscal_year_start_month: '2'", "fiscal_year_start_month == '2', must be a valid integer"),
        ("rules: {gross_margin: 78}", "rules.gross_margin == 78, must be none, or a share above 0 and up to 1"),
        ("rules: {activity_events: [1]}", "rules.activity_events[0] == 1, must be text"),
        ("rules: [grace_days]", 'rules == ["grace_days"], must be a mapping'),
        ("targets:", "targets == null, must be a mapping"),
        ("targets: {nrr: {2026Q3: .inf}}", "targets.nrr.2026Q3 == '.inf', must be a valid number"),
        ("targets: {'nrr[': {}}", "targets.nrr[ is not a KPI"),
        ("targets: {ttv_medium: {}}", "targets.ttv_medium is not a KPI"),
        ("targets: {nrr: {2026Q5: 1}}", "targets.nrr.2026Q5 names no period: period '2026Q5' is not a period"),
        ("targets: {nrr: {FY2026Q1: 1}}", "the quarter that holds 2026-01-01 is 2026Q1"),
        ("quarter_starts: {2026Q1: 2026-01-04}", "must list two quarters or more"),
        ("quarter_starts: {2026Q1: 2026-01-04, 2026Q3: 2026-04-05}", "2026Q3 does not follow 2026Q1"),
        ("quarter_starts: {2026Q1: 2026-01-04, 2026Q2: 2026-01-04}", "2026Q2 does not follow 2026Q1"),
        ("quarter_starts: {first: 2026-01-04, second: 2026-04-05}", "second does not follow first"),
        ("quarter_starts: {2026Q1: 2026-02-30}", "must be a valid date"),
        ("brand: {logo: nowhere.png}", "brand.logo == 'params/nowhere.png', must be a picture"),
        ("brand: {logo: review.yml}", "brand.logo == 'params/review.yml', must be a picture"),
        ("brand: {deck_template: no.pptx}", "brand.deck_template == 'params/no.pptx', must be a presentation (.pptx)"),
        ("brand: {deck_template: review.yml}", "brand.deck_template == 'params/review.yml', must be a presentation"),
        ("company: Other", "company is given twice, on line 1 and line 3"),
        ("rules: {grace_days: 1, grace_days: 2}", "grace_days is given twice, on line 3 and line 3"),
    ],
)
def test_each_fault_of_a_review(written, expected):
    assert expected in "\n".join(faults(review, SMALLEST + written))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("", "params/review.yml is empty, must be a mapping"),
        ("- a\n- b", "params/review.yml is a list, must be a mapping"),
        ("company", "params/review.yml is a single value, must be a mapping"),
        ("company: [a\nthemes: {}", "params/review.yml, line 2 is not YAML"),
        ("a: b: c", "params/review.yml, line 1 is not YAML"),
        ("company: !!python/name:os.system x", "params/review.yml, line 1 is not YAML"),
        ("? [a]\n: b", "params/review.yml, line 1 is not YAML: a key must be plain text"),
        ("a: &a [*a]", "refers to itself, or nests too deeply"),
        ("[" * 2000, "refers to itself, or nests too deeply"),
        ("company: \0", "is not plain text"),
    ],
)
def test_what_is_no_mapping(written, expected):
    (fault,) = faults(review, written)
    assert expected in fault


YAML_FILES = sorted(file for folder in ("params", "helpers", "tests") for file in (ROOT / folder).rglob("*.yml"))


def test_what_is_read_in_c_is_what_python_reads(monkeypatch):
    assert len(YAML_FILES) > 10
    odd = [
        "a: {b: 1, c: [x, ~, no, 0x1, 1_000, 1:30, .5]}",
        "a: |\n  b\n\n  c\nd: >-\n  e\n  f",
        "a: 'it''s'\na: \"\\u00e9\"",
        "",
    ]
    texts = [*odd, *(file.read_text(encoding="utf-8") for file in YAML_FILES)]
    quick = [strict_yaml._loaded(text, "here") for text in texts]
    monkeypatch.setattr(strict_yaml, "_QuickLoader", strict_yaml._Loader)
    assert quick == [strict_yaml._loaded(text, "here") for text in texts]
    assert quick[2][1] == ["a is given twice, on line 1 and line 2"]


def test_a_file_that_is_not_there_or_not_utf8():
    with pytest.raises(KitError, match=r"^params/none.yml cannot be read: No such file"):
        load_review(Path("params/none.yml"))
    Path("params/latin.yml").write_bytes(b"company: Caf\xe9")
    with pytest.raises(KitError, match="save it as YAML in UTF-8"):
        load_review(Path("params/latin.yml"))


def test_paths_outside_the_working_directory_are_shown_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "params")
    with pytest.raises(KitError, match=f"^{tmp_path}/review.yml cannot be read"):
        load_review(Path("../review.yml"))


def test_keys_and_words_are_as_written():
    found = review(SMALLEST + "targets: {nrr: {2026Q1: 1, 2026-07: 2}}\nrules: {activity_events: [no, on, '1']}\n")
    assert found.targets["nrr"] == {"2026Q1": 1, "2026-07": 2}
    assert found.rules.activity_events == ("no", "on", "1")


def test_logo_and_template_lie_beside_the_review():
    for name in ("logo.PNG", "template.pptx"):
        Path(f"params/{name}").write_bytes(b"")
    brand = review(SMALLEST + "brand: {logo: logo.PNG, deck_template: template.pptx}").brand
    assert [brand.logo, brand.deck_template] == [
        Path(f"params/{name}").resolve() for name in ("logo.PNG", "template.pptx")
    ]


def test_calendar_and_currency_come_from_the_review_else_the_source():
    books = source(SOURCE + "timezone: Asia/Tokyo\ncurrency: JPY\n")
    silent, speaking = review(SMALLEST), review(SMALLEST + "timezone: UTC\ncurrency: EUR\nfy_label: start\n")
    assert (silent.calendar(books).timezone, silent.reporting_currency(books)) == ("Asia/Tokyo", "JPY")
    assert (speaking.calendar(books).timezone, speaking.reporting_currency(books)) == ("UTC", "EUR")
    assert speaking.calendar(books).fy_label == "start"
    assert silent.calendar(source(SOURCE)).timezone == "UTC"
    with pytest.raises(KitError, match=r"params/review.yml: currency is missing, and params/books.yml gives none"):
        silent.reporting_currency(source(SOURCE))


def test_listed_quarters_make_the_calendar():
    starts = "quarter_starts: {2026Q1: 2025-12-29, 2026Q2: 2026-03-30, 2026Q3: 2026-06-29}\n"
    calendar = review(SMALLEST + starts + "targets: {nrr: {2026Q2: 1}}\n").calendar(source(SOURCE))
    assert calendar.period("2026Q2").start == date(2026, 3, 30)


def test_source_files_are_relative_to_the_source():
    assert source(SOURCE + "files: ../data\n").files == Path("data").resolve()
    assert source(SOURCE + "files: /srv/data\n").files == Path("/srv/data")
    assert source(SOURCE).files is None


def test_all_faults_of_a_source_are_told_at_once(monkeypatch):
    monkeypatch.delenv("NOT_SET", raising=False)
    assert faults(source, "name:\nfiles: ${NOT_SET}/x\ntimezone: ${NOT_SET}\ntables: {deal: x, deals: ''}\nurl: x") == [
        "params/books.yml: environment variable NOT_SET is not set; files needs it",
        "params/books.yml: environment variable NOT_SET is not set; timezone needs it",
        "params/books.yml: name == null, must be text, of one character or more",
        "params/books.yml: connect is missing",
        "params/books.yml: timezone == '${NOT_SET}', must be an IANA time zone such as 'Europe/Berlin'",
        "params/books.yml: tables.deal is not a canonical table; did you mean 'deals'?",
        "params/books.yml: tables.deals == '', must be text, of one character or more",
        "params/books.yml: url is not known; known: connect, currency, files, name, reads, tables, timezone",
    ]


def test_a_source_has_tables():
    assert "tables == {}, must have at least 1 item" in faults(source, "name: a\nconnect: b\ntables: {}")[0]


def test_an_empty_variable_is_not_set(monkeypatch):
    monkeypatch.setenv("DATA", "")
    assert "environment variable DATA is not set; files needs it" in faults(source, SOURCE + "files: ${DATA}/x")[0]


def test_a_connection_that_is_no_url_is_told_with_the_rest_and_not_repeated():
    told = faults(source, "connect: postgres://me:hunter#2@db:x/y\ntables: {deal: d}\n")
    assert [fault.partition(": ")[2].partition(";")[0] for fault in told] == [
        "name is missing", "connect is not a URL that can be read", "tables.deal is not a canonical table",
    ]  # fmt: skip
    assert "hunter" not in "".join(told)


def test_a_logo_that_is_none_is_told_with_the_rest():
    okr = "{id: a, objective: x, kpi_id: nrr, baseline: 1, baseline_on: 2026-01-01, target: 2, due_on: 2027-01-01}"
    told = faults(review, f"{SMALLEST}brand: {{logo: none.png}}\nokrs: [{okr}, {okr}]\n")
    assert len(told) == 2
    assert "is given before, in okrs[0]" in told[0]
    assert "must be a picture" in told[1]


def test_values_of_the_environment_are_in_no_message(monkeypatch):
    monkeypatch.setenv("WORD", "hunter2")
    written = "name: a\nconnect: x\ntimezone: ${WORD}\ncurrency: E${WORD}\ntables: {deals: {q: '${WORD}'}}\n"
    told = "\n".join(faults(source, written))
    assert "hunter2" not in told
    assert "timezone == '${WORD}'" in told


def test_secrets_are_scrubbed_from_engine_messages(monkeypatch):
    monkeypatch.setenv("DB_PASSWORD", "p%40ss word")
    found = source("name: a\nconnect: 'postgres://me:${DB_PASSWORD}@db/x'\ntables: {deals: d}\n")
    assert found.connect == "postgres://me:p%40ss word@db/x"
    assert found.scrub("no login with p@ss word or p%40ss word") == "no login with ${DB_PASSWORD} or ${DB_PASSWORD}"
    assert "p%40ss" not in repr(found)


def test_themes_take_nothing_from_the_environment(monkeypatch):
    monkeypatch.setenv("WORD", "hunter2")
    assert faults(review, "company: ${WORD}\nthemes: {new_revenue: {basis: '${WORD}'}}\n") == [
        "params/review.yml: themes.new_revenue.basis takes ${WORD} from the environment, but packs print themes; "
        "write the value"
    ]
    assert review(SMALLEST.replace("Fine Co", "${WORD}")).company == "hunter2"


def test_project_root_is_found_upward(tmp_path, monkeypatch):
    (tmp_path / "notebooks/deep").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks/deep")
    assert project_root() == tmp_path
    monkeypatch.chdir("/")
    with pytest.raises(KitError, match="lies in no project"):
        project_root()


def test_models_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        review(SMALLEST).company = "Other"
    with pytest.raises(ValueError, match="frozen"):
        Source(name="a", connect="b", tables={"deals": "x"}).name = "b"


def test_a_review_survives_json():
    found = review(SMALLEST + "targets: {nrr: {2026Q3: 1.05}}\nrules: {window_days: {api: 3}}\n")
    assert Review.model_validate_json(found.model_dump_json()).model_dump() == found.model_dump()


def test_canonical_tables_are_those_of_the_data_wing():
    assert set(CANONICAL_TABLES) == set(TABLES)


@pytest.mark.parametrize("path", [ROOT / "params/review.yml", *sorted(ROOT.glob("params/reviews/*.yml"))], ids=str)
def test_shipped_reviews_load(path):
    assert load_review(path).themes
