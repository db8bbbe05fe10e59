"""Control images: read, laid over the picture, cut with the region, and their ControlNets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from detailer.core.geometry import Box, Size
from detailer.core.paint import Control
from detailer.core.pixels import Pixels, resize
from detailer.core.view import to_painted
from detailer.core.window import Window
from detailer.engines.painters.diffusion.forward import Guides
from detailer.engines.painters.diffusion.guides import pictures
from detailer.engines.painters.diffusion.guides.hints import Controls, control_image, hints
from detailer.engines.painters.diffusion.guides.pictures import read_picture
from detailer.engines.painters.diffusion.table import Table
from detailer.errors import EngineError, InputError, MissingEngineError
from tests.engines.painters.diffusion.steered import (
    SIDE,
    TABLE,
    Pass,
    ToyJob,
    asked,
    controlnet,
    controls,
    job,
    loaded,
    output,
    picture,
    saved,
    saved_picture,
    square,
    unet,
    xl_unet,
)

SIZE = Size(96, 64)
TURNED = Window(30, 12, Size(40, 32), 1.3, angle=25.0)
EXACT = Window(8, 16, Size(32, 40), 1.0)
NODES = Window(10, 6, Size(48, 32), 1.5, scale_y=1.6)


@pytest.fixture(scope="module")
def steered() -> Any:
    return unet()


@pytest.fixture(scope="module")
def folder(steered, tmp_path_factory) -> str:
    return saved(controlnet(steered), tmp_path_factory.mktemp("nets") / "one")


@pytest.fixture(scope="module")
def other(steered, tmp_path_factory) -> str:
    return saved(controlnet(steered, seed=2), tmp_path_factory.mktemp("nets") / "other")


def image_of(one: Any, control: Control, **preprocessors: Any) -> Pixels:
    return control_image(one, control, controls(unet(), **preprocessors))


@pytest.mark.parametrize("window", [EXACT, TURNED, NODES, Window(-6, 4, Size(32, 32), 0.7)])
def test_a_control_image_is_cut_as_the_picture_is(tmp_path, window) -> None:
    pixels = picture(SIZE)
    file = saved_picture(pixels, tmp_path / "control.png")
    one = job(pixels, window, asked())
    cut = image_of(one, Control(model="net", image=file))
    np.testing.assert_allclose(cut, one.fit.pixels(one.cutout), atol=1e-6)


@settings(max_examples=25)
@given(
    st.floats(-180, 180), st.floats(0.4, 3), st.integers(10, 60), st.integers(10, 40),
    st.sampled_from([Size(96, 64), Size(48, 32), Size(192, 128)]),
)  # fmt: skip
def test_any_window_cuts_a_control_image_of_any_size_like_the_picture(
    angle, scale, left, top, size
) -> None:
    pixels = picture(SIZE)
    one = job(pixels, Window(left, top, Size(32, 24), scale, angle), asked())
    guiding = controls(unet())
    fitted = np.clip(resize(pixels, size), 0, 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "read_picture", lambda _: fitted.astype(np.float32))
        cut = control_image(one, Control(model="net", image="any.png"), guiding)
    assert cut.shape == (24, 32, 3)
    # What was sampled to another size and back differs where the picture is not smooth.
    assert float(np.abs(cut - one.fit.pixels(one.cutout)).mean()) < 0.02


def test_an_upscaled_cutout_changes_nothing_of_its_control_image(tmp_path) -> None:
    pixels = picture(SIZE)
    file = saved_picture(picture(SIZE, 1), tmp_path / "control.png")
    plain = job(pixels, EXACT, asked())
    large = np.repeat(np.repeat(plain.cutout.part, 2, 0), 2, 1)
    upscaled = replace(plain, cutout=replace(plain.cutout, part=large))
    control = Control(model="net", image=file)
    assert np.array_equal(image_of(plain, control), image_of(upscaled, control))


def test_without_a_file_the_crop_itself_is_the_control_image() -> None:
    one = job(picture(SIZE), TURNED, asked())
    assert np.array_equal(image_of(one, Control(model="net")), one.fit.pixels(one.cutout))


def test_a_size_that_is_no_multiple_is_fitted_as_the_pixels_are(tmp_path) -> None:
    pixels = picture(SIZE)
    file = saved_picture(pixels, tmp_path / "control.png")
    one = job(pixels, Window(8, 8, Size(30, 42), 1.0), asked())
    cut = image_of(one, Control(model="net", image=file))
    assert cut.shape == (48, 32, 3)
    np.testing.assert_allclose(cut, one.fit.pixels(one.cutout), atol=1e-6)


def test_canny_gives_white_edges_on_black() -> None:
    pixels = np.zeros((*SIZE.shape, 3), np.float32)
    pixels[:, 40:] = 1
    one = job(pixels, Window(24, 8, Size(32, 32), 1.0), asked())
    edges = image_of(one, Control(model="net", preprocessor="canny"))
    assert set(np.unique(edges)) == {0.0, 1.0}
    assert edges[16].any()
    assert not edges[:, :12].any()


def test_a_preprocessor_is_a_function_given_by_name(tmp_path) -> None:
    one = job(picture(SIZE), EXACT, asked())
    inverted = image_of(
        one, Control(model="net", preprocessor="negative"), negative=lambda p: 1 - p
    )
    np.testing.assert_allclose(inverted, 1 - one.fit.pixels(one.cutout), atol=1e-6)
    file = saved_picture(picture(SIZE, 3), tmp_path / "control.png")
    of_file = Control(model="net", preprocessor="negative", image=file)
    plain = image_of(one, Control(model="net", image=file))
    cut = image_of(one, of_file, negative=lambda p: 1 - p)
    np.testing.assert_allclose(cut, 1 - plain, atol=1e-6)


def test_what_a_preprocessor_gives_is_brought_to_the_size_and_range() -> None:
    one = job(picture(SIZE), EXACT, asked())
    control = Control(model="net", preprocessor="depth")
    grey = image_of(one, control, depth=lambda p: np.full((10, 12), 128, np.uint8))
    np.testing.assert_allclose(grey, np.full((40, 32, 3), 128 / 255), atol=1e-4)
    wide = image_of(one, control, depth=lambda p: np.full((40, 32, 1), 7.0))
    assert wide.shape == (40, 32, 3)
    assert wide.max() == 1


def test_a_preprocessor_that_gives_no_picture_is_an_error() -> None:
    one = job(picture(SIZE), EXACT, asked())
    control = Control(model="net", preprocessor="broken")
    with pytest.raises(EngineError, match="not finite"):
        image_of(one, control, broken=lambda p: p * np.nan)
    with pytest.raises(EngineError, match=r"'broken' gave \(4,\)"):
        image_of(one, control, broken=lambda p: np.zeros(4))


def test_a_preprocessor_that_is_not_known_lists_those_that_are() -> None:
    one = job(picture(SIZE), EXACT, asked())
    with pytest.raises(InputError, match="did you mean canny"):
        image_of(one, Control(model="net", preprocessor="cany"))
    with pytest.raises(InputError, match="known: none, canny, depth"):
        image_of(one, Control(model="net", preprocessor="zzzz"), depth=lambda p: p)


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "CMYK", "1", "I;16"])
def test_a_picture_of_any_mode_is_read_as_rgb(tmp_path, mode) -> None:
    file = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    Image.new("L", (5, 4), 255).convert(mode).save(file)
    pixels = read_picture(file)
    assert pixels.shape == (4, 5, 3)
    assert pixels.dtype == np.float32
    expected = 255 / 65535 if mode == "I;16" else 1.0
    np.testing.assert_allclose(pixels, expected, atol=0.01)


def test_16_bits_of_depth_keep_their_range(tmp_path) -> None:
    depth = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(depth).save(tmp_path / "depth.png")
    np.testing.assert_allclose(
        read_picture(tmp_path / "depth.png")[..., 1], depth / 65535, atol=1e-6
    )


def test_what_is_transparent_is_black(tmp_path) -> None:
    Image.new("RGBA", (4, 4), (255, 255, 255, 0)).save(tmp_path / "clear.png")
    assert not read_picture(tmp_path / "clear.png").any()


def test_a_picture_on_its_side_is_turned_upright(tmp_path) -> None:
    image = Image.new("RGB", (6, 4))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "side.jpg", exif=exif)
    assert read_picture(tmp_path / "side.jpg").shape == (6, 4, 3)


def test_a_file_that_is_no_picture_or_too_large_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "words.png").write_text("no picture")
    with pytest.raises(InputError, match=r"words\.png cannot be read"):
        read_picture(tmp_path / "words.png")
    with pytest.raises(InputError, match=r"none\.png cannot be read"):
        read_picture(tmp_path / "none.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "large.png")
    monkeypatch.setattr(pictures, "LARGEST", 399)
    with pytest.raises(InputError, match=r"20.20; give"):
        read_picture(tmp_path / "large.png")


def test_a_control_file_is_read_once_for_all_regions_of_a_picture(tmp_path, monkeypatch) -> None:
    read: list[Any] = []
    real = pictures.read_picture
    monkeypatch.setattr(pictures, "read_picture", lambda path: read.append(path) or real(path))
    file = saved_picture(picture(SIZE), tmp_path / "control.png")
    guiding = controls(unet())
    for left in (0, 16, 32):
        one = job(picture(SIZE), Window(left, 0, Size(32, 32), 1.0), asked())
        control_image(one, Control(model="net", image=file), guiding)
    assert len(read) == 1


def test_a_batchs_hints_hold_each_regions_own_settings(folder) -> None:
    guiding = controls(unet())
    jobs = [
        square(asked(Control(model=folder, strength=0.5, start=0.2, end=0.6)), seed=1),
        square(asked(Control(model=folder, strength=1.5)), seed=2),
    ]
    (hint,) = hints(jobs, guiding)
    assert hint.strength.tolist() == [0.5, 1.5]
    assert hint.image.shape == (2, 3, SIDE, SIDE)
    for row, each in enumerate(jobs):
        shown = hint.image[row].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(shown, each.fit.pixels(each.cutout))
    assert hint.first.tolist() == pytest.approx([TABLE.at_percent(0.2), TABLE.at_percent(0)])


@pytest.mark.parametrize("table", [TABLE, Table.flow(3.0)])
def test_start_and_end_are_those_of_comfyui_and_both_belong_to_the_window(folder, table) -> None:
    one = square(asked(Control(model=folder, start=0.25, end=0.75)))
    (hint,) = hints([ToyJob(one.cutout, one.fit, table)], controls(unet()))
    start, end = table.at_percent(0.25), table.at_percent(0.75)
    for sigma, acts in [
        (np.nextafter(np.float32(start), np.float32(1e9)), False),
        (start, True),
        ((start + end) / 2, True),
        (end, True),
        (np.nextafter(np.float32(end), np.float32(0)), False),
    ]:
        assert bool(hint.strength_at(torch.tensor([float(sigma)])) > 0) is acts


def test_a_control_from_0_to_1_acts_at_every_level(folder) -> None:
    (hint,) = hints([square(asked(Control(model=folder)))], controls(unet()))
    for sigma in (TABLE.highest, TABLE.highest * 1.2, TABLE.lowest, 0.0):
        assert float(hint.strength_at(torch.tensor([sigma]))) == 1


def test_regions_with_and_without_a_control_share_a_batch(folder, other, steered) -> None:
    guiding = controls(steered)
    one, two = Control(model=folder, strength=0.8), Control(model=other, preprocessor="canny")
    jobs = [square(asked(one, two)), square(asked()), square(asked(two)), square(asked(one, one))]

    def painted(*some: Any) -> Tensor:
        guides = Guides(Size(SIDE, SIDE), hints=hints(some, guiding))
        return output(steered, Pass(len(some)).guided(guides))

    together = painted(*jobs)
    for row, each in enumerate(jobs):
        torch.testing.assert_close(together[row], painted(each)[0], atol=1e-5, rtol=1e-5)
    assert torch.equal(together[1], output(steered, Pass(4).forward)[1])


def test_strength_0_loads_nothing_and_changes_nothing() -> None:
    nowhere = Control(model="nowhere/at-all.safetensors", strength=0.0)
    assert hints([square(asked(nowhere))], controls(unet())) == ()


def test_a_controlnet_is_loaded_once(folder, steered) -> None:
    guiding = controls(steered)
    assert guiding.nets(folder) is guiding.nets(folder)


def test_nets_of_latents_see_the_control_image_through_the_vae(steered) -> None:
    guiding = controls(steered)

    class FluxControlNetModel(torch.nn.Module):
        input_hint_block = None

    guiding.nets._opened["flux"] = FluxControlNetModel()
    (hint,) = hints([square(asked(Control(model="flux")))], guiding)
    assert hint.image.shape == (1, 4, SIDE // 8, SIDE // 8)


def original(net: Any) -> dict[str, Tensor]:
    """A ControlNet's tensors under the names that its authors gave them."""
    inner = {
        "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1",
        "norm2": "out_layers.0", "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
    }  # fmt: skip
    places = {
        "conv_in.": "input_blocks.0.0.",
        "time_embedding.linear_1.": "time_embed.0.",
        "time_embedding.linear_2.": "time_embed.2.",
        "controlnet_cond_embedding.conv_in.": "input_hint_block.0.",
        "controlnet_cond_embedding.conv_out.": "input_hint_block.14.",
        "down_blocks.0.resnets.0.": "input_blocks.1.0.",
        "down_blocks.0.downsamplers.0.conv.": "input_blocks.2.0.op.",
        "down_blocks.1.resnets.0.": "input_blocks.3.0.",
        "down_blocks.1.attentions.0.": "input_blocks.3.1.",
        "mid_block.resnets.0.": "middle_block.0.",
        "mid_block.attentions.0.": "middle_block.1.",
        "mid_block.resnets.1.": "middle_block.2.",
        "controlnet_mid_block.": "middle_block_out.0.",
    }
    places |= {f"controlnet_down_blocks.{n}.": f"zero_convs.{n}.0." for n in range(4)}
    places |= {
        f"controlnet_cond_embedding.blocks.{n}.": f"input_hint_block.{2 * n + 2}." for n in range(6)
    }
    named = {}
    for name, tensor in net.state_dict().items():
        begin = next(each for each in places if name.startswith(each))
        rest = name[len(begin) :]
        if "resnets" in begin:
            rest = rest.replace(rest.split(".")[0], inner[rest.split(".")[0]])
        named[f"control_model.{places[begin]}{rest}"] = tensor.contiguous()
    return named


