"""Tiny models of the SAM family, saved as the real ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

_SAM_3_VISION = {
    "model_type": "sam3_vision_model",
    "backbone_config": {
        "model_type": "sam3_vit_model",
        "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 56, "patch_size": 14, "window_size": 2,
        "global_attn_indexes": [0], "pretrain_image_size": 28,
    },
    "fpn_hidden_size": 16, "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
}  # fmt: skip
_MEMORY = {
    "memory_attention_hidden_size": 16, "memory_attention_num_layers": 1,
    "memory_attention_feed_forward_hidden_size": 16, "memory_attention_rope_feat_sizes": [4, 4],
    "memory_encoder_hidden_size": 16, "memory_encoder_output_channels": 8,
    "mask_downsampler_embed_dim": 16, "memory_fuser_num_layers": 1,
    "memory_fuser_embed_dim": 16, "memory_fuser_intermediate_dim": 16,
}  # fmt: skip
_DECODER = {
    "hidden_size": 16, "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "iou_head_depth": 2, "iou_head_hidden_dim": 16,
}  # fmt: skip


def sam(folder: Path, hq: bool = False) -> Path:
    """A SAM that sees 32 pixels square; its logits are as many."""
    vision: dict[str, Any] = {
        "hidden_size": 8, "output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "image_size": 32, "patch_size": 4, "window_size": 3, "global_attn_indexes": [1],
        "num_pos_feats": 8, "mlp_dim": 8, "initializer_range": 0.2,
    }  # fmt: skip
    prompt = {
        "hidden_size": 16, "image_embedding_size": 8, "image_size": 32, "mask_input_channels": 4
    }  # fmt: skip
    if hq:
        config = transformers.SamHQConfig(
            vision_config=vision,
            prompt_encoder_config=prompt,
            mask_decoder_config=_DECODER | {"vit_dim": 8},
        )
        return _saved(transformers.SamHQModel, config, folder, _letterboxing(32))
    config = transformers.SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=_DECODER
    )
    return _saved(transformers.SamModel, config, folder, _letterboxing(32))


def sam_2(folder: Path, video: bool = False) -> Path:
    """A SAM 2 that sees 64 pixels square; its logits are 16."""
    parts = {
        "vision_config": {
            "model_type": "sam2_vision_model",
            "backbone_config": {
                "model_type": "sam2_hiera_det_model",
                "hidden_size": 8, "image_size": [64, 64], "blocks_per_stage": [1, 1, 2, 1],
                "embed_dim_per_stage": [8, 12, 16, 20],
                "num_attention_heads_per_stage": [1, 1, 1, 1],
                "window_size_per_stage": [4, 4, 2, 2], "global_attention_blocks": [3],
                "window_positional_embedding_background_size": [2, 2], "mlp_ratio": 1.0,
            },
            "backbone_channel_list": [20, 16, 12, 8], "fpn_hidden_size": 16,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        "prompt_encoder_config": {"hidden_size": 16, "image_size": 64, "mask_input_channels": 4},
        "mask_decoder_config": _DECODER,
    }  # fmt: skip
    processor = transformers.Sam2ImageProcessor(size={"height": 64, "width": 64})
    if not video:
        return _saved(transformers.Sam2Model, transformers.Sam2Config(**parts), folder, processor)
    config = transformers.Sam2VideoConfig(**parts, **_MEMORY, image_size=64)
    return _saved(transformers.Sam2VideoModel, config, folder, processor)


def sam_3(folder: Path) -> Path:
    """A SAM 3 tracker that sees 56 pixels square; its logits are 16."""
    config = transformers.Sam3TrackerConfig(
        vision_config=_SAM_3_VISION | {"scale_factors": [4.0, 2.0, 1.0]},
        prompt_encoder_config={"hidden_size": 16, "image_size": 56, "mask_input_channels": 4},
        mask_decoder_config=_DECODER,
    )
    processor = transformers.Sam3ImageProcessor(size={"height": 56, "width": 56})
    return _saved(transformers.Sam3TrackerModel, config, folder, processor)


def sam_3_video(folder: Path) -> Path:
    """All of a SAM 3, detector and tracker, under the names that the published file has."""
    width = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 16}
    text = width | {
        "model_type": "clip_text_model", "vocab_size": 32, "num_hidden_layers": 1,
        "projection_dim": 16, "max_position_embeddings": 8, "bos_token_id": 1, "eos_token_id": 2,
    }  # fmt: skip
    detector = {
        "model_type": "sam3", "vision_config": _SAM_3_VISION, "text_config": text,
        "geometry_encoder_config": width | {"num_layers": 1},
        "detr_encoder_config": width | {"num_layers": 1},
        "detr_decoder_config": width | {"num_layers": 1, "num_queries": 4},
        "mask_decoder_config": {"hidden_size": 16, "num_attention_heads": 2},
    }  # fmt: skip
    tracker = {
        "model_type": "sam3_tracker_video", "vision_config": _SAM_3_VISION,
        "prompt_encoder_config": {"hidden_size": 16, "image_size": 56, "mask_input_channels": 4},
        "mask_decoder_config": _DECODER, **_MEMORY, "image_size": 56,
    }  # fmt: skip
    config = transformers.Sam3VideoConfig(detector_config=detector, tracker_config=tracker)
    model = _varied(transformers.Sam3VideoModel, config)
    config.save_pretrained(folder)
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def edgetam(folder: Path) -> Path:
    """An EdgeTAM that sees 64 pixels square; its logits are 16."""
    config = transformers.EdgeTamConfig(
        vision_config={
            "model_type": "edgetam_vision_model",
            "backbone_config": {
                "model_type": "timm_wrapper", "architecture": "test_efficientnet", "num_classes": 2,
                "model_args": {"in_chans": 3, "features_only": True, "out_indices": [1, 2, 3, 4]},
            },
            "backbone_channel_list": [64, 48, 32, 24], "fpn_hidden_size": 16,
            "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": 64, "mask_input_channels": 4},
        mask_decoder_config=_DECODER,
    )  # fmt: skip
    processor = transformers.Sam2ImageProcessor(size={"height": 64, "width": 64})
    return _saved(transformers.EdgeTamModel, config, folder, processor)


def _letterboxing(side: int) -> Any:
    return transformers.SamImageProcessor(
        size={"longest_edge": side}, pad_size={"height": side, "width": side}
    )


def _saved(model_class: Any, config: Any, folder: Path, processor: Any) -> Path:
    _varied(model_class, config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _varied(model_class: Any, config: Any) -> Any:
    """A model with weights that let every prompt have masks of its own."""
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(7)
        model = model_class(config)
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1 or name.endswith("bias"):
                parameter.normal_(0, 0.5)
    return model
