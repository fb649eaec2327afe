"""What experiments are judged by: differences, power, sample ratios, corrections for many tests, ranks and links.

Source: specification T5 to T9, T13 and T14. Everything here is a function of plain numbers, thin over tea-tasting,
statsmodels and SciPy, which are imported where they are used. What cannot be said is ``None``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from helpers.language import template
from helpers.results import Interval
from helpers.statistics import times_drawn

SRM_LEVEL = 0.001  # below it, what was assigned is not what was planned
SRM_PRIOR = 1_000.0  # how much the always-valid check believes the plan, in units
FEW_EXPECTED = 5  # in a cell of a table of counts; below it the exact test is used
RESAMPLES = 2_000
# Of so few ranks, counted out over all their orders: the most that the squared differences of two orders may add up to,
# so that at most one order in twenty is as near to the other, or to its reverse.
SQUARED_RANK_DIFFERENCES = {5: 0, 6: 4, 7: 12, 8: 22, 9: 36, 10: 58, 11: 84, 12: 118}


# --- two groups -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sums:
    """What one variant's units come to: their number, and the means, variances and covariances of their columns."""

    n: int
    means: dict[str, float]
    variances: dict[str, float] = field(default_factory=dict)
    covariances: dict[tuple[str, str], float] = field(default_factory=dict)

    def aggregates(self) -> Any:
        """The same for tea-tasting."""
        from tea_tasting.aggr import Aggregates

        pairs = {tuple(sorted(pair)): value for pair, value in self.covariances.items()}
        return Aggregates(count_=self.n, mean_=self.means, var_=self.variances, cov_=pairs)


@dataclass(frozen=True)
class Effect:
    """A difference, treatment less control: its interval at ``level``, its p-value, and the error of its estimate."""

    control: float
    treatment: float
    value: float
    low: float
    high: float
    p: float
    level: float
    method: str
    error: float = math.nan

    @property
    def interval(self) -> Interval:
        return Interval(self.low, self.high, self.level, self.method)


def two_proportions(control: tuple[int, int], treatment: tuple[int, int], alpha: float = 0.05) -> Effect:
    """The difference of two shares, each given as (part, whole), with Newcombe's hybrid Wilson interval (T5).

    The p-value is that of the pooled z-test, or of Fisher's exact test where a cell would be expected below 5.

    >>> found = two_proportions((40, 200), (58, 200))
    >>> round(found.value, 2), round(found.low, 6), round(found.high, 6), round(found.p, 6)
    (0.09, 0.005615, 0.172829, 0.036385)
    """
    from scipy.stats import fisher_exact
    from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest

    (part, whole), (others, all_others) = treatment, control
    low, high = confint_proportions_2indep(part, whole, others, all_others, method="newcomb", alpha=alpha)
    rate = (part + others) / (whole + all_others)
    fewest = min(whole, all_others) * min(rate, 1 - rate)
    if fewest < FEW_EXPECTED:
        p = fisher_exact([[part, whole - part], [others, all_others - others]]).pvalue
    else:
        p = proportions_ztest([part, others], [whole, all_others])[1]
    shares = others / all_others, part / whole
    method = template("Newcombe hybrid Wilson")
    return Effect(*shares, shares[1] - shares[0], float(low), float(high), float(p), 1 - alpha, method)


def difference(
    control: Sums,
    treatment: Sums,
    *,
    alpha: float = 0.05,
    per: str | None = None,
) -> Effect:
    """The difference of two means of ``value`` by Welch's t-test, or of two ratios of sums by the delta method.

    ``per`` names the column that divides.

    >>> a, b = Sums(4, {"value": 5.5}, {"value": 21 / 3}), Sums(4, {"value": 6.5}, {"value": 41 / 3})
    >>> found = difference(a, b)
    >>> found.value, round(found.error, 6)
    (1.0, 2.27303)
    """
    from tea_tasting.metrics import RatioOfMeans

    asked = {"confidence_level": 1 - alpha, "equal_var": False}
    found, normal = (
        RatioOfMeans("value", per, use_t=use_t, **asked).analyze_aggregates(
            control.aggregates(), treatment.aggregates()
        )
        for use_t in (True, False)
    )
    method = template("Welch t") if per is None else template("delta method")
    error = (normal.effect_size_ci_upper - normal.effect_size_ci_lower) / 2 / NormalDist().inv_cdf(1 - alpha / 2)
    return Effect(
        found.control, found.treatment, found.effect_size, found.effect_size_ci_lower, found.effect_size_ci_upper,
        found.pvalue, 1 - alpha, method, error,
    )  # fmt: skip


