"""Every kind of model is adapted: V-Nets, models of two stages, and slices of the lungs."""

from pathlib import Path

import numpy as np
import pytest
from tests.integration.conftest import make_phantom
from tests.train.test_finetune_journey import tuning, weights
from tests.unit.learning.builders import tiny_fingerprint
from tests.unit.segment.chest_phantom import GRID as FINE
from tests.unit.segment.chest_phantom import chest

pytest.importorskip("torch")

from oncotrace.domain.geometry import Geometry
from oncotrace.domain.mask import Mask
from oncotrace.domain.scan import Scan
from oncotrace.domain.segmentation import SegmentationRequest
from oncotrace.errors import InputError
from oncotrace.imaging.lesion_simulation import LesionWish, plant
from oncotrace.io.volume_file import read_scan, write_mask, write_scan
from oncotrace.learning.locator_folder import LOCATOR, naming_locator
from oncotrace.learning.model_folder import read_model, write_model
from oncotrace.learning.onnx_predict import load_predictor
from oncotrace.learning.plan import Plan, make_plan
from oncotrace.learning.recipe import parse_recipe
from oncotrace.learning.train.export import exported
from oncotrace.learning.train.network import build_network
from oncotrace.learning.tuning import Tuning
from oncotrace.pipeline.segment import segment_case
from oncotrace.pipeline.verify import verify_run
from oncotrace.segment.lung import LungSegmentation
from oncotrace.segment.segmenters import segmenter

STAGE = """
[{0}channels]
images = ["mr-t1"]
[{0}grid]
mode = "patch"
size_xyz = [16, 16, 16]
{1}
[{0}network]
kind = "vnet"
first_channels = 2
levels = 3
dropout = 0.2
deep_supervision = false
[{0}optimiser]
steps = 30
batch_size = 1
"""
COARSE = STAGE.format("locator.recipe.", "spacing_mm = [5.0, 5.0, 5.0]")
TWO_STAGES = f"""
name = "tiny-roi-net"
preparation = "roi-net"
{STAGE.format("", "")}
[locator]
margin_mm = 8
[locator.recipe]
name = "tiny-coarse"
preparation = "roi-net"
{COARSE}
"""
LUNG = """
name = "tiny-lung"
preparation = "lung"
empty_targets = true
[channels]
images = ["ct"]
[grid]
size_xyz = [128, 128, 1]
share_on_target = 0.6
[network]
kind = "unet-2d"
first_channels = 2
levels = 3
deep_supervision = false
dropout = 0.5
[optimiser]
learning_rate = 1e-2
steps = 30
batch_size = 2
"""
THICK = Geometry((116, 84, 34), (3.0, 3.0, 9.0), FINE.origin_mm)


def planned(recipe: str, sequence: str) -> Plan:
    known = {"modalities": [sequence]}
    return make_plan(parse_recipe(recipe, "tiny.toml"), tiny_fingerprint(), known)


def write_random_model(folder: Path, plan: Plan) -> Path:
    write_model(
        folder, plan, {0: exported(build_network(plan), plan)}, card="# Tiny\n\nPhantoms, CC0.\n"
    )
    return folder


@pytest.fixture(scope="module")
def two_stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of two V-Nets of random weights."""
    folder = tmp_path_factory.mktemp("models") / "tiny-roi-net"
    plan = planned(TWO_STAGES, "mr-t1")
    assert plan.recipe.locator is not None
    known = {"modalities": ["mr-t1"]}
    coarse = make_plan(plan.recipe.locator.recipe, tiny_fingerprint(), known)
    write_random_model(folder / LOCATOR, coarse)
    return write_random_model(folder, naming_locator(plan, folder / LOCATOR))


@pytest.fixture(scope="module")
def limbs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("limbs")
    rows = ["case_id,image_mr-t1,mask_mr-t1"]
    for name in ("c0", "c1"):
        make_phantom(folder / name, seed=int(name[1]))
        rows.append(f"{name},{name}/image.nii.gz,{name}/mask.nii.gz")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"


@pytest.fixture(scope="module")
def lungs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of slices of random weights, with dropout as the published has."""
    return write_random_model(tmp_path_factory.mktemp("models") / "tiny-lung", planned(LUNG, "ct"))


