"""Tiny models: every kind that finds something, with random weights, saved as the real ones are.

Nothing is downloaded: tokenizers know letters, networks are made from configurations.
"""

from __future__ import annotations

import string
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers.pre_tokenizers import ByteLevel

from detailer.engines.quiet import quiet

NAMES = {0: "person", 1: "face", 2: "left_eye", 3: "right_eye"}
QUERIES = 6

_CLASSES = {"id2label": NAMES, "label2id": {name: number for number, name in NAMES.items()}}
_DETR: dict[str, Any] = {
    "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
    "decoder_attention_heads": 2, "encoder_ffn_dim": 16, "decoder_ffn_dim": 16,
    "num_queries": QUERIES,
}  # fmt: skip
_OWN_BACKBONE = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
_RT_DETR: dict[str, Any] = {
    "encoder_hidden_dim": 16, "encoder_in_channels": [8, 8, 8], "encoder_ffn_dim": 16,
    "encoder_attention_heads": 2, "d_model": 16, "num_queries": QUERIES,
    "decoder_in_channels": [16, 16, 16], "decoder_ffn_dim": 16, "decoder_attention_heads": 2,
    "decoder_layers": 2, "encoder_layers": 1, "decoder_n_points": 1, "num_denoising": 0,
    "hidden_expansion": 0.5,
}  # fmt: skip
_CLIP = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "projection_dim": 16, "vocab_size": 514, "bos_token_id": 512, "eos_token_id": 513,
    "pad_token_id": 513,
}  # fmt: skip
_EYE = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "image_size": 64, "patch_size": 8, "projection_dim": 16,
}  # fmt: skip


# What turns words and pictures into numbers.


def clip_tokenizer(most: int = 77) -> Any:
    """Of letters only, one token each."""
    letters = sorted(ByteLevel.alphabet())
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    numbers = {word: number for number, word in enumerate(words)}
    return transformers.CLIPTokenizer(vocab=numbers, merges=[], model_max_length=most)


def bert_tokenizer() -> Any:
    """Of letters and the word face; marks stand where Grounding DINO looks for them."""
    words = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, ".": 1012, "?": 1029}
    own = ["face", *string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    words |= {word: 200 + i for i, word in enumerate(own)}
    taken = set(words.values())
    words |= {f"[unused{i}]": i for i in range(1030) if i not in taken}
    return transformers.BertTokenizer(vocab=words, do_lower_case=True)


def sides(kind: str, side: int = 64) -> Any:
    """A processor of pictures that makes them small, with its own way to do so."""
    return getattr(transformers, kind)(size={"height": side, "width": side})


def limits(kind: str) -> Any:
    """A processor that keeps the aspect."""
    return getattr(transformers, kind)(size={"shortest_edge": 128, "longest_edge": 256})


# Models of classes.


def _resnet(*stages: int) -> Any:
    return transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8] * 4, depths=[1] * 4, layer_type="basic",
        out_features=[f"stage{stage}" for stage in stages],
    )  # fmt: skip


def _hgnet() -> Any:
    return transformers.HGNetV2Config(
        stem_channels=[3, 8, 8], stage_in_channels=[8] * 4, stage_mid_channels=[8] * 4,
        stage_out_channels=[8] * 4, stage_num_blocks=[1] * 4, stage_numb_of_layers=[1] * 4,
        hidden_sizes=[8] * 4, embedding_size=8, depths=[1] * 4,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip


def _detr(kind: str, processor: str, *stages: int, **more: Any) -> list[Any]:
    settings = {**_DETR, **_OWN_BACKBONE, **_CLASSES, **more}
    config = getattr(transformers, f"{kind}Config")(backbone_config=_resnet(*stages), **settings)
    network = getattr(transformers, f"{kind}ForObjectDetection")(config)
    return [network, limits(f"{processor}ImageProcessor")]


def _dab_detr() -> list[Any]:
    settings = {name: value for name, value in _DETR.items() if name != "d_model"}
    config = transformers.DabDetrConfig(
        backbone_config=_resnet(4), hidden_size=32, **settings, **_OWN_BACKBONE, **_CLASSES
    )
    network = transformers.DabDetrForObjectDetection(config)
    return [network, limits("ConditionalDetrImageProcessor")]


def _rt_detr(kind: str, backbone: Any, **more: Any) -> list[Any]:
    settings = {**_RT_DETR, **_CLASSES, **more}
    config = getattr(transformers, f"{kind}Config")(backbone_config=backbone, **settings)
    network = getattr(transformers, f"{kind}ForObjectDetection")(config)
    return [network, sides("RTDetrImageProcessor")]


def _rt_backbone() -> Any:
    return transformers.RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8] * 4, depths=[1] * 4, layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip


def _rf_detr() -> list[Any]:
    backbone = {
        "model_type": "rf_detr_dinov2", "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "mlp_ratio": 1, "out_indices": [2], "image_size": 64,
        "patch_size": 8, "num_windows": 2, "window_block_indexes": [0, 1],
    }  # fmt: skip
    settings = {**_DETR, "d_model": 16, **_CLASSES}
    network = transformers.RfDetrForObjectDetection(
        transformers.RfDetrConfig(backbone_config=backbone, **settings)
    )
    return [network, sides("RfDetrImageProcessor")]


def _yolos() -> list[Any]:
    config = transformers.YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=[32, 32], num_detection_tokens=QUERIES, **_CLASSES,
    )  # fmt: skip
    return [transformers.YolosForObjectDetection(config), limits("YolosImageProcessor")]


# Models of words.