def always_valid(effect: Effect, n: int, planned: int, alpha: float) -> Effect:
    """The effect with an interval that holds however often one looks, and the p-value that belongs to it.

    It is the confidence sequence of a normal mixture (Waudby-Smith and others, 2021), narrowest at the planned number
    of units, of which there are ``n`` so far.

    >>> once = Effect(0, 0.1, 0.1, 0.02, 0.18, 0.01, 0.95, "Welch t", error=0.04)
    >>> found = always_valid(once, n=500, planned=1000, alpha=0.05)
    >>> round(found.low, 4), round(found.high, 4)
    (-0.0228, 0.2228)
    """
    tuned = -2 * math.log(alpha) + math.log(-2 * math.log(alpha)) + 1
    grown = n * tuned / planned  # of the mixture's variance and that of the data
    spread = effect.error * math.sqrt((grown + 1) / grown * 2 * math.log(math.sqrt(grown + 1) / alpha))
    z2 = (effect.value / effect.error) ** 2 if effect.error else 0.0
    p = min(1.0, math.sqrt(grown + 1) * math.exp(-min(z2 * grown / (grown + 1) / 2, 700)))
    return Effect(
        effect.control, effect.treatment, effect.value, effect.value - spread, effect.value + spread, p, 1 - alpha,
        template("always valid"), effect.error,
    )  # fmt: skip


def cohens_d(control: Sums, treatment: Sums) -> float | None:
    """The difference of two means in standard deviations of one unit, pooled; None where nothing varies.

    >>> cohens_d(Sums(11, {"value": 1}, {"value": 4}), Sums(11, {"value": 2}, {"value": 4}))
    0.5
    """
    free = control.n + treatment.n - 2
    pooled = ((control.n - 1) * control.variances["value"] + (treatment.n - 1) * treatment.variances["value"]) / free
    return float((treatment.means["value"] - control.means["value"]) / math.sqrt(pooled)) if pooled else None


# --- sample ratio -----------------------------------------------------------------------------------------------------


def sample_ratio(counts: Sequence[int], shares: Sequence[float]) -> float:
    """How often chance alone gives counts that lie as far from the planned shares (T8).

    >>> f"{sample_ratio([600, 400], [0.5, 0.5]):.2e}", round(sample_ratio([210, 190], [0.5, 0.5]), 3)
    ('2.54e-10', 0.317)
    """
    from scipy.stats import chisquare

    total = sum(counts)
    return float(chisquare(counts, [share * total for share in shares]).pvalue) if total else 1.0


def running_sample_ratio(is_treated: ArrayLike, share: float) -> float:
    """The same for units in the order of assignment, however often one looks: the least it was at any moment.

    It is the inverse of the Bayes factor between the plan and a Dirichlet prior around it (Lindon and Malek, 2022).

    >>> running_sample_ratio([0, 1] * 500, 0.5) > 0.5, running_sample_ratio([1, 1, 0] * 500, 0.5) < 0.001
    (True, True)
    """
    from scipy.special import betaln

    treated = np.asarray(is_treated, dtype=float)
    if not len(treated):
        return 1.0
    ones, n = np.cumsum(treated), np.arange(1, len(treated) + 1)
    a, b = SRM_PRIOR * share, SRM_PRIOR * (1 - share)
    evidence = betaln(a + ones, b + n - ones) - betaln(a, b) - ones * math.log(share) - (n - ones) * math.log(1 - share)
    return float(min(1.0, math.exp(-max(evidence.max(), 0))))


# --- power ------------------------------------------------------------------------------------------------------------


