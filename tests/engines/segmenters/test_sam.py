"""SAM and its kin give the masks of transformers' own code, and look once at each picture."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs detailer[transformers]")
pytest.importorskip("torchvision", reason="needs detailer[transformers]")
pytest.importorskip("transformers", reason="needs detailer[transformers]")

import torch
import transformers

from detailer.core.geometry import Box, Size
from detailer.core.segmenter import Prompt
from detailer.engines.catalog import open_detector, open_segmenter
from detailer.engines.refined import refined
from detailer.engines.segmenters import sam as sam_module
from detailer.engines.segmenters.sam import Sam
from detailer.engines.segmenters.scene import Frame, SamScene
from detailer.errors import EngineError, InputError, MissingEngineError
from detailer.stages.refine import Refine
from tests.engines.segmenters import tiny
from tests.fakes import finds

PICTURES = [Size(48, 48), Size(80, 45), Size(45, 80), Size(31, 77)]
PROMPTS = [
    Prompt(Box(3, 4, 20, 30)),
    Prompt(Box(3, 4, 20, 30), ((10, 10),), (True,)),
    Prompt(Box(13, 14, 31, 40), ((20, 20),), (True,)),
    Prompt(Box(2.5, 3.25, 12.5, 30), ((5, 5), (9.5, 20)), (True, False)),
    Prompt(None, ((10.5, 10),), (True,)),
    Prompt(None, ((10.5, 10), (1, 2)), (True, False)),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def edgetam(folder: Path) -> Path:
    pytest.importorskip("timm", reason="EdgeTAM needs timm")
    return tiny.edgetam(folder)


KINDS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "sam": (tiny.sam, "SamModel", "SamProcessor"),
    "sam_hq": (lambda folder: tiny.sam(folder, hq=True), "SamHQModel", "SamProcessor"),
    "sam2": (tiny.sam_2, "Sam2Model", "Sam2Processor"),
    "sam2_video": (lambda folder: tiny.sam_2(folder, video=True), "Sam2Model", "Sam2Processor"),
    "sam3_tracker": (tiny.sam_3, "Sam3TrackerModel", "Sam3TrackerProcessor"),
    "edgetam": (edgetam, "EdgeTamModel", "Sam2Processor"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny model of a kind, saved once."""
    made: dict[str, Path] = {}

    def saved(kind: str) -> Path:
        if kind not in made:
            made[kind] = KINDS[kind][0](tmp_path_factory.mktemp(kind))
        return made[kind]

    return saved


def picture(size: Size, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed)
    return noise.integers(0, 255, (*size.shape, 3), np.uint8, endpoint=True)


class Theirs:
    """The way of transformers' own documentation: a processor before and after the model."""

    def __init__(self, kind: str, folder: Path) -> None:
        _, model_name, processor_name = KINDS[kind]
        self.model = getattr(transformers, model_name).from_pretrained(folder).eval()
        images = getattr(transformers, sam_module._BUILDS[kind].processor).from_pretrained(folder)
        self.processor = getattr(transformers, processor_name)(images)

    def __call__(self, pixels: np.ndarray, prompt: Prompt) -> tuple[np.ndarray, np.ndarray]:
        """Logits (3, h, w) at the picture's size and scores (3,)."""
        points = {
            "input_points": [[[list(point) for point in prompt.points]]],
            "input_labels": [[[int(positive) for positive in prompt.positive]]],
        }
        boxes = {"input_boxes": [[list(prompt.box)]]} if prompt.box else {}
        asked = (points if prompt.points else {}) | boxes
        inputs = self.processor(images=pixels, **asked, return_tensors="pt")
        sizes = [inputs.pop("original_sizes")]
        if "reshaped_input_sizes" in inputs:
            sizes.append(inputs.pop("reshaped_input_sizes"))
        with torch.no_grad():
            seen = self.model(**inputs, multimask_output=True)
        (logits,) = self.processor.post_process_masks(seen.pred_masks, *sizes, binarize=False)
        return logits[0].numpy(), seen.iou_scores[0, 0].numpy()


