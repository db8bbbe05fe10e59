"""Opening: what is told of a model, right or wrong, and what of it without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

from safetensors.torch import load_file, save_file  # noqa: E402  # after the check for torch

from detailer.engines.catalog import installed, open_detector, option_names  # noqa: E402
from detailer.engines.detectors.transformers.kinds import KINDS  # noqa: E402
from detailer.errors import EngineError, InputError, MissingEngineError  # noqa: E402
from detailer.loading import Engines  # noqa: E402
from detailer.stages.detect import Detect  # noqa: E402
from tests.engines.transformers import tiny  # noqa: E402
from tests.engines.transformers.seeing import network_of  # noqa: E402

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def opened(folder, **options):
    return open_detector(f"transformers:{folder}", device="cpu", **options)


@pytest.fixture
def copied(tmp_path):
    """A model's folder that a test may spoil."""

    def copy(kind):
        return shutil.copytree(tiny.folder(kind), tmp_path / kind)

    return copy


def changed(folder, **values):
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))
    return folder


def folder_of(tmp_path, config, file="config.json"):
    (tmp_path / file).write_text(json.dumps(config))
    return tmp_path


def test_every_kind_that_is_known_is_tested():
    assert set(KINDS) == {*tiny.MADE, "sam3_video"}


def test_the_engine_is_listed_with_its_options():
    [card] = [
        card for card in installed() if (card.kind, card.name) == ("detector", "transformers")
    ]
    assert card.available
    assert option_names("detector", "transformers:x") == (
        "labels", "threshold", "device", "blur", "dilation", "compatible", "network"
    )  # fmt: skip


def test_without_a_model_it_says_what_it_needs():
    with pytest.raises(MissingEngineError, match="transformers:FOLDER"):
        open_detector("transformers")


def test_a_model_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(MissingEngineError, match=r"nothing is at .*gone"):
        opened(tmp_path / "gone")


def test_a_diffusion_model_is_told_by_that_name(tmp_path):
    folder = folder_of(tmp_path, {"_class_name": "StableDiffusionPipeline"}, "model_index.json")
    with pytest.raises(InputError, match=r"is a diffusion model .*painter: diffusion:"):
        opened(folder)


@pytest.mark.parametrize("kind", ["sam", "sam2_video", "sam3_tracker", "edgetam"])
def test_a_model_that_masks_boxes_is_told_where_it_belongs(tmp_path, kind):
    folder = folder_of(tmp_path, {"model_type": kind})
    (folder / "model.safetensors").touch()
    with pytest.raises(InputError, match=f"kind '{kind}'.*--refine sam:{tmp_path}"):
        opened(folder)


@pytest.mark.parametrize("kind", ["llama", "vit", "clip", "detr2"])
def test_a_model_of_another_kind_is_refused_with_those_that_are_known(tmp_path, kind):
    folder = folder_of(tmp_path, {"model_type": kind})
    (folder / "model.safetensors").touch()
    with pytest.raises(InputError, match=f"kind '{kind}', .*it knows: detr, .*clipseg, sam3"):
        opened(folder)


def test_a_wrong_kind_is_told_before_torch_is_imported(tmp_path):
    folder_of(tmp_path, {"model_type": "llama"})
    (tmp_path / "model.safetensors").touch()
    script = (
        "import sys\n"
        "from detailer.engines.catalog import open_detector\n"
        "try:\n"
        f"    open_detector({f'transformers:{tmp_path}'!r})\n"
        "except ValueError as error:\n"
        "    print('llama' in str(error), {'torch', 'transformers'} & set(sys.modules))\n"
    )
    run = subprocess.run(  # our own interpreter
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == ["True", "set()"]


def test_a_folder_of_pickles_is_refused(copied):
    folder = copied("detr")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"in a pickle \(pytorch_model.bin\).*model.safetensors"):
        opened(folder)


@pytest.mark.parametrize("content", [b"", b"\0" * 64, b"version https://git-lfs", b"half"])
def test_broken_weights_are_an_error_that_names_the_model(copied, content):
    folder = copied("detr")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:5000] if content == b"half" else content)
    with pytest.raises(EngineError, match=f"{folder} cannot be loaded: .*fetch it again"):
        opened(folder)


@pytest.mark.parametrize("kind", ["detr", "clipseg", "sam3"])
def test_weights_that_lack_some_or_have_too_many_are_an_error_that_names_them(copied, kind):
    folder = copied(kind)
    file = folder / "model.safetensors"
    weights = load_file(file)
    first = min(weights)
    save_file({**weights, "head.extra": torch.zeros(1)}, file, {"format": "pt"})
    with pytest.raises(EngineError, match=r"no place for head\.extra"):
        opened(folder)
    del weights[first]
    save_file(weights, file, {"format": "pt"})
    with pytest.raises(EngineError, match=f"it lacks .*{first}"):
        opened(folder)


def test_counters_of_training_may_be_missing_or_left_over(copied):
    folder = copied("detr")
    file = folder / "model.safetensors"
    weights = load_file(file)
    weights["model.gone.num_batches_tracked"] = torch.zeros(1)
    save_file(weights, file, {"format": "pt"})
    assert len(opened(folder, threshold=0.0)(PICTURE))


def test_weights_of_other_sizes_are_an_error(copied):
    folder = changed(copied("detr"), decoder_ffn_dim=24)
    with pytest.raises(EngineError, match=r"it has in another size .*\.fc1\.bias"):
        opened(folder)


@pytest.mark.parametrize("values", [{"d_model": "wide"}, {"d_model": -1}, {"backbone_config": 7}])
def test_a_configuration_that_makes_no_model_is_an_error(copied, values):
    folder = changed(copied("detr"), **values)
    with pytest.raises(EngineError, match=f"{folder} cannot be loaded"):
        opened(folder)