# Diffusers has no names for what SDXL adds in the layout of the original authors.
@pytest.mark.parametrize(
    ("make", "layout"), [(unet, "original"), (unet, "diffusers"), (xl_unet, "diffusers")]
)
def test_a_single_file_needs_no_configuration(tmp_path, make, layout) -> None:
    steered = make()
    net = controlnet(steered)
    file = tmp_path / "net.safetensors"
    save_file(original(net) if layout == "original" else net.state_dict(), file)
    opened = Controls(loaded(steered)).nets(str(file))
    assert opened.state_dict().keys() == net.state_dict().keys()
    for name, tensor in net.state_dict().items():
        assert torch.equal(opened.state_dict()[name], tensor), name


def test_a_controlnet_of_another_family_is_refused_and_both_are_named(tmp_path) -> None:
    wide = unet(cross_attention_dim=768)
    own = saved(controlnet(wide), tmp_path / "wide")
    with pytest.raises(
        EngineError, match=r"cross_attention_dim 768 \(Stable Diffusion 1\), the mod"
    ):
        controls(unet()).nets(own)
    with pytest.raises(
        EngineError, match=r"has cross_attention_dim 768 \(Stable.* the model has 16"
    ):
        controls(unet()).nets(f"{own}/diffusion_pytorch_model.safetensors")
    with pytest.raises(EngineError, match="addition_embed_type"):
        controls(unet()).nets(saved(controlnet(xl_unet()), tmp_path / "xl"))


