"""Changes: each form of adapter changes a layer by its published formula."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from detailer.engines.painters.diffusion.adapters.lora import Loras
from tests.engines.painters.diffusion import tiny
from tests.engines.painters.diffusion.lora_files import KOHYA_TEXT, TEXT, UNET, layer, lora

RANK, ALPHA = 4, 2.0
CONV = "down_blocks.1.resnets.0.conv1"
POINTWISE = "down_blocks.1.attentions.0.proj_in"
NORM = "down_blocks.1.attentions.0.transformer_blocks.0.norm1"


def rand(*shape: int, seed: int = 0) -> Tensor:
    return 0.3 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def kohya_name(name: str) -> str:
    return f"lora_unet_{name.replace('.', '_')}"


@pytest.fixture
def sd15() -> Any:
    return tiny.sd15()


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def weight_of(module: nn.Module, use: Callable[[], None]) -> tuple[Tensor, Tensor]:
    """A layer's weight and bias as it acts once an adapter is used: what it makes of units."""
    use()
    if isinstance(module, nn.Conv2d):
        # Each input channel and place of the kernel alone, in the middle of a picture.
        count, (high, wide) = module.in_channels, module.kernel_size
        size = 2 * high + 3
        nothing = module(torch.zeros(1, count, size, size))[0, :, size // 2, size // 2]
        acting = torch.empty_like(module.weight)
        for channel in range(count):
            for y in range(high):
                for x in range(wide):
                    unit = torch.zeros(1, count, size, size)
                    place = size // 2 + y - high // 2, size // 2 + x - wide // 2
                    unit[0, channel, place[0], place[1]] = 1
                    made = module(unit)[0, :, size // 2, size // 2]
                    acting[:, channel, y, x] = made - nothing
        return acting, nothing
    nothing = module(torch.zeros(1, module.weight.shape[1]))[0]
    return (module(torch.eye(module.weight.shape[1])) - nothing).T, nothing


def acting(
    pipe: Any, folder: Path, tensors: dict[str, Tensor], strength: float, place: str
) -> tuple[Tensor, Tensor]:
    """The weight and bias of a layer as they act with an adapter of these tensors."""
    path = folder / f"a{len(list(folder.iterdir()))}.safetensors"
    save_file({name: each.contiguous() for name, each in tensors.items()}, path)
    loras = Loras(pipe, (str(folder),))
    found = weight_of(layer(pipe, place), lambda: loras.use((lora(path.stem, strength),)))
    loras.use(())
    return found


def low_rank(weight: Tensor, seed: int = 1) -> tuple[Tensor, Tensor, Tensor]:
    """Down, up, and their product times alpha over rank."""
    kernel = weight.shape[2:]
    down = rand(RANK, *weight.shape[1:], seed=seed)
    up = rand(weight.shape[0], RANK, *(1 for _ in kernel), seed=seed + 1)
    product = (up.flatten(1) @ down.flatten(1)).reshape(weight.shape)
    return down, up, product * ALPHA / RANK


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, rtol=1e-4, atol=2e-5)


PLACES = {
    "linear": (f"unet.{UNET}", kohya_name(UNET)),
    "conv": (f"unet.{CONV}", kohya_name(CONV)),
    "pointwise": (f"unet.{POINTWISE}", kohya_name(POINTWISE)),
    "text": (f"text_encoder.{TEXT}", f"lora_te_{KOHYA_TEXT}"),
}


@pytest.mark.parametrize("strength", [1.0, 0.4, -0.5])
@pytest.mark.parametrize("by_rows", [False, True])
@pytest.mark.parametrize("place", PLACES)
def test_dora_brings_rows_or_columns_of_the_changed_weight_to_their_magnitude(
    sd15: Any, tmp_path: Path, place: str, by_rows: bool, strength: float
) -> None:
    name, key = PLACES[place]
    weight = layer(sd15, name).weight.clone()
    down, up, product = low_rank(weight)
    axes = tuple(axis for axis in range(weight.ndim) if axis != (0 if by_rows else 1))
    changed = weight + product
    length = changed.square().sum(axes, keepdim=True).sqrt()
    magnitude = 1 + rand(*length.shape, seed=9).abs()
    tensors = {
        f"{key}.lora_down.weight": down,
        f"{key}.lora_up.weight": up,
        f"{key}.alpha": torch.tensor(ALPHA),
        f"{key}.dora_scale": magnitude,
    }
    found, bias = acting(sd15, tmp_path, tensors, strength, name)
    close(found, weight + strength * (magnitude * changed / length - weight))
    own = layer(sd15, name).bias
    close(bias, torch.zeros_like(bias) if own is None else own)


def test_the_magnitude_that_a_weight_has_already_makes_dora_of_no_rank_nothing(
    sd15: Any, tmp_path: Path
) -> None:
    name, key = PLACES["linear"]
    weight = layer(sd15, name).weight.clone()
    down, up, _ = low_rank(weight)
    tensors = {
        f"{key}.lora_down.weight": down,
        f"{key}.lora_up.weight": torch.zeros_like(up),
        f"{key}.dora_scale": weight.norm(dim=0, keepdim=True),
    }
    found, _ = acting(sd15, tmp_path, tensors, 1.0, name)
    close(found, weight)


@pytest.mark.parametrize("place", ["linear", "conv"])
def test_dora_of_peft_acts_here_as_in_peft(sd15: Any, tmp_path: Path, place: str) -> None:
    peft = pytest.importorskip("peft")
    name, _ = PLACES[place]
    module = layer(sd15, name)
    inner = name.removeprefix("unet.")
    model = nn.ModuleDict({"it": type(module)(*_shape(module))})
    model["it"].load_state_dict(module.state_dict())
    settings = peft.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["it"], use_dora=True)
    theirs = peft.inject_adapter_in_model(settings, model)
    state = peft.get_peft_model_state_dict(theirs)
    made = {}
    for number, (key, each) in enumerate(state.items()):
        each.data = rand(*each.shape, seed=number) + ("magnitude" in key)
        made[f"base_model.model.unet.{key.replace('it.', f'{inner}.')}"] = each
    assert len(made) == 3
    peft.set_peft_model_state_dict(theirs, state)
    found, _ = acting(sd15, tmp_path, made, 1.0, name)
    expected, _ = weight_of(theirs["it"], lambda: None) if place == "linear" else (None, None)
    if expected is not None:
        close(found, expected)
    x = rand(2, *((module.in_channels, 5, 5) if place == "conv" else (module.in_features,)))
    bias = getattr(module, "bias", None)
    with_it = (
        functional.conv2d(x, found, bias, module.stride, module.padding)
        if place == "conv"
        else functional.linear(x, found, bias)
    )
    close(with_it, theirs["it"](x))


