"""Models of words that give boxes: each word is found where it is, under its own name."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs detailer[transformers]")

import transformers  # noqa: E402  # after the check for torch

from detailer.core.geometry import Box, Size  # noqa: E402
from detailer.engines.detectors.transformers.boxes import Proposals  # noqa: E402
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

GROUNDING = ("grounding-dino", "mm-grounding-dino")
SMALL = Size(90, 70)


def place_of(kind, word):
    """Which of a network's numbers speaks of a word, of ("left hand", "face")."""
    if kind not in GROUNDING:
        return word
    # [CLS] left hand . face . [SEP], letter by letter, but for the face.
    return (1, 1 + len("lefthand") + 1)[word]


@pytest.mark.parametrize("kind", tiny.BOXES)
def test_a_box_is_where_the_picture_has_it(kind):
    detector = opened(kind, labels="left hand, face")
    if not kind.startswith(("owl", "omdet")):
        sees_large(detector)
    answers_one_box(detector, (place_of(kind, 1), False))
    # OWL and OmDet are as large as they are: 64 pixels, so an edge is within one of those.
    small = kind.startswith(("owl", "omdet"))
    for size in SIZES:
        box = Box(41, 33, size.width - 60, size.height - 97)
        [region] = detector(picture_of(size, box))
        assert_near(region.box, box, max(size.width, size.height) / 64 if small else 1.0)
        assert region.label == "face"
        assert region.score > 0.99


@pytest.mark.parametrize("kind", tiny.BOXES)
def test_a_picture_may_be_as_thin_as_it_likes(kind):
    detector = opened(kind, threshold=0.0)
    for size in THIN:
        found = detector(noise(size))
        assert found.size == size
        assert all(size.box.holds(region.box) for region in found)


@pytest.mark.parametrize(
    ("kind", "labels"), [*((kind, ()) for kind in tiny.BOXES), ("owlv2", ""), ("sam3", (" ",))]
)
def test_the_word_is_face_where_none_is_given(kind, labels):
    detector = opened(kind, labels=labels, threshold=0.0)
    assert {region.label for region in detector(noise(SMALL))} == {"face"}


@pytest.mark.parametrize("kind", tiny.BOXES)
def test_every_word_is_told_apart(kind):
    detector = opened(kind, labels=("left hand", "face"))
    words = [place_of(kind, 0), place_of(kind, 1)]

    def answer(outputs, pixels):
        names = ("logits", "pred_boxes")
        if not hasattr(outputs, "logits"):
            names = ("decoder_class_logits", "decoder_coord_logits")
        logits = torch.full_like(getattr(outputs, names[0]), -9.0)
        boxes = torch.zeros_like(getattr(outputs, names[1]))
        for row, word, logit in ((0, words[0], 2.0), (1, words[1], 3.0), (2, words[1], 1.0)):
            logits[0, row, word] = logit
            boxes[0, row] = torch.tensor([0.3 + 0.2 * row, 0.3, 0.1, 0.1])
        setattr(outputs, names[0], logits)
        setattr(outputs, names[1], boxes)

    answers(detector, answer)
    found = detector(noise(Size(64, 64)))
    assert [region.label for region in found] == ["face", "left hand", "face"]
    expected = torch.tensor([3.0, 2.0, 1.0]).sigmoid().tolist()
    assert [region.score for region in found] == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["owlvit", "owlv2"])
def test_an_owl_finds_what_its_own_processor_makes_of_its_output(kind):
    words = ["left hand", "face"]
    detector = opened(kind, labels=words, threshold=0.0)
    network = network_of(detector)
    processor = getattr(transformers, "OwlViTProcessor" if kind == "owlvit" else "Owlv2Processor")
    whole = processor(network.pictures, network.tokenizer)
    picture = noise(SMALL)
    with torch.inference_mode():
        outputs = network.run(**whole(text=words, images=picture, return_tensors="pt"))
    [theirs] = whole.post_process_grounded_object_detection(
        outputs, threshold=-1.0, target_sizes=[SMALL.shape], text_labels=[words]
    )
    assert_are_among(detector(picture), theirs)


@pytest.mark.parametrize("kind", GROUNDING)
def test_grounding_dino_finds_what_its_own_processor_makes_of_its_output(kind):
    detector = opened(kind, threshold=0.0)
    network = network_of(detector)
    whole = transformers.GroundingDinoProcessor(network.pictures, network.tokenizer)
    picture = noise(SMALL)
    made = whole(text=[["face"]], images=picture, return_tensors="pt")
    with torch.inference_mode():
        outputs = network.run(**made)
    # Of all tokens, those of the marks between words left out.
    outputs.logits = outputs.logits[..., 1:2]
    [theirs] = whole.post_process_grounded_object_detection(
        outputs, made["input_ids"], threshold=-1.0, text_threshold=1.0, target_sizes=[SMALL.shape]
    )
    theirs["text_labels"] = ["face"] * len(theirs["scores"])
    assert_are_among(detector(picture), theirs)