@pytest.mark.filterwarnings("ignore")  # transformers grumbles over models for videos
@pytest.mark.parametrize("kind", KINDS)
def test_masks_and_scores_are_those_of_transformers_own_code(kind: str, folder) -> None:
    segmenter, theirs = open_segmenter(f"sam:{folder(kind)}"), Theirs(kind, folder(kind))
    for number, size in enumerate(PICTURES):
        pixels = picture(size, number)
        answers = list(segmenter.look(pixels).masks(PROMPTS))
        assert len(answers) == len(PROMPTS)
        for prompt, guesses in zip(PROMPTS, answers, strict=True):
            logits, scores = theirs(pixels, prompt)
            ours = np.array([guess.mask.within(size.box) > 0 for guess in guesses])
            # Where a logit is 0 but for rounding, either is right.
            clear = np.abs(logits) > 1e-4
            assert clear.mean() > 0.5
            assert np.array_equal(ours[clear], logits[clear] > 0)
            assert [guess.score for guess in guesses] == pytest.approx(scores, abs=1e-4)


def test_prompts_in_company_are_answered_in_their_order_as_alone(folder) -> None:
    scene = Sam(str(folder("sam2"))).look(picture(Size(60, 50)))
    boxes = [Prompt(Box(x, x, x + 8, x + 9)) for x in range(40)]
    prompts = [*boxes, *PROMPTS, *boxes[:3]]
    scores = [[guess.score for guess in guesses] for guesses in scene.masks(prompts)]
    alone = [[guess.score for guess in next(scene.masks([prompt]))] for prompt in prompts]
    assert np.allclose(scores, alone, atol=1e-5)
    assert len({round(score, 6) for score, *_ in scores[:40]}) > 20


@pytest.mark.parametrize("kind", KINDS)
def test_twenty_regions_of_a_picture_are_one_run_of_the_encoder(kind: str, folder) -> None:
    segmenter = Sam(str(folder(kind)))
    runs = {"encoder": 0, "decoder": 0}

    def count(name: str) -> Callable[..., None]:
        return lambda *_: runs.__setitem__(name, runs[name] + 1)

    segmenter._network.vision_encoder.register_forward_hook(count("encoder"))
    segmenter._network.mask_decoder.register_forward_hook(count("decoder"))
    boxes = [Box(x, 5, x + 12, 30) for x in range(20)]
    detect = refined(finds(*boxes), segmenter)
    assert len(detect(picture(Size(64, 40)))) == 20
    assert runs == {"encoder": 1, "decoder": 2}
    detect(picture(Size(64, 40), seed=1))
    assert runs["encoder"] == 2
    assert refined(finds(), segmenter)(picture(Size(64, 40))) == finds()(picture(Size(64, 40)))
    assert runs["encoder"] == 2


FRAMES = [
    (Size(1024, 1024), Size(1024, 1024)),
    (Size(1920, 1080), Size(1024, 576)),
    (Size(1080, 1920), Size(576, 1024)),
    (Size(3840, 2160), Size(1024, 576)),
]


def planted(box: Box, frame: Frame) -> torch.Tensor:
    """Logits (256, 256): how far inside a box of the picture a place is, in pixels of it."""
    places = (torch.arange(256) + 0.5) * 1024 / 256
    seen = frame.resized if frame.padded else Size(1024, 1024)
    x = places * frame.picture.width / seen.width
    y = places[:, None] * frame.picture.height / seen.height
    across = torch.minimum(x - box.left, box.right - x)
    return torch.minimum(across, torch.minimum(y - box.top, box.bottom - y))


class Planted:
    """A network whose decoder gives planted logits for whatever box it is shown."""

    device = torch.device("cpu")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.shown: list[list[float]] = []

    def __call__(self, input_boxes, **_) -> SimpleNamespace:
        self.shown += input_boxes[0].tolist()
        across, down = self.frame.scale
        logits = [
            planted(Box(left / across, top / down, right / across, bottom / down), self.frame)
            for left, top, right, bottom in input_boxes[0].tolist()
        ]
        scores = torch.tensor([[[0.97, 0.5, 0.4]]]).expand(1, len(logits), 3)
        return SimpleNamespace(
            pred_masks=torch.stack(logits)[None, :, None].expand(-1, -1, 3, -1, -1),
            iou_scores=scores,
        )