def _shape(module: Any) -> tuple[Any, ...]:
    if isinstance(module, nn.Conv2d):
        return (module.in_channels, module.out_channels, module.kernel_size, module.stride,
                module.padding)  # fmt: skip
    return (module.in_features, module.out_features, module.bias is not None)


@pytest.mark.parametrize("by_rows", [False, True])
def test_dora_of_a_layer_that_is_three_in_diffusers_counts_columns_through_all(
    tmp_path: Path, by_rows: bool
) -> None:
    pipe = tiny.flux()
    names = [f"transformer.transformer_blocks.0.attn.to_{one}" for one in "qkv"]
    whole = torch.cat([layer(pipe, name).weight for name in names]).clone()
    down, up, product = low_rank(whole)
    changed = whole + product
    length = changed.norm(dim=1 if by_rows else 0, keepdim=True)
    magnitude = 1 + rand(*length.shape, seed=9).abs()
    key = "lora_unet_double_blocks_0_img_attn_qkv"
    tensors = {
        f"{key}.lora_down.weight": down,
        f"{key}.lora_up.weight": up,
        f"{key}.alpha": torch.tensor(ALPHA),
        f"{key}.dora_scale": magnitude,
    }
    wanted = (magnitude * changed / length).chunk(3)
    for name, expected in zip(names, wanted, strict=True):
        found, _ = acting(pipe, tmp_path, tensors, 1.0, name)
        close(found, expected)


