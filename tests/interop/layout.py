"""The names and shapes of a Stable Diffusion 1.5 single-file checkpoint, at any width and depth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer.text_model."


@dataclass(frozen=True)
class Weight:
    """A tensor to make: its values are `base` + `scale` x normal noise.

    `eye` names the structure laid on top, see weights.py; empty for none.
    """

    name: str
    shape: tuple[int, ...]
    scale: float
    base: float = 0.0
    eye: str = ""


@dataclass(frozen=True)
class Layout:
    """The UNet's form; VAE and text encoder always have the real sizes."""

    multiples: tuple[int, ...]
    blocks: int
    attention: tuple[bool, ...]
    width: int = 320
    context: int = 768


REAL = Layout((1, 2, 4, 4), 2, (True, True, True, False))
NARROW = Layout((1, 1), 1, (True, False))


def weights(layout: Layout) -> Iterator[Weight]:
    """Every tensor of the checkpoint."""
    yield from unet(layout)
    yield from vae()
    yield from text()


def _norm(name: str, channels: int) -> Iterator[Weight]:
    yield Weight(f"{name}.weight", (channels,), 0.05, 1.0)
    yield Weight(f"{name}.bias", (channels,), 0.02)


def _linear(name: str, shape: tuple[int, int], gain: float = 1.0) -> Iterator[Weight]:
    yield Weight(f"{name}.weight", shape, gain / shape[1] ** 0.5)
    yield Weight(f"{name}.bias", shape[:1], 0.02)


def _convolution(
    name: str, shape: tuple[int, int], side: int = 3, gain: float = 1.0, eye: str = ""
) -> Iterator[Weight]:
    scale = gain / (shape[1] * side * side) ** 0.5
    yield Weight(f"{name}.weight", (*shape, side, side), scale, eye=eye)
    yield Weight(f"{name}.bias", shape[:1], 0.02)


def unet(layout: Layout) -> Iterator[Weight]:
    """`model.diffusion_model.*`, block by block."""
    width, time = layout.width, layout.width * 4
    yield from _linear(f"{UNET}time_embed.0", (time, width))
    yield from _linear(f"{UNET}time_embed.2", (time, time))
    skips = yield from _down(layout)
    channels = skips[-1]
    yield from _resnet(layout, f"{UNET}middle_block.0", (channels, channels))
    yield from _transformer(layout, f"{UNET}middle_block.1", channels)
    yield from _resnet(layout, f"{UNET}middle_block.2", (channels, channels))
    yield from _up(layout, skips)
    yield from _norm(f"{UNET}out.0", width)
    yield from _convolution(f"{UNET}out.2", (4, width), gain=0.25, eye="pairs_out")


def _down(layout: Layout) -> Iterator[Weight]:
    """The way down; returns the channels kept for the way up."""
    channels, skips = layout.width, [layout.width]
    first = f"{UNET}input_blocks.0.0"
    yield from _convolution(first, (channels, 4), gain=0.1, eye="pairs_in")
    for level, multiple in enumerate(layout.multiples):
        for _ in range(layout.blocks):
            block, wide = f"{UNET}input_blocks.{len(skips)}", layout.width * multiple
            yield from _resnet(layout, f"{block}.0", (channels, wide))
            if layout.attention[level]:
                yield from _transformer(layout, f"{block}.1", wide)
            channels = wide
            skips.append(channels)
        if level + 1 < len(layout.multiples):
            name = f"{UNET}input_blocks.{len(skips)}.0.op"
            yield from _convolution(name, (channels, channels))
            skips.append(channels)
    return skips


def _up(layout: Layout, skips: list[int]) -> Iterator[Weight]:
    """The way up; its very last skip connection hands the first convolution through."""
    channels, index = skips[-1], 0
    skips = list(skips)
    for level in reversed(range(len(layout.multiples))):
        wide = layout.width * layout.multiples[level]
        for turn in range(layout.blocks + 1):
            block = f"{UNET}output_blocks.{index}"
            inside = channels + skips.pop()
            yield from _resnet(layout, f"{block}.0", (inside, wide), last=not skips)
            if layout.attention[level]:
                yield from _transformer(layout, f"{block}.1", wide)
            if level and turn == layout.blocks:
                place = 2 if layout.attention[level] else 1
                yield from _convolution(f"{block}.{place}.conv", (wide, wide))
            channels, index = wide, index + 1


def _resnet(
    layout: Layout, name: str, shape: tuple[int, int], last: bool = False
) -> Iterator[Weight]:
    inside, outside = shape
    yield from _norm(f"{name}.in_layers.0", inside)
    yield from _convolution(f"{name}.in_layers.2", (outside, inside))
    yield from _linear(f"{name}.emb_layers.1", (outside, layout.width * 4))
    yield from _norm(f"{name}.out_layers.0", outside)
    yield from _convolution(f"{name}.out_layers.3", (outside, outside), gain=0.5)
    if inside != outside:
        gain, eye = (0.3, "skip") if last else (1.0, "")
        skip = f"{name}.skip_connection"
        yield from _convolution(skip, (outside, inside), 1, gain, eye)


