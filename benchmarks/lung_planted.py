"""The recipe lung from training to detection, on lesions that were planted: a proof of the path.

    python benchmarks/lung_planted.py [--test LUNG1-002] [--data DIR] [--copies N] [--steps N]

Only two chests are at hand, both with a tumour. Into copies of one, lesions are planted
(``oncotrace.imaging.lesion_simulation``) and a small version of the published network is trained on
them with the same command that a user gives. Then new copies with other lesions are segmented: of
the same chest, which shows whether the path from training to detection works, and of the other
chest, which shows how far a network comes that has seen one patient. Every second copy has no
lesion in the lung without the patient's own tumour.

Printed are, for each: Dice of planted lesions, all of a copy together, leaving out 10 mm around the
patient's own tumour; how many are touched; pieces that touch nothing; detection by lung, once for
all lungs and once for those without the patient's own tumour; CPU seconds. Lesions are drawn from
one distribution in training and test: the figures say nothing about patients. Nothing is kept: no
scans, masks or weights.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.imaging.lesion_simulation import Kind, LesionWish, Place, plant
from oncotrace.imaging.morphology import ball_xyz, dilated
from oncotrace.io.volume_file import read_mask, read_scan, write_mask, write_scan
from oncotrace.learning.recipe import Recipe, read_recipe
from oncotrace.pipeline.train import FoldProgress, train_model
from oncotrace.segment.lung import LungSegmentation
from oncotrace.segment.lung_field import LungField
from oncotrace.segment.lung_findings import sides_with_tumour
from oncotrace.segment.lung_input import lung_input
from oncotrace.segment.lungs import Lungs, find_lungs
from oncotrace.segment.trained import trained_segmenter
from oncotrace.stats.detection import auc
from reference_data import add_data_option
from single_fold import single_fold_model

CHESTS = ("LUNG1-001", "LUNG1-002")
RECIPE = Path(__file__).parent / "recipes" / "lung-small.toml"
ABOUT = "Lesions planted into copies of one chest; see benchmarks/lung_planted.py."
TEST_COPIES = 6
DIAMETERS_MM = (16.0, 40.0)
KINDS: tuple[Kind, ...] = ("solid", "solid", "part-solid", "ground-glass")
PLACES: tuple[Place, ...] = ("parenchyma", "parenchyma", "pleura", "mediastinum")
APART_MM = 15.0
LEFT_OUT_MM = 10.0
THRESHOLD = 0.5
SAY_EVERY_STEPS = 40


@dataclass(frozen=True, eq=False)
class Copy:
    """A chest with lesions planted into it."""

    name: str
    ct: Scan
    own: Mask
    planted: Mask

    @property
    def outline(self) -> Mask:
        """The patient's own tumour and what was planted."""
        return Mask(self.own.voxels | self.planted.voxels, self.own.geometry)


def main() -> None:
    """Plant, train, segment and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--test", choices=CHESTS, default=CHESTS[1], help="chest not trained on")
    parser.add_argument("--copies", type=int, default=20, help="of the chest that is trained on")
    parser.add_argument("--steps", type=int, default=0, help="another number than the recipe's")
    options = parser.parse_args()
    (trained_on,) = (name for name in CHESTS if name != options.test)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        start = time.process_time()
        learnt = list(copies(trained_on, options.data / "lung", options.copies, seed=1))
        others = list(copies(trained_on, options.data / "lung", TEST_COPIES, seed=3))
        tested = list(copies(options.test, options.data / "lung", TEST_COPIES, seed=2))
        say("planting", start)
        start = time.process_time()
        train(work, learnt, trained_on, tested[0], options.test, recipe_of(options.steps))
        say("preparing and training", start)
        for title, chest in (("the same chest", others), ("the other chest", tested)):
            print(f"\nNew lesions in {title}")
            show(chest, work)


def recipe_of(steps: int) -> Recipe:
    """Small recipe, with another number of steps if that is given."""
    recipe = read_recipe(RECIPE)
    if not steps:
        return recipe
    settings = recipe.optimiser.model_copy(update={"steps": steps})
    return recipe.model_copy(update={"optimiser": settings})


def copies(name: str, folder: Path, count: int, *, seed: int) -> Iterator[Copy]:
    """Yield copies of a chest; every second keeps the lung without the patient's tumour."""
    ct = read_scan(folder / f"{name}_ct.nii.gz", "ct")
    own = read_mask(folder / f"{name}_gtv.nii.gz")
    lungs = find_lungs(ct)
    ill, other = lung_masks(lungs, own)
    rng = np.random.default_rng([seed, CHESTS.index(name)])
    for number in range(count):
        sides = [other] * int(rng.integers(1, 3)) if number % 2 == 0 else []
        sides += [ill] * int(rng.integers(0, 2))
        yield planted_copy(f"{name}-{number}", ct, own, sides, rng)


def lung_masks(lungs: Lungs, own: Mask) -> tuple[Mask, Mask]:
    """Lung of the patient's own tumour, away from it, and the other lung."""
    near = dilated(own.voxels, ball_xyz(APART_MM, own.geometry))
    held = {side: int((lungs.labels[near] == side).sum()) for side in (1, 2)}
    ill = max(held, key=lambda side: held[side])
    return (
        Mask((lungs.labels == ill) & ~near, lungs.geometry),
        Mask((lungs.labels == 3 - ill) & ~near, lungs.geometry),
    )