@pytest.mark.parametrize("letterboxed", [True, False], ids=["letterboxed", "squeezed"])
@pytest.mark.parametrize(("size", "resized"), FRAMES, ids=str)
def test_what_the_decoder_plants_is_masked_to_the_pixel(
    size: Size, resized: Size, letterboxed: bool
) -> None:
    square = Size(1024, 1024)
    frame = Frame(size, resized, square) if letterboxed else Frame(size, square)
    network = Planted(frame)
    scene = SamScene(network, {}, frame, "planted")
    width, height = size.width, size.height
    box = Box(width // 7, height // 5, width // 2, height - height // 3)
    ((guess, *_),) = scene.masks([Prompt(box)])
    # SAM's own way over 1024 pixels is exact to less than one of those.
    for ours, planned in zip(guess.mask.box, box, strict=True):
        assert abs(ours - planned) <= 1
    shown = box.scaled(*frame.scale)
    assert network.shown[0] == pytest.approx(list(shown), abs=1e-3)


def test_twenty_regions_at_4k_hold_no_mask_of_the_whole_picture_each() -> None:
    import tracemalloc

    size = Size(3840, 2160)
    frame = Frame(size, Size(1024, 576), Size(1024, 1024))
    boxes = [Box(150 * i, 80 * i, 150 * i + 300, 80 * i + 250) for i in range(20)]
    scene = SamScene(Planted(frame), {}, frame, "planted")
    detect = refined(
        finds(*boxes), SimpleNamespace(look=lambda picture: scene), Refine(combine="replace")
    )
    pixels = np.broadcast_to(np.uint8(0), (*size.shape, 3))
    tracemalloc.start()
    regions = detect(pixels)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    for region, box in zip(regions, boxes, strict=True):
        assert max(abs(a - b) for a, b in zip(region.box, box, strict=True)) <= 1
    # All of them together cost less than one float mask of the picture.
    assert peak < 4 * size.area


@pytest.mark.parametrize("kind", ["sam", "sam2"])
def test_the_frame_is_that_of_the_models_own_processor(kind: str, folder) -> None:
    segmenter = Sam(str(folder(kind)))
    side = 32 if kind == "sam" else 64
    for size, _ in FRAMES:
        frame = segmenter.look(np.zeros((*size.shape, 3), np.uint8)).frame
        longest = max(size.width, size.height)
        resized = Size(size.width * side // longest, size.height * side // longest)
        square = Size(side, side)
        assert frame == (Frame(size, resized, square) if kind == "sam" else Frame(size, square))


def test_a_model_without_its_processors_settings_gets_those_of_its_size(tmp_path: Path) -> None:
    for make, side in ((tiny.sam, 32), (tiny.sam_2, 64), (tiny.sam_3, 56)):
        path = make(tmp_path / make.__name__)
        (path / "preprocessor_config.json").unlink()
        scene = Sam(str(path)).look(picture(Size(40, 20)))
        assert (scene.frame.padded or scene.frame.resized) == Size(side, side)
        assert len(next(scene.masks(PROMPTS[:1]))) == 3


@pytest.mark.filterwarnings("ignore")
def test_a_whole_sam_3_is_used_without_its_detector(tmp_path: Path) -> None:
    scene = open_segmenter(f"sam:{tiny.sam_3_video(tmp_path)}").look(picture(Size(40, 30)))
    assert type(scene.network).__name__ == "Sam3TrackerModel"
    assert [len(guesses) for guesses in scene.masks(PROMPTS)] == [3] * len(PROMPTS)


def test_boxes_and_sam_are_one_detector_by_their_names(folder) -> None:
    spec = f"bbox+sam:boxes:5,5,30,30;20,10,50,35+{folder('sam')}"
    regions = open_detector(spec, how=Refine(sam_threshold=0.0))(picture(Size(60, 40)))
    assert [tuple(region.box) for region in regions] == [(5, 5, 30, 30), (20, 10, 50, 35)]
    assert all(
        region.mask.box == region.box.grown(5).clipped(Box(0, 0, 60, 40)) for region in regions
    )


def test_views_that_run_backwards_or_are_read_only_are_looked_at_as_they_are(folder) -> None:
    segmenter, pixels = Sam(str(folder("sam"))), picture(Size(30, 20))
    locked = pixels[:, ::-1].copy()
    locked.flags.writeable = False
    scores = [
        [guess.score for guesses in segmenter.look(seen).masks(PROMPTS) for guess in guesses]
        for seen in (pixels[:, ::-1], locked)
    ]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)])
def test_what_are_no_pixels_is_refused(pixels: np.ndarray, folder) -> None:
    with pytest.raises(InputError):
        Sam(str(folder("sam"))).look(pixels)


