"""Agreement of readers as rows of tables and as values of ``result.json``."""

from collections.abc import Sequence
from dataclasses import asdict

from oncotrace.report.reader_agreement import MeasuredAgreement, OneReader, PairAgreement
from oncotrace.report.reader_categories import CategoryAgreement, PairKappa
from oncotrace.report.reader_readings import Readings
from oncotrace.stats.agreement import BlandAltman, Interval
from oncotrace.stats.icc import Icc
from oncotrace.stats.kappa import Kappa
from oncotrace.stats.krippendorff import Alpha
from oncotrace.stats.repeatability import Repeatability

Row = dict[str, object]


def measured_tables(found: MeasuredAgreement) -> dict[str, Sequence[Row]]:
    """Tables of agreement on measured values, by name."""
    tables: dict[str, Sequence[Row]] = {
        "readers": [_reader_row(reader) for reader in found.readers],
        "pairs": [_pair_row(pair) for pair in found.pairs],
    }
    if found.repeats:
        tables["repeats"] = [_pair_row(pair) for pair in found.repeats]
    if found.icc:
        tables["icc"] = [_icc_row(one) for one in found.icc]
    return tables


def measured_result(found: MeasuredAgreement) -> Row:
    """Agreement on measured values as plain JSON values; what is not defined is null."""
    return {
        **readings_result(found.readings),
        "complete_cases": len(found.readings.complete_cases()),
        "cases_not_complete": list(found.readings.left_out_cases()),
        "icc": [asdict(one) for one in found.icc] or None,
        "limits_of_agreement_with_mean": asdict(found.limits) if found.limits else None,
        "krippendorff_alpha": _alpha_json(found.alpha),
        "repeatability": asdict(found.repeatability) if found.repeatability else None,
        "readers": [_reader_row(reader) for reader in found.readers],
        "pairs": [_pair_row(pair) for pair in found.pairs],
        "repeats": [_pair_row(pair) for pair in found.repeats],
        "undefined": dict(found.undefined),
    }


def category_tables(found: CategoryAgreement) -> dict[str, Sequence[Row]]:
    """Tables of agreement on categories, by name."""
    tables: dict[str, Sequence[Row]] = {"pairs": [_kappa_row(pair) for pair in found.pairs]}
    if found.repeats:
        tables["repeats"] = [_kappa_row(pair) for pair in found.repeats]
    return tables


def category_result(found: CategoryAgreement) -> Row:
    """Agreement on categories as plain JSON values; what is not defined is null."""
    return {
        **readings_result(found.readings),
        "categories": list(found.readings.categories),
        "fleiss_kappa": asdict(found.fleiss) if found.fleiss else None,
        "krippendorff_alpha": _alpha_json(found.alpha),
        "pairs": [_kappa_row(pair) for pair in found.pairs],
        "repeats": [_kappa_row(pair) for pair in found.repeats],
        "undefined": dict(found.undefined),
    }


def readings_result(readings: Readings) -> Row:
    """Return what was read, by how many, and what is missing."""
    return {
        "quantity": readings.quantity,
        "n_cases": len(readings.cases),
        "n_readers": len(readings.readers),
        "n_repeats": len(readings.repeats),
        "n_readings": readings.count,
        "missing": list(readings.missing),
        "infinite": list(readings.infinite),
    }


def _icc_row(one: Icc) -> Row:
    return {
        "form": one.shrout_fleiss,
        "mcgraw_wong": one.mcgraw_wong,
        "meaning": one.meaning,
        "value": one.value,
        **_ends("value", one.interval),
    }


def _reader_row(reader: OneReader) -> Row:
    row: Row = {"reader": reader.name, "readings": reader.readings, "bias": reader.bias}
    if reader.repeatability is not None:
        row |= _repeatability_row(reader.repeatability)
    if (of_repeats := reader.icc_of_repeats) is not None:
        row |= {"icc_of_repeats": of_repeats.value}
        row |= _ends("icc_of_repeats", of_repeats.interval)
    return row


def _repeatability_row(found: Repeatability) -> Row:
    return {
        "sd_within": found.sd_within,
        **_ends("sd_within", found.sd_interval),
        "repeatability_coefficient": found.coefficient,
        **_ends("repeatability_coefficient", found.coefficient_interval),
    }


def _pair_row(pair: PairAgreement) -> Row:
    row: Row = {"first": pair.first, "second": pair.second, "cases": len(pair.cases)}
    row |= _limits_row("", pair.difference) | _limits_row("percent_", pair.percent)
    row |= {
        "pearson": pair.correlation.r if pair.correlation else None,
        **_ends("pearson", pair.correlation.interval if pair.correlation else None),
        "concordance": pair.concordance.value if pair.concordance else None,
        **_ends("concordance", pair.concordance.interval if pair.concordance else None),
    }
    return row


def _limits_row(prefix: str, found: BlandAltman | None) -> Row:
    if found is None:
        names = (f"{prefix}{name}" for name in ("bias", "lower", "upper"))
        return {key: None for name in names for key in (name, *_ends(name, None))}
    return {
        f"{prefix}bias": found.bias,
        **_ends(f"{prefix}bias", found.bias_interval),
        f"{prefix}lower": found.lower,
        **_ends(f"{prefix}lower", found.lower_interval),
        f"{prefix}upper": found.upper,
        **_ends(f"{prefix}upper", found.upper_interval),
    }


def _kappa_row(pair: PairKappa) -> Row:
    row: Row = {"first": pair.first, "second": pair.second, "cases": pair.cases}
    row |= _kappa_cells("kappa", pair.kappa)
    if pair.linear is not None:
        row |= _kappa_cells("linear_kappa", pair.linear)
        row |= _kappa_cells("quadratic_kappa", pair.quadratic)
    row["observed_agreement"] = pair.kappa.observed if pair.kappa else None
    return row


def _kappa_cells(name: str, kappa: Kappa | None) -> Row:
    if kappa is None:
        return {name: None, **_ends(name, None)}
    return {name: kappa.value, **_ends(name, kappa.interval)}


def _alpha_json(alpha: Alpha | None) -> Row | None:
    return None if alpha is None else asdict(alpha)


def _ends(name: str, interval: Interval | None) -> Row:
    low, high = interval or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}