def test_a_controlnet_of_the_wrong_size_is_refused(tmp_path) -> None:
    thick = saved(controlnet(unet(block_out_channels=(16, 16))), tmp_path / "thick")
    with pytest.raises(
        EngineError, match=r"block_out_channels \[16, 16\], the model has \[8, 16\]"
    ):
        controls(unet()).nets(thick)
    with pytest.raises(EngineError, match="it is broken, or made for another model"):
        controls(unet()).nets(f"{thick}/diffusion_pytorch_model.safetensors")
    wide = saved(controlnet(unet(block_out_channels=(8, 32))), tmp_path / "wide")
    with pytest.raises(EngineError, match=r"cannot be loaded.*is steered by a ControlNetModel"):
        controls(unet()).nets(f"{wide}/diffusion_pytorch_model.safetensors")


def test_what_is_no_controlnet_is_refused(tmp_path) -> None:
    with pytest.raises(EngineError, match="is a UNet2DConditionModel"):
        controls(unet()).nets(saved(unet(), tmp_path / "unet"))
    save_file({"weight": torch.zeros(2)}, tmp_path / "some.safetensors")
    with pytest.raises(EngineError, match="is no ControlNet"):
        controls(unet()).nets(str(tmp_path / "some.safetensors"))
    (tmp_path / "net.pth").write_bytes(b"pickle")
    with pytest.raises(InputError, match=r"only \.safetensors"):
        controls(unet()).nets(str(tmp_path / "net.pth"))