def needed_for_shares(control: float, treatment: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """The units per variant by which a difference of two shares is found as often as ``power`` says (T6).

    >>> needed_for_shares(0.2, 0.3)
    294
    """
    from scipy.stats import norm

    z_alpha, z_beta = norm.ppf(1 - alpha / 2), norm.ppf(power)
    mean, spread = (control + treatment) / 2, control * (1 - control) + treatment * (1 - treatment)
    root = z_alpha * math.sqrt(2 * mean * (1 - mean)) + z_beta * math.sqrt(spread)
    return math.ceil(float((root / (treatment - control)) ** 2))


def needed_for_means(spread: float, mde: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """The units per variant by which a difference of two means, or ratios, is found; ``spread`` is that of one unit.

    >>> needed_for_means(1.0, 0.5), needed_for_means(0.01, 0.5)
    (63, 1)
    """
    from scipy.stats import norm

    z = norm.ppf(1 - alpha / 2) + norm.ppf(power)
    return math.ceil(float(2 * (z * spread / mde) ** 2))


def power_of_shares(control: float, treatment: float, n: Sequence[float], alpha: float = 0.05) -> float:
    """How often so many units per variant find a difference of two shares, by the arcsine method (T6).

    >>> round(power_of_shares(0.2, 0.3, (200, 200)), 4)
    0.6405
    """
    from statsmodels.stats.power import NormalIndPower
    from statsmodels.stats.proportion import proportion_effectsize

    size = proportion_effectsize(treatment, control)
    return float(NormalIndPower().power(size, n[0], alpha, ratio=n[1] / n[0]))


def power_of_means(spread: float, mde: float, n: Sequence[float], alpha: float = 0.05) -> float:
    """How often so many units per variant find a difference of two means, or of two ratios.

    >>> round(power_of_means(1.0, 0.5, (63, 63)), 2)
    0.8
    """
    from statsmodels.stats.power import NormalIndPower

    return float(NormalIndPower().power(abs(mde) / spread, n[0], alpha, ratio=n[1] / n[0]))


def spread_of_ratio(sums: Sums, per: str | None) -> float:
    """The standard deviation of one unit's value, or of its part in a ratio of sums."""
    variance = sums.aggregates().ratio_var("value", per) if per else sums.variances["value"]
    return math.sqrt(max(float(variance), 0.0))


# --- many tests -------------------------------------------------------------------------------------------------------


def holm(p_values: Sequence[float], tried: int = 0) -> list[float]:
    """P-values corrected for one another; ``tried`` further tests were made and are not among them (T7).

    >>> [round(p, 3) for p in holm([0.001, 0.012, 0.02, 0.04, 0.3])]
    [0.005, 0.048, 0.06, 0.08, 0.3]
    """
    from statsmodels.stats.multitest import multipletests

    family = [*p_values, *[1.0] * tried]
    return multipletests(family, method="holm")[1][: len(p_values)].tolist() if family else []


# --- ranks ------------------------------------------------------------------------------------------------------------


def auc(scores: ArrayLike, events: ArrayLike) -> float | None:
    """How often one with the event ranks above one without, equal ones counted half (T13); None without both kinds.

    >>> risk = [-0, -1, -3, -2, -5, -6, -7, -4]
    >>> round(auc(risk, [1, 1, 1, 0, 0, 0, 0, 0]), 6)
    0.933333
    """
    _, place = np.unique(np.asarray(scores, dtype=float), return_inverse=True)
    event = np.asarray(events, dtype=float)
    found = float(_ordered_pairs(np.bincount(place, event), np.bincount(place, 1 - event)))
    return None if math.isnan(found) else found


def auc_draws(scores: ArrayLike, events: ArrayLike, customers: ArrayLike) -> NDArray[np.float64]:
    """The same over customers drawn with replacement, from a fixed seed: each takes all of its rows with it."""
    from scipy.sparse import csr_array

    _, place = np.unique(np.asarray(scores, dtype=float), return_inverse=True)
    _, customer = np.unique(np.asarray(customers), return_inverse=True)
    event, shape = np.asarray(events, dtype=float), (int(place.max()) + 1, int(customer.max()) + 1)
    with_event, without = (csr_array((which, (place, customer)), shape) for which in (event, 1 - event))
    draws = [_ordered_pairs(with_event @ times.T, without @ times.T) for times in times_drawn(shape[1], RESAMPLES)]
    found = np.concatenate(draws)
    return found[~np.isnan(found)]


def _ordered_pairs(with_event: NDArray[Any], without: NDArray[Any]) -> NDArray[np.float64]:
    """Of all pairs the share whose event stands higher, NaN of none; a row for each score, the lowest first."""
    pairs = with_event.sum(axis=0) * without.sum(axis=0)
    ordered = (with_event * (without.cumsum(axis=0) - without / 2)).sum(axis=0)
    return np.asarray(np.divide(ordered, pairs, out=np.full(np.shape(pairs), np.nan), where=pairs > 0))


def auc_interval(draws: NDArray[np.float64]) -> Interval | None:
    """The interval in which 95 % of the draws lie."""
    if not len(draws):
        return None
    low, high = np.quantile(draws, [0.025, 0.975])
    return Interval(float(low), float(high), 0.95, template("bootstrap over customers"))


def lift(scores: ArrayLike, events: ArrayLike, share: float) -> float | None:
    """How many times as often the event met those with the highest scores as it met all; ties count by their share.

    >>> round(lift([9, 8, 3, 2, 2, 1, 1, 0], [1, 1, 0, 0, 1, 0, 0, 0], 0.25), 6)
    2.666667
    """
    score, event = np.asarray(scores, dtype=float), np.asarray(events, dtype=float)
    asked = math.ceil(share * len(score) - 1e-9)
    if not asked or not event.sum():
        return None
    edge = np.sort(score)[::-1][asked - 1]
    above, level = score > edge, score == edge
    caught = event[above].sum() + event[level].mean() * (asked - above.sum())
    return float(caught / asked / event.mean())


def best_threshold(scores: ArrayLike, events: ArrayLike) -> float:
    """The score from which on the alarm is raised: where most events are found for fewest false alarms (Youden)."""
    score, event = np.asarray(scores, dtype=float), np.asarray(events, dtype=bool)
    levels = np.unique(score)
    gains = [(score[event] >= level).mean() - (score[~event] >= level).mean() for level in levels]
    return float(levels[int(np.argmax(gains))])


# --- links ------------------------------------------------------------------------------------------------------------


def critical_correlation(n: int) -> float:
    """The rank correlation that so many points must reach to differ from none at 5 % (T14).

    >>> round(critical_correlation(8), 3), round(critical_correlation(20), 3)
    (0.738, 0.444)
    """
    from scipy.stats import t

    if (squares := SQUARED_RANK_DIFFERENCES.get(n)) is not None:
        return 1 - 6 * squares / (n * (n * n - 1))
    quantile = float(t.ppf(0.975, n - 2))
    return quantile / math.sqrt(n - 2 + quantile * quantile)


@dataclass(frozen=True)
class Slope:
    """How an outcome differs by one unit of what is asked about, other things equal."""

    value: float
    low: float
    high: float
    p: float
    n: int

    @property
    def interval(self) -> Interval:
        return Interval(self.low, self.high, 0.95, template("least squares, errors by customer"))


def slope(outcome: ArrayLike, columns: NDArray[np.float64], customers: ArrayLike) -> Slope | None:
    """The slope of the first column by least squares, with errors that let a customer's rows hang together.

    None where the columns cannot be told apart, or nothing varies.
    """
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools import add_constant

    y = np.asarray(outcome, dtype=float)
    design = add_constant(columns, has_constant="add")
    if np.linalg.matrix_rank(design) < design.shape[1] or np.ptp(y) == 0 or len(y) <= design.shape[1]:
        return None
    _, groups = np.unique(np.asarray(customers), return_inverse=True)
    found = OLS(y, design).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = found.conf_int()[1]
    return Slope(float(found.params[1]), float(low), float(high), float(found.pvalues[1]), len(y))


def rank_correlation(xs: ArrayLike, ys: ArrayLike) -> Slope | None:
    """Spearman's correlation of two series, with the interval of Bonett and Wright; None where one does not vary."""
    from scipy.stats import spearmanr

    x, y = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    if len(x) < 4 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    found = spearmanr(x, y)
    r = float(found.statistic)
    if abs(r) == 1:
        return Slope(r, r, r, float(found.pvalue), len(x))
    spread = 1.959964 * math.sqrt((1 + r * r / 2) / (len(x) - 3))
    return Slope(r, math.tanh(math.atanh(r) - spread), math.tanh(math.atanh(r) + spread), float(found.pvalue), len(x))
