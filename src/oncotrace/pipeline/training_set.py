"""What a training learns from and is judged on: cases with clicks drawn from them, or without."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from oncotrace.domain.case import Cohort
from oncotrace.domain.scan import Modality
from oncotrace.learning.fingerprint import Fingerprint, fingerprint
from oncotrace.learning.plan import Plan
from oncotrace.learning.recipe import Recipe
from oncotrace.learning.sample import TrainingData
from oncotrace.pipeline.label_scores import (
    LabelDice,
    LabelledScore,
    as_label_dices,
    best_for_labels,
    label_scores,
)
from oncotrace.pipeline.located_cases import located_data, located_scores, outlined_fingerprint
from oncotrace.pipeline.lung_cases import (
    LungCase,
    lung_cases,
    lung_data,
    lung_scores_out_of_fold,
    require_a_tumour,
    slices_of,
)
from oncotrace.pipeline.out_of_fold import OutOfFoldMask, out_of_fold_masks
from oncotrace.pipeline.training_cases import (
    TrainingCase,
    fingerprint_for,
    training_cases,
    training_data,
)
from oncotrace.pipeline.whole_image_cases import (
    WholeImageCase,
    whole_image_cases,
    whole_image_data,
)
from oncotrace.pipeline.whole_image_scores import (
    WholeImageScore,
    as_out_of_fold,
    best_post_processing,
    whole_image_scores,
)
from oncotrace.segment.label_finish import KEY as LABEL_POST_PROCESSING
from oncotrace.segment.planned_input import is_for_lungs, is_located, needs_clicks


class IdentifiedCase(Protocol):
    """One case of a training."""

    @property
    def case_id(self) -> str:
        """Name of the case, and of the sequence where that is its own case."""
        ...

    @property
    def patient_id(self) -> str:
        """The patient's id."""
        ...

    def digest(self) -> str:
        """SHA-256 of images and outlines and where they lie."""
        ...


@dataclass(frozen=True)
class Judgement:
    """What the networks do on patients whom they never saw, and what the plan learns from it."""

    masks: Sequence[OutOfFoldMask]
    plan: Plan
    labels: Sequence[LabelDice] = ()
    """Of every structure, where several are told apart; ``masks`` are of the first."""


class TrainingSet(Protocol):
    """Cases of one kind of training."""

    @property
    def cases(self) -> Sequence[IdentifiedCase]:
        """All cases."""
        ...

    @property
    def samples(self) -> int:
        """Different samples, not counting chance: what a round through all of them has."""
        ...

    def fingerprint(self, recipe: Recipe) -> Fingerprint:
        """Return what the cases have in common."""
        ...

    def data(self, plan: Plan, without: Collection[str]) -> TrainingData:
        """Make samples of all patients but some."""
        ...

    def judged(
        self, plan: Plan, fold_of: Mapping[str, int], networks: Mapping[int, bytes]
    ) -> Iterator[Judgement]:
        """Segment every case by the network of its fold; yields case by case, the whole so far."""
        ...


def training_set(
    recipe: Recipe,
    cohort: Cohort,
    modalities: tuple[Modality, ...],
    locator: Path | None = None,
) -> TrainingSet:
    """Read the cases that a recipe learns from.

    Parameters
    ----------
    locator
        Where the model folder of the recipe's locator is when the networks are judged; not looked
        at where the recipe has none.

    Raises
    ------
    InputError
        A case cannot be used.
    """
    if needs_clicks(recipe):
        return ClickedSet(tuple(training_cases(cohort, modalities)))
    if is_for_lungs(recipe):
        return LungSet(tuple(lung_cases(cohort, recipe)))
    if is_located(recipe):
        return LocatedSet(tuple(whole_image_cases(cohort, modalities)), locator)
    if recipe.labels:
        return LabelledSet(tuple(whole_image_cases(cohort, modalities, recipe.labels)))
    return WholeImageSet(tuple(whole_image_cases(cohort, modalities)))


@dataclass(frozen=True, eq=False)
class ClickedSet:
    """Cases, each of one sequence, from whose outlines clicks are drawn."""

    cases: tuple[TrainingCase, ...]

    @property
    def samples(self) -> int:
        """So many cases."""
        return len(self.cases)

    def fingerprint(self, recipe: Recipe) -> Fingerprint:
        """Return what the cases have in common."""
        return fingerprint_for(recipe, self.cases)

    def data(self, plan: Plan, without: Collection[str]) -> TrainingData:
        """Make samples of all patients but some."""
        return training_data([c for c in self.cases if c.patient_id not in without], plan)

    def judged(
        self, plan: Plan, fold_of: Mapping[str, int], networks: Mapping[int, bytes]
    ) -> Iterator[Judgement]:
        """Segment every case from several draws of clicks."""
        masks: list[OutOfFoldMask] = []
        for of_case in out_of_fold_masks(plan, self.cases, fold_of, networks):
            masks += of_case
            yield Judgement(masks, plan)