def test_two_adapters_add_up_each_from_the_models_own_weight(sd15: Any, tmp_path: Path) -> None:
    name, key = PLACES["linear"]
    weight = layer(sd15, name).weight.clone()
    down, up, product = low_rank(weight)
    magnitude = torch.full((weight.shape[0], 1), 2.0)
    save_file(
        {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up,
         f"{key}.alpha": torch.tensor(ALPHA), f"{key}.dora_scale": magnitude},
        tmp_path / "dora.safetensors",
    )  # fmt: skip
    save_file({f"{key}.diff": torch.ones_like(weight)}, tmp_path / "whole.safetensors")
    changed = weight + product
    turned = magnitude * changed / changed.norm(dim=1, keepdim=True)
    loras = Loras(sd15, (str(tmp_path),))
    both = (lora("dora", 0.5), lora("whole", 0.25))
    for order in (both, both[::-1]):
        found, _ = weight_of(layer(sd15, name), lambda order=order: loras.use(order))
        close(found, weight + 0.5 * (turned - weight) + 0.25)


@pytest.mark.parametrize("place", ["linear", "conv", "pointwise"])
def test_loha_is_the_product_of_two_low_ranks(sd15: Any, tmp_path: Path, place: str) -> None:
    name, key = PLACES[place]
    weight = layer(sd15, name).weight.clone()
    rows, columns = weight.shape[0], weight[0].numel()
    parts = {
        "hada_w1_a": rand(rows, RANK, seed=1), "hada_w1_b": rand(RANK, columns, seed=2),
        "hada_w2_a": rand(rows, RANK, seed=3), "hada_w2_b": rand(RANK, columns, seed=4),
    }  # fmt: skip
    tensors = {f"{key}.{part}": each for part, each in parts.items()}
    tensors[f"{key}.alpha"] = torch.tensor(ALPHA)
    first, second = (parts[f"hada_w{n}_a"] @ parts[f"hada_w{n}_b"] for n in (1, 2))
    found, _ = acting(sd15, tmp_path, tensors, 0.7, name)
    close(found, weight + 0.7 * ALPHA / RANK * (first * second).reshape(weight.shape))


def test_loha_of_a_convolution_may_have_cores(sd15: Any, tmp_path: Path) -> None:
    name, key = PLACES["conv"]
    weight = layer(sd15, name).weight.clone()
    rows, columns = weight.shape[:2]
    tensors, factors = {}, []
    for n in (1, 2):
        core, a, b = rand(RANK, RANK, 3, 3, seed=n), rand(RANK, rows, seed=n + 2), rand(
            RANK, columns, seed=n + 4
        )  # fmt: skip
        tensors |= {f"{key}.hada_t{n}": core, f"{key}.hada_w{n}_a": a, f"{key}.hada_w{n}_b": b}
        made = torch.zeros_like(weight)
        for i in range(RANK):
            for j in range(RANK):
                made += core[i, j] * a[i][:, None, None, None] * b[j][None, :, None, None]
        factors.append(made)
    found, _ = acting(sd15, tmp_path, tensors, 1.0, name)
    close(found, weight + factors[0] * factors[1])


@pytest.mark.parametrize(
    "form", ["whole", "low_rank_second", "low_rank_first", "low_rank_both"]
)  # fmt: skip
@pytest.mark.parametrize("place", ["linear", "conv"])
def test_lokr_is_a_kronecker_product(sd15: Any, tmp_path: Path, place: str, form: str) -> None:
    name, key = PLACES[place]
    weight = layer(sd15, name).weight.clone()
    rows, columns = weight.shape[0] // 4, weight.shape[1] // 2
    kernel = weight.shape[2:]
    parts, scale = {}, 1.0
    if form in ("low_rank_first", "low_rank_both"):
        parts |= {"lokr_w1_a": rand(4, 2, seed=1), "lokr_w1_b": rand(2, 2, seed=2)}
        first, scale = parts["lokr_w1_a"] @ parts["lokr_w1_b"], ALPHA / 2
    else:
        first = parts["lokr_w1"] = rand(4, 2, seed=1)
    if form in ("low_rank_second", "low_rank_both"):
        count = columns * (kernel.numel() if kernel else 1)
        parts |= {"lokr_w2_a": rand(rows, 3, seed=3), "lokr_w2_b": rand(3, count, seed=4)}
        second, scale = parts["lokr_w2_a"] @ parts["lokr_w2_b"], ALPHA / 3
        second = second.reshape(rows, columns, *kernel)
    else:
        second = parts["lokr_w2"] = rand(rows, columns, *kernel, seed=3)
    tensors = {f"{key}.{part}": each for part, each in parts.items()}
    tensors[f"{key}.alpha"] = torch.tensor(ALPHA)
    expected = torch.zeros_like(weight)
    for i in range(4):
        for j in range(2):
            block = first[i, j] * second
            expected[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns] = block
    found, _ = acting(sd15, tmp_path, tensors, 1.0, name)
    close(found, weight + scale * expected)