def test_a_model_with_code_of_its_own_is_refused_and_says_so(tmp_path):
    folder = folder_of(tmp_path, {"model_type": "mine", "auto_map": {"AutoModel": "mine.Mine"}})
    (folder / "model.safetensors").touch()
    with pytest.raises(InputError, match="kind 'mine' and brings code of its own, which is not"):
        opened(folder)


def test_code_beside_a_known_model_is_not_run(copied):
    folder = changed(copied("owlv2"), auto_map={"AutoModel": "evil.Evil"})
    (folder / "evil.py").write_text("raise SystemExit('code of a model was run')")
    file = folder / "tokenizer_config.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, "auto_map": {"AutoTokenizer": ["evil.Evil", None]}}))
    assert len(opened(folder, threshold=0.0)(PICTURE))


@pytest.mark.parametrize("kind", [*tiny.BOXES, *tiny.MASKS])
def test_a_model_of_words_without_its_tokenizer_is_an_error(copied, kind):
    folder = copied(kind)
    for file in folder.glob("*token*"):
        file.unlink()
    for file in folder.glob("vocab*"):
        file.unlink()
    with pytest.raises(EngineError, match=r"has no tokenizer .*\.json and \.txt files"):
        opened(folder)


def test_a_tokenizer_that_cannot_be_read_is_an_error(copied):
    folder = copied("owlv2")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(EngineError, match=f"{folder} cannot be loaded"):
        opened(folder)


@pytest.mark.parametrize("kind", tiny.MADE)
def test_without_its_processors_file_a_model_takes_what_its_kind_does(copied, kind):
    folder = copied(kind)
    (folder / "preprocessor_config.json").unlink()
    detector = opened(folder, threshold=0.0)
    pictures = network_of(detector).pictures
    assert type(pictures).__name__ == KINDS[kind].pictures
    known = {"owlvit": 64, "owlv2": 64, "rf_detr": 64, "clipseg": 352, "sam3": 56}
    if kind in known:
        assert pictures.size.height == pictures.size.width == known[kind]
        assert detector(PICTURE).size.width == 90


def test_a_processor_may_be_saved_together_with_its_tokenizer(copied):
    import transformers

    folder = copied("owlv2")
    network = network_of(opened(folder))
    pictures = transformers.Owlv2ImageProcessor(size={"height": 96, "width": 96})
    (folder / "preprocessor_config.json").unlink()
    transformers.Owlv2Processor(pictures, network.tokenizer).save_pretrained(folder)
    assert not (folder / "preprocessor_config.json").exists()
    assert network_of(opened(folder)).pictures.size.height == 96


def test_a_side_written_as_one_number_as_in_older_files_is_read(copied):
    folder = copied("clipseg")
    old = {"feature_extractor_type": "ViTFeatureExtractor", "size": 80, "resample": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps(old))
    detector = opened(folder, threshold=0.0)
    assert network_of(detector).pictures.size.width == 80
    assert detector(PICTURE).size.width == 90


def test_a_processors_file_that_cannot_be_read_is_an_error(copied):
    folder = copied("detr")
    (folder / "preprocessor_config.json").write_text("[]")
    with pytest.raises(EngineError, match=f"{folder} cannot be loaded"):
        opened(folder)


@pytest.mark.parametrize(
    ("options", "told"),
    [({"threshold": 1.5}, "threshold=1.5 is outside 0 to 1"), ({"blur": 3}, "CLIPSeg's")],
)
def test_an_option_out_of_place_is_refused(options, told):
    with pytest.raises(InputError, match=told):
        opened(tiny.folder("detr"), **options)


@pytest.mark.parametrize("kind", ["detr", "owlv2", "clipseg", "sam3"])
def test_a_picture_may_be_read_only_or_a_flipped_view_of_another(kind):
    detector = opened(tiny.folder(kind), threshold=0.0)
    sealed, flipped = PICTURE.copy(), PICTURE[::-1].copy()[::-1]
    sealed.flags.writeable = False
    expected = detector(PICTURE)
    assert expected == detector(sealed) == detector(flipped)
    assert not sealed.flags.writeable


def test_a_device_that_nobody_knows_is_refused():
    with pytest.raises(InputError, match="give auto, cpu, cuda"):
        open_detector(f"transformers:{tiny.folder('detr')}", device="gpu")


def test_a_recipe_names_model_labels_and_threshold_and_loads_it_once(monkeypatch):
    import transformers

    loads = []
    inner = transformers.RTDetrForObjectDetection.from_pretrained

    def counting(*given, **more):
        loads.append(given)
        return inner(*given, **more)

    monkeypatch.setattr(transformers.RTDetrForObjectDetection, "from_pretrained", counting)
    detect = Detect(
        detector=f"transformers:{tiny.folder('rt_detr')}", labels=("face",), threshold=0.01
    )
    engines = Engines()
    for _ in range(3):
        found = engines.detector(detect)(PICTURE)
        assert all(region.label == "face" for region in found)
    assert len(loads) == 1


def test_the_thresholds_are_those_of_their_kinds():
    kinds = {"detr": 0.5, "owlv2": 0.5, "clipseg": 0.4}
    for kind, threshold in kinds.items():
        inner = opened(tiny.folder(kind))._detector
        assert (inner._how.threshold if kind == "clipseg" else inner._threshold) == threshold
    how = opened(tiny.folder("clipseg"), threshold=0.2, blur=3, dilation=1, compatible=True)
    smoothing = how._detector._how
    assert (smoothing.threshold, smoothing.blur, smoothing.dilation) == (0.2, 3, 1)
    assert smoothing.compatible