def _swin() -> Any:
    return transformers.SwinConfig(
        embed_dim=8, depths=[1] * 4, num_heads=[1] * 4, window_size=2, image_size=64,
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip


def _grounding(kind: str) -> list[Any]:
    text = {
        "model_type": "bert", "vocab_size": 1030, "hidden_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32,
    }  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(
        backbone_config=_swin(), text_config=text, num_feature_levels=4, max_text_len=32,
        encoder_n_points=1, decoder_n_points=1, **{**_DETR, "decoder_layers": 2},
    )  # fmt: skip
    network = getattr(transformers, f"{kind}ForObjectDetection")(config)
    return [network, limits("GroundingDinoImageProcessor"), bert_tokenizer()]


def _owl(kind: str) -> list[Any]:
    config = getattr(transformers, f"{kind}Config")(
        text_config={**_CLIP, "max_position_embeddings": 16}, vision_config=_EYE, projection_dim=16
    )
    network = getattr(transformers, f"{kind}ForObjectDetection")(config)
    return [network, sides(f"{kind}ImageProcessor"), clip_tokenizer(16)]


def _omdet() -> list[Any]:
    wide = {"hidden_size": 32, "projection_dim": 32, "max_position_embeddings": 77}
    text = {"model_type": "clip_text_model", **_CLIP, **wide}
    config = transformers.OmDetTurboConfig(
        backbone_config=_swin(), use_timm_backbone=False, text_config=text,
        apply_layernorm_after_vision_backbone=False, vision_features_channels=[16] * 3,
        encoder_in_channels=[16, 32, 64], encoder_hidden_dim=16, decoder_hidden_dim=16,
        text_projection_in_dim=32, text_projection_out_dim=32, class_embed_dim=32,
        encoder_attention_heads=2, encoder_dim_feedforward=16, encoder_layers=1,
        decoder_num_heads=2, decoder_num_layers=1, decoder_num_points=1,
        decoder_dim_feedforward=16, num_queries=QUERIES, task_encoder_hidden_dim=16,
        image_size=64,
    )  # fmt: skip
    network = transformers.OmDetTurboForObjectDetection(config)
    return [network, sides("DetrImageProcessor"), clip_tokenizer()]


def _clipseg() -> list[Any]:
    config = transformers.CLIPSegConfig(
        text_config={**_CLIP, "max_position_embeddings": 77},
        vision_config={**_EYE, "num_hidden_layers": 3}, projection_dim=16,
        extract_layers=[0, 1, 2], reduce_dim=8, decoder_num_attention_heads=2,
        decoder_intermediate_size=16,
    )  # fmt: skip
    network = transformers.CLIPSegForImageSegmentation(config)
    return [network, sides("ViTImageProcessor"), clip_tokenizer()]


def _sam3() -> list[Any]:
    part = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16, "num_layers": 1}
    config = transformers.Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model", "hidden_size": 16, "intermediate_size": 16,
                "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 56,
                "patch_size": 14, "window_size": 2, "global_attn_indexes": [0],
                "pretrain_image_size": 28,
            },
            "fpn_hidden_size": 16, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        text_config={"model_type": "clip_text_model", **_CLIP, "max_position_embeddings": 32},
        geometry_encoder_config=part, detr_encoder_config=part,
        detr_decoder_config={**part, "num_queries": QUERIES},
        mask_decoder_config={"hidden_size": 16, "num_attention_heads": 2},
    )  # fmt: skip
    return [transformers.Sam3Model(config), sides("Sam3ImageProcessor", 56), clip_tokenizer(32)]


CLASSES: dict[str, Callable[[], list[Any]]] = {
    "detr": lambda: _detr("Detr", "Detr", 4),
    "table-transformer": lambda: _detr("TableTransformer", "Detr", 4),
    "conditional_detr": lambda: _detr("ConditionalDetr", "ConditionalDetr", 4),
    "dab-detr": _dab_detr,
    "deformable_detr": lambda: _detr("DeformableDetr", "DeformableDetr", 2, 3, 4, decoder_layers=2),
    "yolos": _yolos,
    "rt_detr": lambda: _rt_detr("RTDetr", _rt_backbone()),
    "rt_detr_v2": lambda: _rt_detr("RTDetrV2", _rt_backbone()),
    "d_fine": lambda: _rt_detr("DFine", _hgnet(), decoder_n_points=[1, 1, 1]),
    "deimv2": lambda: _rt_detr("Deimv2", _hgnet(), decoder_n_points=[1, 1, 1]),
    "rf_detr": _rf_detr,
}
BOXES: dict[str, Callable[[], list[Any]]] = {
    "grounding-dino": lambda: _grounding("GroundingDino"),
    "mm-grounding-dino": lambda: _grounding("MMGroundingDino"),
    "owlvit": lambda: _owl("OwlViT"),
    "owlv2": lambda: _owl("Owlv2"),
    "omdet-turbo": _omdet,
}
MASKS: dict[str, Callable[[], list[Any]]] = {"clipseg": _clipseg, "sam3": _sam3}
WORDS = {**BOXES, **MASKS}
MADE = {**CLASSES, **WORDS}
"""Every kind that the engine knows, by what config.json calls it: network, processor, tokenizer."""

_SAVED = tempfile.TemporaryDirectory(prefix="tiny-detectors-", ignore_cleanup_errors=True)


@cache
def folder(kind: str) -> Path:
    """A model's folder, as transformers writes it; shared, so leave it as it is."""
    place = Path(_SAVED.name) / kind
    with quiet():
        torch.manual_seed(0)
        for part in MADE[kind]():
            part.save_pretrained(place)
    return place
