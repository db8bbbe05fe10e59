"""Models of words that give masks: CLIPSeg and SAM 3."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

import transformers  # noqa: E402  # after the check for torch
from torch.nn.functional import interpolate  # noqa: E402

from detailer.core.geometry import Box, Size  # noqa: E402
from detailer.engines.catalog import open_detector  # noqa: E402
from detailer.engines.detectors.transformers.frame import framed  # noqa: E402
from detailer.errors import EngineError, InputError  # noqa: E402
from tests.engines.transformers import tiny  # noqa: E402
from tests.engines.transformers.seeing import (  # noqa: E402
    SIZES,
    SURE,
    THIN,
    UNSURE,
    assert_near,
    bright,
    network_of,
    noise,
    opened,
    picture_of,
)

SMALL = Size(90, 70)


def lit(pixels, shape):
    """Where an input is bright, SURE, elsewhere UNSURE, in another shape."""
    plane = pixels.mean(dim=1, keepdim=True)
    plane = (plane > (plane.max() + plane.min()) / 2).float()
    return interpolate(plane, shape, mode="bilinear") * (SURE - UNSURE) + UNSURE


def counted(monkeypatch, owner, name, counts):
    inner = getattr(owner, name)

    def counting(*given, **more):
        counts[name] += 1
        return inner(*given, **more)

    monkeypatch.setattr(owner, name, counting)


# SAM 3.


def sam3_sees(detector, rows):
    """Some of its answers are what is bright: box and mask; the others are nothing."""
    run = network_of(detector).run
    look, forward = run.get_vision_features, run.forward
    seen = []

    def looking(pixel_values):
        seen.append(pixel_values)
        return look(pixel_values)

    def changed(**arguments):
        outputs = forward(**arguments)
        pixels = seen[-1]
        logits = torch.full_like(outputs.pred_logits, UNSURE)
        logits[0, rows] = SURE
        boxes = torch.zeros_like(outputs.pred_boxes)
        boxes[0, rows] = torch.tensor(bright(pixels))
        masks = torch.full_like(outputs.pred_masks, UNSURE)
        masks[0, rows] = lit(pixels, masks.shape[-2:])[0]
        outputs.pred_logits, outputs.pred_boxes, outputs.pred_masks = logits, boxes, masks
        outputs.presence_logits = torch.full_like(outputs.presence_logits, SURE)
        return outputs

    run.get_vision_features, run.forward = looking, changed


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_sam_3_finds_box_and_mask_where_the_picture_has_them(size):
    detector = opened("sam3", labels="left hand")
    sam3_sees(detector, [2])
    box = Box(41, 33, size.width - 60, size.height - 97)
    [region] = detector(picture_of(size, box))
    side = max(size.width, size.height)
    assert_near(region.box, box, side / 56)
    # Its masks are of 16 pixels here.
    assert_near(region.mask.box, box, side / 16)
    assert region.mask.alpha.min() == 0 or region.mask.alpha.mean() == 1
    assert region.label == "left hand"
    assert region.score > 0.99


def test_sam_3_gives_the_masks_that_its_own_processor_makes():
    detector = opened("sam3", threshold=0.0)
    network = network_of(detector)
    whole = transformers.Sam3Processor(network.pictures, network.tokenizer)
    picture = noise(SMALL)
    with torch.inference_mode():
        made = whole(images=picture, text="face", return_tensors="pt")
        made.pop("original_sizes")
        outputs = network.run(**made)
    [theirs] = whole.post_process_instance_segmentation(
        outputs, threshold=-1.0, target_sizes=[SMALL.shape]
    )
    ours = detector(picture)
    order = torch.argsort(theirs["scores"], descending=True, stable=True).tolist()
    assert [one.score for one in ours] == pytest.approx(theirs["scores"][order].tolist())
    for region, row in zip(ours, order, strict=True):
        cut = np.clip(theirs["boxes"][row].numpy(), 0, [*SMALL.box][2:] * 2)
        assert np.allclose([*region.box], cut, atol=1e-3)
        mask = theirs["masks"][row].numpy()
        if mask.any():
            # Random weights leave some pixels between yes and no, where rounding decides.
            sure = interpolate(outputs.pred_masks[:, [row]].sigmoid(), SMALL.shape, mode="bilinear")
            clear = (sure[0, 0] - 0.5).abs().numpy() > 2e-7
            assert clear.mean() > 0.9
            assert np.array_equal(region.mask.within(SMALL.box)[clear], mask[clear])
        else:
            assert region.mask.box == region.box.whole()


def test_where_no_pixel_of_its_mask_is_sure_the_box_is_the_mask():
    detector = opened("sam3")
    sam3_sees(detector, [0])
    run = network_of(detector).run
    forward = run.forward

    def unsure(**arguments):
        outputs = forward(**arguments)
        outputs.pred_masks = torch.full_like(outputs.pred_masks, UNSURE)
        return outputs

    run.forward = unsure
    [region] = detector(picture_of(Size(64, 64), Box(16, 16, 32, 40)))
    assert region.mask.box == region.box.whole()
    assert region.mask.alpha.min() == 1


@pytest.mark.parametrize("kind", tiny.MASKS)
def test_a_picture_is_encoded_once_for_all_words_and_a_word_once_for_all_pictures(
    monkeypatch, kind
):
    counts = Counter()
    network = getattr(transformers, type(tiny.MADE[kind]()[0]).__name__)
    reader = transformers.models.clipseg.modeling_clipseg.CLIPSegModel
    if kind == "clipseg":
        counted(monkeypatch, reader, "get_image_features", counts)
        counted(monkeypatch, reader, "get_text_features", counts)
    else:
        counted(monkeypatch, network, "get_vision_features", counts)
        counted(monkeypatch, network, "get_text_features", counts)
    detector = opened(kind, labels=("face", "hand", "hat"), threshold=0.0)
    read = counts["get_text_features"]
    for seed in range(2):
        found = detector(noise(SMALL, seed))
        assert {region.label for region in found} == {"face", "hand", "hat"}
    assert read == counts["get_text_features"] == (1 if kind == "clipseg" else 3)
    assert counts["get_image_features"] + counts["get_vision_features"] == 2


def test_a_sam_3_as_it_is_published_for_videos_is_one_too(tmp_path):
    folder = tiny.folder("sam3")
    config = json.loads((folder / "config.json").read_text())
    for file in folder.iterdir():
        if file.suffix == ".json":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    whole = {"model_type": "sam3_video", "architectures": ["Sam3VideoModel"]}
    (tmp_path / "config.json").write_text(json.dumps({**whole, "detector_config": config}))
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights = {f"detector_model.{name}": tensor for name, tensor in weights.items()}
    weights["tracker_model.no_memory"] = torch.zeros(1)
    weights["tracker_neck.layer"] = torch.zeros(1)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    picture = noise(SMALL)
    video = open_detector(f"transformers:{tmp_path}", device="cpu", threshold=0.0)
    assert video(picture) == opened("sam3", threshold=0.0)(picture)


# CLIPSeg.


def clipseg_sees(detector, level=None):
    """Its map is where the picture is bright; or the same everywhere."""
    run = network_of(detector).run
    look, decode = run.clip.get_image_features, run.decoder.forward
    seen = []

    def looking(pixel_values, **how):
        seen.append(pixel_values)
        return look(pixel_values=pixel_values, **how)

    def changed(*given, **more):
        outputs = decode(*given, **more)
        shape = outputs.logits.shape[-2:]
        outputs.logits = lit(seen[-1], shape)[0]
        if level is not None:
            outputs.logits = torch.full_like(outputs.logits, level)
        return outputs

    run.clip.get_image_features, run.decoder.forward = looking, changed


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_clipseg_finds_an_area_where_the_picture_has_it(size):
    detector = opened("clipseg", labels="sky", blur=0, dilation=0)
    clipseg_sees(detector)
    box = Box(41, 33, size.width - 60, size.height - 97)
    [region] = detector(picture_of(size, box))
    # Bilinear values reach up to a pixel of the map beyond it.
    assert_near(region.box, box, 1.6 * max(size.width, size.height) / 64)
    assert region.box.holds(box.grown(-size.width / 64, -size.height / 64))
    assert region.mask.box == region.box
    # Corners of the map's own pixels are left out.
    assert region.mask.alpha.mean() > 0.98
    assert (region.label, region.score) == ("sky", pytest.approx(0.99988, abs=1e-4))


def test_clipseg_maps_are_those_of_the_whole_network():
    words = ["face", "left hand"]
    detector = opened("clipseg", labels=words)
    network = network_of(detector)
    picture = noise(SMALL)
    whole = transformers.CLIPSegProcessor(network.pictures, network.tokenizer)
    made = whole(text=words, images=[picture] * 2, padding=True, return_tensors="pt")
    with torch.inference_mode():
        theirs = network.run(**made).logits.sigmoid()
        ours = list(detector._detector._maps(framed(picture)))
    assert np.allclose(ours, theirs, atol=1e-6)


@pytest.mark.parametrize("level", [SURE, UNSURE, 0.0])
def test_a_map_that_is_the_same_everywhere_finds_nothing(level):
    detector = opened("clipseg")
    clipseg_sees(detector, level)
    assert len(detector(noise(SMALL))) == 0


def test_clipseg_masks_grow_with_blur_and_dilation_and_scores_stay():
    areas = []
    for blur, dilation in ((0, 0), (0, 2), (2, 0), (2, 2)):
        detector = opened("clipseg", blur=blur, dilation=dilation)
        clipseg_sees(detector)
        [region] = detector(picture_of(Size(320, 320), Box(120, 120, 200, 200)))
        areas.append(region.mask.alpha.sum())
        assert region.score == pytest.approx(0.99988, abs=1e-4)
    assert areas == sorted(areas)
    assert len(set(areas)) == 4


def test_clipseg_masks_are_their_own_boxes_only_where_the_nodes_are_asked_for():
    size = Size(320, 320)
    picture = np.maximum(
        picture_of(size, Box(60, 60, 100, 200)), picture_of(size, Box(60, 160, 240, 200))
    )
    filled = {}
    for compatible in (False, True):
        detector = opened("clipseg", blur=0, dilation=0, compatible=compatible)
        clipseg_sees(detector)
        [region] = detector(picture)
        filled[compatible] = region.mask.alpha.mean()
    assert filled[True] == 1
    assert filled[False] < 0.6


@pytest.mark.parametrize("kind", tiny.MASKS)
def test_a_picture_may_be_as_thin_as_it_likes(kind):
    detector = opened(kind, threshold=0.0)
    for size in THIN:
        found = detector(noise(size))
        assert found.size == size
        assert all(size.box.holds(region.box) for region in found)
        assert all(size.box.holds(region.mask.box) for region in found)


@pytest.mark.parametrize(
    ("kind", "labels"), [*((kind, ()) for kind in tiny.MASKS), ("owlv2", ""), ("sam3", (" ",))]
)
def test_the_word_is_face_where_none_is_given(kind, labels):
    detector = opened(kind, labels=labels, threshold=0.0)
    assert {region.label for region in detector(noise(SMALL))} == {"face"}


def test_masks_cost_what_they_cover_and_not_the_picture():
    detector = opened("sam3", labels="face")
    sam3_sees(detector, [0, 1, 2, 3])
    found = detector(picture_of(Size(2048, 2048), Box(200, 300, 400, 500)))
    assert len(found) == 4
    assert all(region.mask.alpha.size < 512 * 512 for region in found)


@pytest.mark.parametrize("kind", tiny.MASKS)
def test_numbers_that_are_none_are_an_error_and_not_nothing_found(kind):
    detector = opened(kind)
    run = network_of(detector).run
    broken = run.decoder.film_add if kind == "clipseg" else run.dot_product_scoring.query_proj
    torch.nn.init.constant_(broken.weight, float("nan"))
    with pytest.raises(EngineError, match=f"detector transformers: .*{kind} gives values"):
        detector(noise(SMALL))


@pytest.mark.parametrize(("option", "value"), [("blur", 1), ("dilation", 1), ("compatible", True)])
def test_what_only_clipseg_knows_is_refused_elsewhere(option, value):
    with pytest.raises(InputError, match=f"{option}={value} is CLIPSeg's; .* is a sam3"):
        opened("sam3", **{option: value})


@pytest.mark.parametrize("option", ["blur", "dilation"])
@pytest.mark.parametrize("value", [-1, 2.5, "wide"])
def test_what_is_no_length_is_refused(option, value):
    with pytest.raises(InputError, match=f"{option}={value!r}; give a whole number"):
        opened("clipseg", **{option: value})