def test_a_file_that_is_cut_short_is_refused(folder, tmp_path) -> None:
    whole = Path(folder, "diffusion_pytorch_model.safetensors").read_bytes()
    (tmp_path / "short.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EngineError, match="cut short"):
        controls(unet()).nets(str(tmp_path / "short.safetensors"))


def test_a_file_that_lacks_tensors_or_has_too_many_is_refused(steered, tmp_path) -> None:
    tensors = controlnet(steered).state_dict()
    del tensors["mid_block.resnets.1.conv1.weight"]
    save_file(tensors, tmp_path / "part.safetensors")
    with pytest.raises(EngineError, match="it is broken, or made for another model"):
        controls(unet()).nets(str(tmp_path / "part.safetensors"))
    deeper = controlnet(unet(layers_per_block=2)).state_dict()
    save_file(deeper, tmp_path / "deeper.safetensors")
    with pytest.raises(EngineError, match="it is broken, or made for another model"):
        controls(unet()).nets(str(tmp_path / "deeper.safetensors"))


def test_a_union_is_refused_by_name(steered, tmp_path) -> None:
    tensors = {**controlnet(steered).state_dict(), "task_embedding": torch.zeros(8)}
    save_file(tensors, tmp_path / "union.safetensors")
    with pytest.raises(EngineError, match="union"):
        controls(unet()).nets(str(tmp_path / "union.safetensors"))


def test_a_model_that_no_controlnet_here_steers_says_so() -> None:
    with pytest.raises(EngineError, match="none that steer a Linear"):
        controls(torch.nn.Linear(1, 1)).nets("anything")


def test_offline_a_name_that_is_not_here_is_missing(monkeypatch) -> None:
    monkeypatch.setenv("DETAILER_OFFLINE", "1")
    with pytest.raises(MissingEngineError, match="the network is off"):
        controls(unet()).nets("nobody/has-this")


def test_an_empty_folder_is_missing_its_configuration(tmp_path) -> None:
    with pytest.raises(MissingEngineError, match=r"no config\.json"):
        controls(unet()).nets(str(tmp_path))


def test_a_turned_window_sees_what_the_painter_sees() -> None:
    one = job(picture(SIZE), TURNED, asked(), Box(40, 20, 60, 40))
    direct = to_painted(one.cutout.part, TURNED)
    np.testing.assert_allclose(
        image_of(one, Control(model="net")), np.clip(direct, 0, 1), atol=1e-6
    )