@pytest.mark.parametrize("size", [Size(1, 1), Size(3, 3), Size(90, 3), Size(5, 60)], ids=str)
def test_pictures_of_odd_shapes_have_masks_too(size: Size, folder) -> None:
    for kind in ("sam", "sam2"):
        scene = Sam(str(folder(kind))).look(picture(size))
        assert scene.frame.picture == size
        for guesses in scene.masks([Prompt(size.box), Prompt(None, ((0.5, 0.5),), (True,))]):
            assert all(size.box.holds(guess.mask.box) for guess in guesses)


def test_degenerate_boxes_and_points_beyond_the_picture_are_answered(folder) -> None:
    scene = Sam(str(folder("sam2"))).look(picture(Size(40, 30)))
    beyond = Prompt(None, ((-50, 900), (41, 31)), (False, False))
    prompts = [Prompt(Box(5, 5, 5, 5)), Prompt(Box(40, 30, 40, 30)), beyond]
    assert [len(guesses) for guesses in scene.masks(prompts)] == [3, 3, 3]


@pytest.mark.parametrize(
    "fault",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "python"],
)
def test_an_encoder_or_decoder_without_memory_is_an_error_that_names_the_model(
    fault: Exception, folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_, **__):
        raise fault

    full.device = torch.device("cpu")
    path = str(folder("sam2"))
    segmenter = Sam(path)
    scene = segmenter.look(picture(Size(40, 30)))
    message = f"segmenter sam cannot look at a picture of 40×30 with {path}: memory"
    with pytest.raises(EngineError, match=message):
        list(replace(scene, network=full).masks(PROMPTS))
    monkeypatch.setattr(segmenter._network, "get_image_embeddings", full)
    with pytest.raises(EngineError, match=message):
        refined(finds(Box(5, 5, 20, 20)), segmenter)(picture(Size(40, 30)))


def test_numbers_that_are_none_are_a_failure_and_not_an_empty_mask(folder) -> None:
    segmenter = Sam(str(folder("sam2")))
    scene = segmenter.look(picture(Size(40, 30)))
    broken = [level * float("nan") for level in scene.embeddings["image_embeddings"]]
    with pytest.raises(EngineError, match="segmenter sam gives numbers that are not finite"):
        list(replace(scene, embeddings={"image_embeddings": broken}).masks(PROMPTS))


@pytest.mark.parametrize("kind", ["rt_detr_v2", "clipseg", "grounding-dino", "sam3"])
def test_a_model_of_another_kind_is_refused_without_torch(kind: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert f"a model of the kind '{kind}'" in said_without_torch(tmp_path)


def test_a_diffusion_model_is_refused_without_torch(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text("{}")
    assert "is a diffusion model" in said_without_torch(tmp_path)


def said_without_torch(path: Path) -> str:
    """What an interpreter that cannot import torch says to a folder that is no SAM."""
    code = (
        "import sys; sys.modules['torch'] = sys.modules['transformers'] = None\n"
        "from detailer.engines.segmenters.sam import Sam\n"
        "from detailer.errors import InputError\n"
        f"try: Sam({str(path)!r})\nexcept InputError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert str(path) in ran.stdout
    return ran.stdout


def test_a_missing_model_and_a_missing_library_are_told(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(MissingEngineError, match="nothing is at"):
        Sam(str(tmp_path / "no" / "such" / "folder"))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "edgetam"}))
    (tmp_path / "model.safetensors").write_bytes(b"")
    monkeypatch.setattr(sam_module, "find_spec", lambda name: None)
    with pytest.raises(MissingEngineError, match="needs timm, which is not installed"):
        Sam(str(tmp_path))


def test_broken_weights_are_an_error_that_names_them(tmp_path: Path) -> None:
    path = tiny.sam_2(tmp_path)
    (path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(EngineError, match=f"{path} cannot be loaded"):
        Sam(str(path))


def test_settings_that_are_broken_are_an_error_that_names_them(tmp_path: Path) -> None:
    path = tiny.sam_2(tmp_path)
    (path / "preprocessor_config.json").write_text("{")
    with pytest.raises(EngineError, match=f"{path} cannot be loaded"):
        Sam(str(path))


def test_a_device_that_is_not_known_is_refused(folder) -> None:
    with pytest.raises(InputError, match="device='gpu' is not known"):
        open_segmenter(f"sam:{folder('sam')}", device="gpu")