def planted_copy(
    name: str, ct: Scan, own: Mask, sides: list[Mask], rng: np.random.Generator
) -> Copy:
    """Copy with one lesion in each of the lungs named."""
    planted = np.zeros(own.voxels.shape, dtype=bool)
    for side in sides:
        wish = LesionWish(
            KINDS[rng.integers(len(KINDS))],
            PLACES[rng.integers(len(PLACES))],
            float(rng.uniform(*DIAMETERS_MM)),
        )
        ct, lesion = plant(ct, side, wish, rng=rng)
        planted |= lesion.mask.voxels
    return Copy(name, ct, own, Mask(planted, own.geometry))


def train(
    work: Path, learnt: list[Copy], trained_on: str, unseen: Copy, test: str, recipe: Recipe
) -> None:
    """Train without the chest that is tested, as a user would."""
    rows = ["case_id,patient_id,image_ct,mask_ct"]
    for patient, copy in [*((trained_on, copy) for copy in learnt), (test, unseen)]:
        write_scan(copy.ct, work / f"{copy.name}_ct.nii.gz")
        write_mask(copy.outline, work / f"{copy.name}_mask.nii.gz")
        rows.append(f"{copy.name},{patient},{copy.name}_ct.nii.gz,{copy.name}_mask.nii.gz")
    (work / "cohort.csv").write_text("\n".join(rows) + "\n")
    (work / "folds.csv").write_text(f"patient_id,fold\n{test},0\n{trained_on},1\n")
    (work / "about.md").write_text(ABOUT)
    steps = train_model(
        work / "cohort.csv",
        work / "model",
        recipe=recipe,
        modalities=("ct",),
        folds=work / "folds.csv",
        resume=False,
        only=[0],
        about=work / "about.md",
        device="cpu",
    )
    for now in steps:
        if isinstance(now, FoldProgress) and now.step % SAY_EVERY_STEPS == 0:
            print(f"step {now.step} of {now.steps}, loss {now.loss:.3f}", flush=True)


def show(tested: list[Copy], work: Path) -> None:
    """Segment copies of a chest and print every figure."""
    segmenter = trained_segmenter(single_fold_model(work / "model", 0))
    field = lung_input(tested[0].ct).field
    start = time.process_time()
    dices, touched, planted, loose = [], 0, 0, 0
    scores: list[tuple[float, bool, bool]] = []
    for copy in tested:
        made = segmenter.segment(SegmentationRequest({"ct": copy.ct}, None, seed=0))
        if not isinstance(made, LungSegmentation):
            raise TypeError(made)
        found, wanted = away_from_own(made.findings.lesions > 0, copy)
        if wanted.any():
            dices.append(2 * (found & wanted).sum() / (found.sum() + wanted.sum()))
        pieces, count = label(wanted)
        planted += count
        touched += len(set(pieces[found & wanted].tolist()))
        loose += pieces_without(found, wanted)
        scores += list(lung_rows(made, copy, field))
        overlap = f"Dice {dices[-1]:.3f}, " if wanted.any() else ""
        lungs = ", ".join(f"{lung.side} {lung.score:.3f}" for lung in made.findings.lungs)
        print(f"{copy.name}: {count} planted, {overlap}{lungs}", flush=True)
    seconds = (time.process_time() - start) / len(tested)
    print(
        f"\nDice of planted lesions {np.mean(dices):.3f} +- {np.std(dices, ddof=1):.3f} (median "
        f"{np.median(dices):.3f}, n = {len(dices)} copies); {touched} of {planted} touched; "
        f"{loose / len(tested):.2f} loose pieces a CT"
    )
    show_detection("all lungs", scores)
    show_detection("lungs without the patient's own tumour", [row for row in scores if not row[2]])
    print(f"{seconds:.1f} CPU s a CT")


def away_from_own(
    found: NDArray[np.bool_], copy: Copy
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return what was found and what was planted, away from the patient's own tumour."""
    away = ~dilated(copy.own.voxels, ball_xyz(LEFT_OUT_MM, copy.own.geometry))
    return found & away, copy.planted.voxels & away


def pieces_without(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> int:
    """Pieces that touch nothing that was planted."""
    pieces, count = label(found)
    return count - len(set(pieces[found & wanted].tolist()))


def lung_rows(
    made: LungSegmentation, copy: Copy, field: LungField
) -> Iterator[tuple[float, bool, bool]]:
    """Score of each lung, whether it has any tumour, and whether it has the patient's own."""
    ill, own = sides_with_tumour(field, copy.outline), sides_with_tumour(field, copy.own)
    for lung in made.findings.lungs:
        yield lung.score, lung.side in ill, lung.side in own


def show_detection(title: str, rows: list[tuple[float, bool, bool]]) -> None:
    """Print AUC, sensitivity and specificity by lung."""
    score, truth = (np.array([row[place] for row in rows]) for place in (0, 1))
    area = auc(score, truth.astype(float))
    ill, well = score[truth] >= THRESHOLD, score[~truth] < THRESHOLD
    print(
        f"{title}: AUC {'none' if area is None else f'{area:.3f}'}, "
        f"{ill.sum()} of {len(ill)} with and {well.sum()} of {len(well)} without tumour right"
    )


def say(what: str, start: float) -> None:
    """Print how long something took."""
    print(f"{what}: {(time.process_time() - start) / 60:.1f} core-minutes", flush=True)


if __name__ == "__main__":
    main()