def _transformer(layout: Layout, name: str, channels: int) -> Iterator[Weight]:
    yield from _norm(f"{name}.norm", channels)
    yield from _convolution(f"{name}.proj_in", (channels, channels), 1)
    yield from _convolution(f"{name}.proj_out", (channels, channels), 1, 0.5)
    block = f"{name}.transformer_blocks.0"
    for index in (1, 2, 3):
        yield from _norm(f"{block}.norm{index}", channels)
    for index, context, gain in ((1, channels, 1.0), (2, layout.context, 6.0)):
        attention = f"{block}.attn{index}"
        yield Weight(f"{attention}.to_q.weight", (channels, channels), channels**-0.5)
        yield Weight(f"{attention}.to_k.weight", (channels, context), context**-0.5)
        yield Weight(f"{attention}.to_v.weight", (channels, context), gain * context**-0.5)
        yield from _linear(f"{attention}.to_out.0", (channels, channels))
    yield from _linear(f"{block}.ff.net.0.proj", (channels * 8, channels))
    yield from _linear(f"{block}.ff.net.2", (channels, channels * 4))


def vae() -> Iterator[Weight]:
    """`first_stage_model.*`: the encoder, the decoder and what lies between."""
    yield from _convolution(f"{VAE}encoder.conv_in", (128, 3))
    channels = 128
    for level, wide in enumerate((128, 256, 512, 512)):
        name = f"{VAE}encoder.down.{level}"
        for block in range(2):
            yield from _vae_resnet(f"{name}.block.{block}", (channels, wide))
            channels = wide
        if level < 3:
            yield from _convolution(f"{name}.downsample.conv", (wide, wide))
    yield from _vae_middle(f"{VAE}encoder", (8, 512), 6.0)
    yield from _convolution(f"{VAE}quant_conv", (8, 8), 1)
    yield from _convolution(f"{VAE}post_quant_conv", (4, 4), 1)
    yield from _convolution(f"{VAE}decoder.conv_in", (512, 4), gain=0.3)
    channels = 512
    for level, wide in ((3, 512), (2, 512), (1, 256), (0, 128)):
        name = f"{VAE}decoder.up.{level}"
        for block in range(3):
            yield from _vae_resnet(f"{name}.block.{block}", (channels, wide))
            channels = wide
        if level:
            yield from _convolution(f"{name}.upsample.conv", (wide, wide))
    yield from _vae_middle(f"{VAE}decoder", (3, 128), 0.8)


def _vae_resnet(name: str, shape: tuple[int, int]) -> Iterator[Weight]:
    inside, outside = shape
    yield from _norm(f"{name}.norm1", inside)
    yield from _convolution(f"{name}.conv1", (outside, inside))
    yield from _norm(f"{name}.norm2", outside)
    yield from _convolution(f"{name}.conv2", (outside, outside), gain=0.5)
    if inside != outside:
        yield from _convolution(f"{name}.nin_shortcut", (outside, inside), 1)


def _vae_middle(name: str, shape: tuple[int, int], gain: float) -> Iterator[Weight]:
    """The middle blocks, always 512 wide, and the last convolution."""
    for block in ("block_1", "block_2"):
        yield from _vae_resnet(f"{name}.mid.{block}", (512, 512))
    yield from _norm(f"{name}.mid.attn_1.norm", 512)
    for part in ("q", "k", "v"):
        yield from _convolution(f"{name}.mid.attn_1.{part}", (512, 512), 1)
    yield from _convolution(f"{name}.mid.attn_1.proj_out", (512, 512), 1, 0.5)
    yield from _norm(f"{name}.norm_out", shape[1])
    yield from _convolution(f"{name}.conv_out", shape, gain=gain)


def text() -> Iterator[Weight]:
    """`cond_stage_model.*`: CLIP ViT-L/14's text encoder."""
    yield Weight(f"{TEXT}embeddings.token_embedding.weight", (49408, 768), 0.3)
    yield Weight(f"{TEXT}embeddings.position_embedding.weight", (77, 768), 0.1)
    for index in range(12):
        name = f"{TEXT}encoder.layers.{index}"
        for part, gain in (("q_proj", 1.0), ("k_proj", 1.0), ("v_proj", 1.0), ("out_proj", 0.5)):
            yield from _linear(f"{name}.self_attn.{part}", (768, 768), gain)
        yield from _linear(f"{name}.mlp.fc1", (3072, 768))
        yield from _linear(f"{name}.mlp.fc2", (768, 3072), 0.5)
        yield from _norm(f"{name}.layer_norm1", 768)
        yield from _norm(f"{name}.layer_norm2", 768)
    yield from _norm(f"{TEXT}final_layer_norm", 768)
