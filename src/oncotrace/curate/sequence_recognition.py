"""Which sequence a series shows, by rules that are weighed against each other.

What rules say falls into questions that are answered apart: what the image is for, whether it is a
map of a quantity or another special series, how it is weighted, whether fat is suppressed, whether
a contrast agent was given.
Rules that say the same strengthen each other, 1 - (1 - a)(1 - b); rules that answer the same
question otherwise weaken the answer, times (1 - c), where c is the strength of the next best. The
confidence of the sequence is that of its least sure part. What nothing speaks for, such as fat
suppression, is taken to be absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from oncotrace.curate.sequence_rules import Facts, SequenceRule, built_in_rules, plain_words
from oncotrace.domain.scan import Modality

_QUESTIONS = {
    "purpose": ("localiser", "secondary-capture", "derived"),
    "modality": ("ct", "pet"),
    "map": ("adc", "map"),
    "special": ("dwi", "dce", "angio", "swi"),
    "weighting": ("t1", "t2", "t2star", "pd", "flair"),
    "fat": ("fs", "no-fs"),
    "agent": ("gd", "no-gd"),
}
_WITH_FAT_SUPPRESSION = ("t1", "t2", "pd")
_WITH_AGENT = ("t1",)
_LEAST_SURE = 0.5  # a purpose or a special series that is less sure leaves it to the weighting
_LEAST_SAID = 0.3  # weaker answers are none

_NAMES: dict[str, Modality] = {
    "ct": "ct",
    "pet": "pet",
    "mr-t1": "mr-t1",
    "mr-t1fs": "mr-t1fs",
    "mr-t1gd": "mr-t1gd",
    "mr-t1fsgd": "mr-t1gd",
    "mr-t2": "mr-t2",
    "mr-t2fs": "mr-t2fs",
}


@dataclass(frozen=True)
class Recognised:
    """What a series shows.

    Parameters
    ----------
    sequence
        ``ct``, ``ct-scout``, ``pet``; ``mr-t1``, ``mr-t1fs``, ``mr-t1gd``, ``mr-t1fsgd``,
        ``mr-t2``, ``mr-t2fs``, ``mr-pd``, ``mr-pdfs``, ``mr-flair``, ``mr-t2star``, ``mr-dwi``,
        ``mr-adc``, ``mr-dce``, ``mr-map``, ``mr-angio``, ``mr-swi``, ``mr-localiser``,
        ``mr-unknown``; ``derived``, ``secondary-capture``; for any other object its modality in
        lower case.
    confidence
        0 to 1; none where nothing was recognised.
    rules
        Names of those that said so.
    """

    sequence: str
    confidence: float | None
    rules: tuple[str, ...]

    @property
    def modality_name(self) -> Modality | None:
        """What oncotrace calls an image of that sequence."""
        return _NAMES.get(self.sequence)


@dataclass(frozen=True)
class _Answer:
    value: str = ""
    confidence: float = 0.0
    rules: tuple[str, ...] = ()


def recognised(facts: Facts, *texts: str) -> Recognised:
    r"""Recognise a series.

    Parameters
    ----------
    facts
        Values of its header by name; codes of an element with several separated by ``\\``.
    texts
        Its free text: description, protocol, name of the pulse sequence.
    """
    modality = str(facts.get("modality") or "")
    words = plain_words(*texts)
    fired = [rule for rule in built_in_rules().of(modality) if rule.fires(facts, words)]
    answers = {question: _answer(fired, values) for question, values in _QUESTIONS.items()}
    purpose = answers["purpose"]
    if purpose.confidence >= _LEAST_SURE:
        return Recognised(_purpose_name(purpose.value, modality), *_sureness([purpose]))
    if modality == "MR":
        return _magnetic(answers)
    known = answers["modality"]
    if known.value:
        return Recognised(known.value, *_sureness([known]))
    return Recognised(modality.lower() or "unknown", None, ())


def _purpose_name(purpose: str, modality: str) -> str:
    if purpose == "localiser":
        return {"CT": "ct-scout", "MR": "mr-localiser"}.get(modality, "localiser")
    return purpose


def _magnetic(answers: dict[str, _Answer]) -> Recognised:
    weighting = answers["weighting"]
    for special in (answers["map"], answers["special"]):
        if special.confidence >= _LEAST_SURE:
            return Recognised(f"mr-{special.value}", *_sureness([special]))
    if not weighting.value:
        return Recognised("mr-unknown", None, ())
    parts, name = [weighting], f"mr-{weighting.value}"
    if weighting.value in _WITH_FAT_SUPPRESSION and answers["fat"].value:
        parts.append(answers["fat"])
        name += "fs" if answers["fat"].value == "fs" else ""
    if weighting.value in _WITH_AGENT and answers["agent"].value:
        parts.append(answers["agent"])
        name += "gd" if answers["agent"].value == "gd" else ""
    return Recognised(name, *_sureness(parts))


def _sureness(parts: Iterable[_Answer]) -> tuple[float, tuple[str, ...]]:
    """Confidence of the least sure part, and all rules that spoke for any."""
    known = list(parts)
    rules = tuple(dict.fromkeys(name for part in known for name in part.rules))
    return round(min(part.confidence for part in known), 3), rules


def _answer(fired: Iterable[SequenceRule], values: tuple[str, ...]) -> _Answer:
    """Weigh what the rules answer to one question."""
    doubt = dict.fromkeys(values, 1.0)
    names: dict[str, list[str]] = {value: [] for value in values}
    for rule in fired:
        if rule.says in doubt:
            doubt[rule.says] *= 1.0 - rule.confidence
            names[rule.says].append(rule.name)
    best, *others = sorted(values, key=doubt.__getitem__)
    next_best = 1.0 - doubt[others[0]]
    confidence = (1.0 - doubt[best]) * (1.0 - next_best)
    if not names[best] or 1.0 - doubt[best] < _LEAST_SAID:
        return _Answer()
    return _Answer(best, confidence, tuple(names[best]))
