"""Models of classes: boxes where the picture has them, and of the classes that are asked for."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

from detailer.core.geometry import Box, Size  # noqa: E402  # after the check for torch
from detailer.errors import EngineError, InputError  # noqa: E402
from tests.engines.transformers import tiny  # noqa: E402
from tests.engines.transformers.seeing import (  # noqa: E402
    SIZES,
    THIN,
    answers,
    answers_one_box,
    assert_near,
    network_of,
    noise,
    opened,
    picture_of,
    sees_large,
)

WITH_NOTHING = ("detr", "table-transformer", "yolos")
FACE = 1


@pytest.mark.parametrize("kind", tiny.CLASSES)
def test_a_box_is_where_the_picture_has_it(kind):
    detector = opened(kind)
    sees_large(detector)
    answers_one_box(detector, (FACE, kind in WITH_NOTHING))
    for size in SIZES:
        box = Box(41, 33, size.width - 60, size.height - 97)
        [region] = detector(picture_of(size, box))
        assert_near(region.box, box)
        assert region.mask.box == region.box.whole().clipped(size.box)
        assert region.mask.alpha.min() == 1
        assert region.label == "face"
        assert region.score > 0.99


@pytest.mark.parametrize("kind", tiny.CLASSES)
def test_a_picture_may_be_as_thin_as_it_likes(kind):
    detector = opened(kind, threshold=0.0)
    for size in THIN:
        found = detector(noise(size))
        assert found.size == size
        assert all(size.box.holds(region.box) for region in found)


@pytest.mark.parametrize("kind", tiny.CLASSES)
def test_what_transformers_makes_of_the_output_is_found_surest_first(kind):
    detector, picture = opened(kind, threshold=0.0), noise(Size(90, 70))
    network = network_of(detector)
    made = network.pictures(images=picture, return_tensors="pt")
    with torch.inference_mode():
        outputs = network.run(**made)
    [theirs] = network.pictures.post_process_object_detection(
        outputs, threshold=-1.0, target_sizes=[(70, 90)]
    )
    ours = detector(picture)
    assert len(ours) == len(theirs["scores"])
    order = torch.argsort(theirs["scores"], descending=True, stable=True)
    for region, row in zip(ours, order.tolist(), strict=True):
        assert region.score == pytest.approx(float(theirs["scores"][row]), abs=1e-6)
        assert region.label == tiny.NAMES[int(theirs["labels"][row])]
        cut = np.clip(theirs["boxes"][row].numpy(), 0, [90, 70, 90, 70])
        assert np.allclose([*region.box], cut, atol=1e-3)


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        (("face",), {"face"}),
        ("face, person", {"face", "person"}),
        (("eyes",), {"left_eye", "right_eye"}),
        ((), set(tiny.NAMES.values())),
        ("", set(tiny.NAMES.values())),
        ((" ", ""), set(tiny.NAMES.values())),
        ("all", set(tiny.NAMES.values())),
        (("all", "face"), set(tiny.NAMES.values())),
    ],
)
def test_labels_say_which_classes_are_kept_and_none_keep_all(labels, kept):
    found = opened("conditional_detr", labels=labels, threshold=0.0)(noise(Size(64, 64)))
    assert {region.label for region in found} == kept


@pytest.mark.parametrize(
    ("label", "told"),
    [("Face", "did you mean face"), ("persn", "person"), ("zebra", "it knows: person, face")],
)
def test_a_label_that_the_model_has_not_is_refused_with_the_nearest(label, told):
    with pytest.raises(InputError, match=told):
        opened("detr", labels=("person", label))


def test_a_score_at_the_threshold_is_kept_and_one_below_is_not():
    detector, picture = opened("rt_detr", threshold=0.0), noise(Size(64, 64))
    scores = [region.score for region in detector(picture)]
    least = scores[2]
    kept = [region.score for region in opened("rt_detr", threshold=least)(picture)]
    assert kept == [score for score in scores if score >= least]
    assert len(kept) < len(scores)


@pytest.mark.parametrize("name", ["logits", "pred_boxes"])
def test_numbers_that_are_none_are_an_error_and_not_nothing_found(name):
    detector = opened("detr")

    def broken(outputs, pixels):
        setattr(outputs, name, getattr(outputs, name) * float("nan"))

    answers(detector, broken)
    with pytest.raises(EngineError, match=r"detector transformers: .*detr gives values"):
        detector(noise(Size(64, 64)))


def test_outputs_of_another_kind_are_an_error_that_names_the_model():
    detector = opened("detr")
    network_of(detector).run.forward = lambda **arguments: object()
    with pytest.raises(EngineError, match=r"64×48 with .*detr: .*logits"):
        detector(noise(Size(64, 48)))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "memory does not suffice.*tile=1280"),
        (MemoryError(), "memory does not suffice"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "memory.*device=cpu"),
        (RuntimeError("mat1 and mat2 shapes"), "mat1 and mat2"),
    ],
)
def test_a_run_that_fails_is_an_error_that_names_engine_model_and_picture(error, told):
    detector = opened("detr")

    def failing(**arguments):
        raise error

    network_of(detector).run.forward = failing
    match = rf"detector transformers cannot look at a picture of 64×48 with .*detr: {told}"
    with pytest.raises(EngineError, match=f"(?s){match}"):
        detector(noise(Size(64, 48)))


def test_what_is_no_picture_is_refused():
    with pytest.raises(InputError, match="uint8 RGB"):
        opened("detr")(np.zeros((8, 8), np.uint8))