def test_lokr_may_have_magnitudes(sd15: Any, tmp_path: Path) -> None:
    name, key = PLACES["linear"]
    weight = layer(sd15, name).weight.clone()
    first, second = rand(4, 2, seed=1), rand(weight.shape[0] // 4, weight.shape[1] // 2, seed=2)
    magnitude = 1 + rand(1, weight.shape[1], seed=5).abs()
    tensors = {f"{key}.lokr_w1": first, f"{key}.lokr_w2": second, f"{key}.dora_scale": magnitude}
    changed = weight + torch.kron(first, second)
    found, _ = acting(sd15, tmp_path, tensors, 1.0, name)
    close(found, magnitude * changed / changed.norm(dim=0, keepdim=True))


def test_locon_has_a_core_between_its_ranks(sd15: Any, tmp_path: Path) -> None:
    name, key = PLACES["conv"]
    weight = layer(sd15, name).weight.clone()
    down, up = rand(RANK, weight.shape[1], 1, 1, seed=1), rand(weight.shape[0], 3, 1, 1, seed=2)
    core = rand(3, RANK, 3, 3, seed=3)
    x = rand(1, weight.shape[1], 7, 7, seed=4)
    stages = functional.conv2d(functional.conv2d(functional.conv2d(x, down), core), up)
    tensors = {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up,
               f"{key}.lora_mid.weight": core}  # fmt: skip
    found, _ = acting(sd15, tmp_path, tensors, 1.0, name)
    torch.testing.assert_close(functional.conv2d(x, found - weight), stages, rtol=1e-3, atol=1e-5)


def test_differences_of_weight_bias_and_norm_are_added(sd15: Any, tmp_path: Path) -> None:
    name, key = PLACES["conv"]
    module = layer(sd15, name)
    weight, bias = module.weight.clone(), module.bias.clone()
    change, shift = rand(*weight.shape, seed=1), rand(*bias.shape, seed=2)
    tensors = {f"{key}.diff": change, f"{key}.diff_b": shift}
    found, moved = acting(sd15, tmp_path, tensors, 0.5, name)
    close(found, weight + 0.5 * change)
    close(moved, bias + 0.5 * shift)
    norm = layer(sd15, f"unet.{NORM}")
    more, shift = rand(*norm.weight.shape, seed=3), rand(*norm.weight.shape, seed=4)
    place = kohya_name(NORM)
    save_file({f"{place}.w_norm": more, f"{place}.b_norm": shift}, tmp_path / "n.safetensors")
    Loras(sd15, (str(tmp_path),)).use((lora("n", 0.5),))
    x = rand(3, len(more), seed=5)
    wanted = functional.layer_norm(
        x, norm.normalized_shape, norm.weight + 0.5 * more, norm.bias + 0.5 * shift, norm.eps
    )
    close(norm(x), wanted)


def test_what_diffusers_notes_of_pefts_alpha_counts(sd15: Any, tmp_path: Path) -> None:
    weight = layer(sd15, f"unet.{UNET}").weight.clone()
    down, up, product = low_rank(weight)
    tensors = {f"unet.{UNET}.lora_A.weight": down, f"unet.{UNET}.lora_B.weight": up}
    notes = (
        ('{"unet.lora_alpha": 2.0, "unet.r": 4}', 1.0),
        ('{"unet.lora_alpha": 2.0, "unet.use_rslora": true}', RANK**0.5),
        ('{"unet.lora_alpha": 9, "unet.alpha_pattern": {"attn2.to_k": 2}}', 1.0),
        ("no json", RANK / ALPHA),
    )
    for number, (note, times) in enumerate(notes):
        path = tmp_path / f"n{number}.safetensors"
        save_file(tensors, path, {"lora_adapter_metadata": note})
        loras = Loras(sd15, (str(tmp_path),))
        found, _ = weight_of(
            layer(sd15, f"unet.{UNET}"), lambda p=path, ls=loras: ls.use((lora(p.stem),))
        )
        close(found, weight + times * product)
        loras.use(())