@dataclass(frozen=True, eq=False)
class WholeImageSet:
    """Cases of one or several sequences, without clicks."""

    cases: tuple[WholeImageCase, ...]

    @property
    def samples(self) -> int:
        """So many cases."""
        return len(self.cases)

    def fingerprint(self, recipe: Recipe) -> Fingerprint:  # noqa: ARG002
        """Return what the cases have in common; of their first sequences."""
        return fingerprint(case.summary for case in self.cases)

    def data(self, plan: Plan, without: Collection[str]) -> TrainingData:
        """Make samples of all patients but some."""
        return whole_image_data([c for c in self.cases if c.patient_id not in without], plan)

    def judged(
        self, plan: Plan, fold_of: Mapping[str, int], networks: Mapping[int, bytes]
    ) -> Iterator[Judgement]:
        """Segment every case; the plan takes over the best post-processing."""
        return _judgements(whole_image_scores(plan, self.cases, fold_of, networks), plan)


def _judgements(scored: Iterator[WholeImageScore], plan: Plan) -> Iterator[Judgement]:
    """Judge by the scores so far; the plan takes over the post-processing that is best on them."""
    scores: list[WholeImageScore] = []
    for score in scored:
        scores.append(score)
        kind = best_post_processing(scores)
        known = {**plan.preparation, "post_processing": kind}
        chosen = plan.model_copy(update={"preparation": known})
        yield Judgement([as_out_of_fold(score, kind) for score in scores], chosen)


class LabelledSet(WholeImageSet):
    """Such cases, with several structures."""

    def judged(
        self, plan: Plan, fold_of: Mapping[str, int], networks: Mapping[int, bytes]
    ) -> Iterator[Judgement]:
        """Segment every case; the plan takes over the best post-processing of every label."""
        scores: list[LabelledScore] = []
        for score in label_scores(plan, self.cases, fold_of, networks):
            scores.append(score)
            kinds = best_for_labels(scores, plan)
            tumour, *others = kinds
            known = {
                **plan.preparation,
                "post_processing": kinds[tumour],
                LABEL_POST_PROCESSING: {name: kinds[name] for name in others},
            }
            yield Judgement(
                [as_out_of_fold(of_case.tumour, kinds[tumour]) for of_case in scores],
                plan.model_copy(update={"preparation": known}),
                [dice for of_case in scores for dice in as_label_dices(of_case, kinds)],
            )


@dataclass(frozen=True, eq=False)
class LocatedSet:
    """Cases of one or several sequences, seen behind a locator, if there is one."""

    cases: tuple[WholeImageCase, ...]
    locator: Path | None

    @property
    def samples(self) -> int:
        """So many cases."""
        return len(self.cases)

    def fingerprint(self, recipe: Recipe) -> Fingerprint:
        """Return what the cases have in common; of the boxes that a good locator would find."""
        return outlined_fingerprint(recipe, self.cases)

    def data(self, plan: Plan, without: Collection[str]) -> TrainingData:
        """Make samples of all patients but some."""
        return located_data([c for c in self.cases if c.patient_id not in without], plan)

    def judged(
        self, plan: Plan, fold_of: Mapping[str, int], networks: Mapping[int, bytes]
    ) -> Iterator[Judgement]:
        """Segment every case; the plan takes over the best post-processing."""
        return _judgements(located_scores(plan, self.cases, fold_of, networks, self.locator), plan)


@dataclass(frozen=True, eq=False)
class LungSet:
    """CTs of the lungs, learnt slice by slice."""

    cases: tuple[LungCase, ...]

    @property
    def samples(self) -> int:
        """So many slices with lung field."""
        return len(slices_of(self.cases))

    def fingerprint(self, recipe: Recipe) -> Fingerprint:  # noqa: ARG002
        """Return what the cases with tumour have in common."""
        return fingerprint(require_a_tumour(self.cases))

    def data(self, plan: Plan, without: Collection[str]) -> TrainingData:
        """Make samples of all patients but some."""
        return lung_data([c for c in self.cases if c.patient_id not in without], plan)

    def judged(
        self, plan: Plan, fold_of: Mapping[str, int], networks: Mapping[int, bytes]
    ) -> Iterator[Judgement]:
        """Segment every case with a tumour."""
        masks: list[OutOfFoldMask] = []
        for mask in lung_scores_out_of_fold(plan, self.cases, fold_of, networks):
            masks.append(mask)
            yield Judgement(masks, plan)
