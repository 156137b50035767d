"""Samples prepared ahead of their use: what and in which order depends on the seed alone."""

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from oncotrace.learning.padding import margins_zyx, padded
from oncotrace.learning.plan import Plan
from oncotrace.learning.sample import Sample, TrainingData, checked_sample
from oncotrace.learning.train.augment import augmented
from oncotrace.learning.train.patches import random_patch

_ORDER, _CONTENT = 0, 1
STEPS_AHEAD = 3

Batch = list[Sample]


def batches(
    plan: Plan, data: TrainingData, *, first_step: int, workers: int
) -> Generator[Batch, None, None]:
    """Batches of the steps from ``first_step`` on, prepared by so many threads.

    Every case comes once before any comes again. A sample's chance is drawn from the seed, its
    step and its place in the batch, so that threads and interruptions change nothing.
    """
    waiting: deque[list[Future[Sample]]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="samples")
    try:
        steps = iter(range(first_step, plan.recipe.optimiser.steps))
        while True:
            while len(waiting) < STEPS_AHEAD and (step := next(steps, None)) is not None:
                slots = range(plan.recipe.optimiser.batch_size)
                waiting.append([pool.submit(_sample, plan, data, step, slot) for slot in slots])
            if not waiting:
                return
            yield [future.result() for future in waiting.popleft()]
    finally:
        pool.shutdown(cancel_futures=True)


def _sample(plan: Plan, data: TrainingData, step: int, slot: int) -> Sample:
    recipe = plan.recipe
    index = case_index(len(data.case_ids), step * recipe.optimiser.batch_size + slot, recipe.seed)
    rng = np.random.default_rng(
        np.random.SeedSequence(recipe.seed, spawn_key=(_CONTENT, step, slot))
    )
    sample = checked_sample(data, index, rng, plan)
    if recipe.grid.mode == "patch":
        sample = random_patch(sample, plan, rng)
    changed = augmented(sample, recipe.augmentation, len(recipe.channels.images), rng)
    margins = margins_zyx(changed.shape_zyx, plan)
    return Sample(
        padded(changed.channels, margins),
        padded(changed.target, margins),
        changed.spacing_zyx_mm,
    )


def case_index(cases: int, draw: int, seed: int) -> int:
    """Case of a draw: a new random order of all cases in every round."""
    order = np.random.SeedSequence(seed, spawn_key=(_ORDER, draw // cases))
    return int(np.random.default_rng(order).permutation(cases)[draw % cases])