@pytest.fixture(scope="module")
def chests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients, the first with a bright tumour in the left lung, the second with none."""
    folder, whole = tmp_path_factory.mktemp("chests"), chest()
    plain = Scan(whole.ct.voxels[::3].copy(), THICK, "ct")
    wish = LesionWish("solid", "parenchyma", 45.0)
    lung = Mask(whole.left[::3].copy(), THICK)
    ct, lesion = plant(plain, lung, wish, rng=np.random.default_rng(0))
    tumour = lesion.mask.voxels
    ill = Scan(np.where(tumour, np.float32(900), ct.voxels), THICK, "ct")
    rows = ["case_id,image_ct,mask_ct"]
    for name, scan, voxels in (("ill", ill, tumour), ("well", plain, np.zeros_like(tumour))):
        write_scan(scan, folder / f"{name}_ct.nii.gz")
        write_mask(Mask(voxels, THICK), folder / f"{name}_mask.nii.gz")
        rows.append(f"{name},{name}_ct.nii.gz,{name}_mask.nii.gz")
    (folder / "cohort.csv").write_text("\n".join(rows) + "\n")
    return folder / "cohort.csv"


def changed_layers(before: Path, after: Path) -> set[str]:
    """First words of the names of the weights that are others."""
    old, new = weights(before, 0), weights(after, 0)
    trained = {name for name in old if name in new and "." in name and "kept" not in name}
    return {name.split(".")[0] for name in trained if not np.array_equal(old[name], new[name])}


@pytest.mark.slow
def test_of_two_stages_the_second_is_adapted_and_the_first_finds_as_before(
    two_stages, limbs, tmp_path
):
    out = tmp_path / "out"
    steps = list(tuning(two_stages, limbs, out))
    assert [now.step for now in steps] == [1, 2, 3]
    for name in ("plan.json", "fold_0.onnx", "MODEL_CARD.md"):
        assert (out / LOCATOR / name).read_bytes() == (two_stages / LOCATOR / name).read_bytes()
    assert changed_layers(two_stages, out) == {"decoder", "output"}
    model = read_model(out)
    assert model.plan.preparation["tuned"]["cases"] == ["c0", "c1"]
    assert "its first stage, which finds the tumour, is as it was" in model.card
    segmented = tmp_path / "segmented"
    result = segment_case(
        limbs.parent / "c0" / "image.nii.gz", None, segmented,
        modality="mr-t1", model=str(out), seed=0,
    )  # fmt: skip
    assert result["history"][0].startswith("locator of fold 0 on ")
    assert [verdict.differences for verdict in verify_run(segmented)] == [()]


@pytest.mark.slow
def test_a_network_of_slices_with_dropout_is_adapted_and_segments(lungs, chests, tmp_path):
    out = tmp_path / "out"
    list(tuning(lungs, chests, out, tuning=Tuning(layers="whole")))
    assert changed_layers(lungs, out) == {"encoder", "enlarge", "decoder", "output"}
    model = read_model(out)
    assert model.plan.preparation["tuned"]["cases"] == ["ill", "well"]
    assert "all weights" in model.card
    assert "first stage" not in model.card
    predictor = load_predictor(model, threads=1)
    shape = (1, 1, 128, 128)
    seen = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    before = load_predictor(read_model(lungs), threads=1).predict(seen).logits
    assert not np.array_equal(predictor.predict(seen).logits, before)
    ct = read_scan(chests.parent / "ill_ct.nii.gz", "ct")
    made = segmenter(str(out)).segment(SegmentationRequest({"ct": ct}, None, seed=0))
    assert isinstance(made, LungSegmentation)
    assert made.mask.geometry.matches(THICK)
    assert all(0 < lung.score < 1 for lung in made.findings.lungs)


@pytest.mark.slow
def test_the_decoder_of_a_network_of_slices_begins_behind_its_deepest_level(
    lungs, chests, tmp_path
):
    list(tuning(lungs, chests, tmp_path / "out"))
    assert changed_layers(lungs, tmp_path / "out") == {"enlarge", "decoder", "output"}


def test_lungs_without_any_tumour_are_not_learnt_from(lungs, chests, tmp_path):
    header, _, well = chests.read_text().splitlines()
    table = chests.with_name("well.csv")
    table.write_text(f"{header}\n{well}\n")
    with pytest.raises(InputError, match="shows a tumour") as caught:
        next(tuning(lungs, table, tmp_path / "out"))
    assert caught.value.code == "no-training-cases"
    assert not (tmp_path / "out.training").exists()
