"""How often the confidence intervals of agreement hold the true value: a simulation.

    python benchmarks/interval_coverage_icc.py [--simulations 2000] [--out FILE]

Every interval claims 95 %. With 2,000 simulations, one that keeps its word is found between 94.0
and 95.9 % in 19 of 20 runs (exact binomial limits, columns ``by_chance_low`` and
``by_chance_high``).

Readings of measured values are the sum of a normal effect of the case (SD 2), one of the reader
(SD 0.5) and a normal error (SD 1), so that the true ICC(A,1) is 4 / 5.25, the true ICC(C,1) 4 / 5
and the true limit of agreement with the mean 1.96 times the SD of a reading about the mean of its
case. For ICC(1) readers differ from case to case. Concordance is that of bivariate normal pairs.

Categories are three, equally frequent; each reader copies the truth with probability 0.8 and
guesses otherwise, so that every kappa and alpha is 0.64.
"""

import argparse
import csv
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from rich.progress import track
from scipy import stats

from oncotrace.stats.agreement import Interval
from oncotrace.stats.concordance import concordance
from oncotrace.stats.icc import icc
from oncotrace.stats.kappa import cohen_kappa, fleiss_kappa
from oncotrace.stats.krippendorff import krippendorff_alpha
from oncotrace.stats.limits_of_agreement_with_mean import limits_of_agreement_with_mean

RESULTS = Path(__file__).parent / "results" / "interval_coverage_icc.csv"
DESIGNS = ((100, 3), (100, 10), (20, 3), (20, 10))
"""Numbers of cases and readers."""
SEED = 20
SD_CASES, SD_READERS, SD_ERROR = 2.0, 0.5, 1.0
COPIED = 0.8
CATEGORIES = 3

Intervals = Mapping[str, Interval | None]
Simulation = Callable[[int, int, np.random.Generator], Intervals]


def main() -> None:
    """Simulate all designs and write a line for each statistic."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--simulations", type=int, default=2000)
    arguments.add_argument("--out", type=Path, default=RESULTS)
    options = arguments.parse_args()
    rows = []
    for cases, readers in DESIGNS:
        for simulate in (measured, one_way, pairs, categories):
            rows += covered(simulate, cases, readers, options.simulations)
    with options.out.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def covered(
    simulate: Simulation, cases: int, readers: int, simulations: int
) -> list[dict[str, object]]:
    """Share of simulations whose interval holds the true value, a row for each statistic."""
    rng = np.random.default_rng(SEED)
    held: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    for _ in track(range(simulations), f"{simulate.__name__}, {cases} cases, {readers} readers"):
        for name, interval in simulate(cases, readers, rng).items():
            low, high = interval or (math.inf, -math.inf)
            held.setdefault(name, []).append(low <= true_value(name, readers) <= high)
            widths.setdefault(name, []).append(high - low)
    low, high = (float(stats.binom.ppf(tail, simulations, 0.95)) for tail in (0.025, 0.975))
    return [
        {
            "statistic": name,
            "cases": cases,
            "readers": readers,
            "simulations": simulations,
            "true_value": f"{true_value(name, readers):.4f}",
            "coverage_percent": f"{100 * np.mean(some):.2f}",
            "by_chance_low": f"{100 * low / simulations:.2f}",
            "by_chance_high": f"{100 * high / simulations:.2f}",
            "mean_width": f"{np.mean(widths[name]):.4f}",
        }
        for name, some in held.items()
    ]


def true_value(name: str, readers: int) -> float:
    """Value that the statistic has where the simulated numbers come from."""
    between, among, error = SD_CASES**2, SD_READERS**2, SD_ERROR**2
    single = {
        "ICC(1)": between / (between + error),
        "ICC(A,1)": between / (between + among + error),
        "ICC(C,1)": between / (between + error),
        "concordance": 2 * 0.8 * 1.2 / (1 + 1.2**2 + 0.25**2),
    }
    if name in single:
        return single[name]
    if name.startswith("ICC"):
        of_one = single[name.replace("(k)", "(1)").replace(",k", ",1")]
        return readers * of_one / (1 + (readers - 1) * of_one)
    if name == "limit with the mean":
        about_mean = (1 - 1 / readers) * (among + error)
        return float(stats.norm.ppf(0.975)) * math.sqrt(about_mean)
    return COPIED**2


def measured(cases: int, readers: int, rng: np.random.Generator) -> Intervals:
    """Two-way ICCs and limits of agreement with the mean of measured values."""
    readings = (
        rng.normal(scale=SD_CASES, size=(cases, 1))
        + rng.normal(scale=SD_READERS, size=(1, readers))
        + rng.normal(scale=SD_ERROR, size=(cases, readers))
    )
    found = {one.mcgraw_wong: one.interval for one in icc(readings)}
    two_way = {name: found[name] for name in ("ICC(A,1)", "ICC(C,1)", "ICC(A,k)", "ICC(C,k)")}
    return {**two_way, "limit with the mean": limits_of_agreement_with_mean(readings).interval}


def one_way(cases: int, readers: int, rng: np.random.Generator) -> Intervals:
    """ICCs where readers differ from case to case."""
    readings = rng.normal(scale=SD_CASES, size=(cases, 1)) + rng.normal(
        scale=SD_ERROR, size=(cases, readers)
    )
    found = {one.mcgraw_wong: one.interval for one in icc(readings)}
    return {name: found[name] for name in ("ICC(1)", "ICC(k)")}


def pairs(cases: int, readers: int, rng: np.random.Generator) -> Intervals:  # noqa: ARG001
    """Concordance of two readers, whatever the number of readers."""
    first = rng.normal(size=cases)
    second = 1.2 * (0.8 * first + 0.6 * rng.normal(size=cases)) + 0.25
    return {"concordance": concordance(first, second).interval}


def categories(cases: int, readers: int, rng: np.random.Generator) -> Intervals:
    """Kappas and alpha of readers who copy the truth or guess."""
    truth = rng.integers(0, CATEGORIES, (cases, 1))
    guesses = rng.integers(0, CATEGORIES, (cases, readers))
    readings = np.where(rng.random((cases, readers)) < COPIED, truth, guesses)
    counts = np.stack([(readings == one).sum(axis=1) for one in range(CATEGORIES)], axis=1)
    first, second = readings[:, 0].tolist(), readings[:, 1].tolist()
    alpha = krippendorff_alpha(readings, "nominal", seed=SEED, resamples=1000)
    return {
        "Cohen's kappa": cohen_kappa(first, second, categories=range(CATEGORIES)).interval,
        "Fleiss' kappa": fleiss_kappa(counts).interval,
        "Krippendorff's alpha": alpha.interval,
    }


if __name__ == "__main__":
    main()