def test_omdet_finds_what_its_own_processor_makes_of_its_output():
    words = ["left hand", "face"]
    detector = opened("omdet-turbo", labels=words, threshold=0.0)
    network = network_of(detector)
    whole = transformers.OmDetTurboProcessor(network.pictures, network.tokenizer)
    picture = noise(SMALL)
    made = whole(text=[words], images=picture, return_tensors="pt")
    made.pop("pixel_mask", None)
    with torch.inference_mode():
        outputs = network.run(**made)
    [theirs] = whole.post_process_grounded_object_detection(
        outputs, [words], threshold=-1.0, nms_threshold=1.0, target_sizes=[SMALL.shape],
        max_num_det=2 * tiny.QUERIES,
    )  # fmt: skip
    assert_are_among(detector(picture), theirs)


def assert_are_among(regions, theirs):
    """Every region is one of theirs, cut off at the picture's edge, and the surest is there."""
    assert regions
    boxes = np.clip(theirs["boxes"].numpy(), 0, [*SMALL.box][2:] * 2)
    scores = theirs["scores"].numpy()
    for region in regions:
        near = np.abs(boxes - [*region.box]).max(axis=1) < 0.01
        alike = near & (np.abs(scores - region.score) < 1e-5)
        assert any(theirs["text_labels"][row] == region.label for row in np.flatnonzero(alike))
    seen = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) > 0.01
    surest = next(one for one in regions if min(one.box.width, one.box.height) > 0.01)
    assert surest.score == pytest.approx(scores[seen].max(), abs=1e-5)


def test_owlv2_looks_at_a_large_picture_made_smaller():
    detector = opened("owlv2", labels="face")
    shapes = []
    network = network_of(detector)
    pictures = network.pictures

    def watched(images, **how):
        shapes.append(images.shape)
        return pictures(images, **how)

    network.pictures = watched
    answers_one_box(detector, (0, False))
    size, box = Size(1600, 900), Box(400, 300, 1200, 700)
    [region] = detector(picture_of(size, box))
    assert shapes == [(72, 128, 3)]
    assert_near(region.box, box, 1600 / 64)


def test_boxes_of_one_word_that_overlap_by_half_are_one_and_of_two_words_are_two():
    boxes = np.array([[0.5, 0.5, 0.4, 0.4], [0.52, 0.5, 0.4, 0.4], [0.5, 0.5, 0.4, 0.4]])
    scores = np.array([[0.7, 0.1], [0.9, 0.1], [0.1, 0.8]])
    found = Proposals(scores, boxes, (100, 50)).regions(0.5, Size(100, 50), ("a", "b"))
    assert [(region.label, region.score) for region in found] == [("a", 0.9), ("b", 0.8)]
    assert [*found[1].box] == pytest.approx([30, 15, 70, 35])


@pytest.mark.parametrize("kind", ["owlv2", "omdet-turbo", *tiny.MASKS])
def test_a_word_too_long_for_a_model_is_refused_by_name(kind):
    long = "a" * 100
    with pytest.raises(InputError, match=f"'{long}' is 102 tokens long.*fewer words"):
        opened(kind, labels=("face", long))


def test_more_words_than_grounding_dino_takes_are_refused():
    with pytest.raises(InputError, match=r"40 words are 96 tokens; .* takes 32"):
        opened("grounding-dino", labels=[chr(97 + i % 26) + "x" * (i // 26) for i in range(40)])


def test_a_full_stop_inside_a_word_of_grounding_dino_is_refused_and_one_after_it_is_not():
    with pytest.raises(InputError, match="full stop"):
        opened("grounding-dino", labels=("face. hand",))
    found = opened("grounding-dino", labels=("face.",), threshold=0.0)(noise(SMALL))
    assert {region.label for region in found} == {"face."}


@pytest.mark.parametrize("word", ["\u200b", "..."])
def test_a_word_of_which_nothing_is_left_is_refused(word):
    with pytest.raises(InputError, match="makes nothing of"):
        opened("grounding-dino", labels=("face", word))


@pytest.mark.parametrize("kind", tiny.BOXES)
def test_numbers_that_are_none_are_an_error_and_not_nothing_found(kind):
    detector = opened(kind)

    def broken(outputs, pixels):
        name = "logits" if hasattr(outputs, "logits") else "decoder_class_logits"
        setattr(outputs, name, getattr(outputs, name) * float("nan"))

    answers(detector, broken)
    with pytest.raises(EngineError, match=f"detector transformers: .*{kind} gives values"):
        detector(noise(Size(64, 64)))
