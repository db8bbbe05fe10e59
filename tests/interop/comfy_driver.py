"""Drives a ComfyUI checkout: a request per line of JSON in, an answer per line out.

    $COMFYUI_PYTHON comfy_driver.py CHECKOUT [--threads N] [-- ComfyUI's own flags]

Runs on its own, with whatever Python has ComfyUI's dependencies, and only calls what ComfyUI
offers: its loader, its text encoder, its VAE, `common_ksampler`. Arrays travel as .npz files.

    {"do": "load", "checkpoint": PATH}                 -> {"dtype", "version", "attention"}
    {"do": "encode", "texts": [..], "out": NPZ}        -> cond_0, cond_1, ..
    {"do": "sample", "case": CASE, "arrays": NPZ, "out": NPZ}
        reads latent, positive, negative and, where the case names it, mask (pixels);
        writes latent                                  -> {"seconds", "timesteps"}
    {"do": "round_trip", "arrays": NPZ, "out": NPZ}    image -> latent, decoded
    {"do": "paint", "case": CASE, "arrays": NPZ, "out": NPZ}
        as sample, but from image to image             -> {"encode_seconds", "seconds", ..}
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Request = dict[str, Any]
Answer = dict[str, Any]


def prepared(checkout: str, flags: list[str]) -> None:
    """Puts ComfyUI on the path; it reads its flags from the command line."""
    sys.path.insert(0, checkout)
    sys.argv = ["main.py", *flags]
    import comfy.options

    comfy.options.enable_args_parsing()


class Comfy:
    """One checkpoint in ComfyUI."""

    def __init__(self) -> None:
        self.model: Any = None
        self.clip: Any = None
        self.vae: Any = None

    def load(self, request: Request) -> Answer:
        import comfy.ldm.modules.attention
        import comfy.sd
        import comfyui_version

        path = request["checkpoint"]
        self.model, self.clip, self.vae, *_ = comfy.sd.load_checkpoint_guess_config(path)
        return {
            "dtype": str(self.model.model.get_dtype()),
            "vae_dtype": str(self.vae.vae_dtype),
            "version": comfyui_version.__version__,
            "attention": comfy.ldm.modules.attention.optimized_attention.__name__,
        }

    def encode(self, request: Request) -> Answer:
        """Texts as the node CLIPTextEncode has them."""
        import numpy

        made = {}
        for index, text in enumerate(request["texts"]):
            made[f"cond_{index}"] = self._said(text).float().numpy()
        numpy.savez(request["out"], **made)
        return {}

    def _said(self, text: str) -> Any:
        return self.clip.encode_from_tokens(self.clip.tokenize(text))

    def round_trip(self, request: Request) -> Answer:
        """Image (1, H, W, 3) 0..1 to raw latents and back, with seconds for each way."""
        import numpy

        image = loaded(request["arrays"])["image"]
        start = time.perf_counter()
        latent = self.vae.encode(image)
        middle = time.perf_counter()
        decoded = self.vae.decode(latent)
        end = time.perf_counter()
        numpy.savez(request["out"], latent=latent.numpy(), decoded=decoded.numpy())
        return {"encode_seconds": middle - start, "decode_seconds": end - middle}

    def paint(self, request: Request) -> Answer:
        """A crop as the nodes repaint it: encoded, sampled, decoded."""
        import numpy

        given = loaded(request["arrays"])
        start, busy = time.perf_counter(), time.process_time()
        given["latent"] = self.vae.encode(given.pop("image"))
        middle = time.perf_counter()
        latent, figures = self._sampled(request["case"], given)
        end = time.perf_counter()
        decoded = self.vae.decode(latent)
        done = time.perf_counter()
        figures |= {"encode_seconds": middle - start, "decode_seconds": done - end}
        figures["cpu_seconds"] = time.process_time() - busy
        numpy.savez(request["out"], decoded=decoded.numpy())
        return figures

    def sample(self, request: Request) -> Answer:
        """One run, timed, with the timesteps that the model was called at."""
        import numpy

        latent, figures = self._sampled(request["case"], loaded(request["arrays"]))
        numpy.savez(request["out"], latent=latent.float().numpy())
        return figures

    def _sampled(self, case: Any, given: dict[str, Any]) -> tuple[Any, Answer]:
        import nodes

        latent = {"samples": given["latent"]}
        if case["mask"] != "none":
            latent["noise_mask"] = given["mask"][None]
        model = differential(self.model) if case["mask"] == "differential" else self.model
        positive, negative = ([[given[name], {}]] for name in ("positive", "negative"))
        settings = [case[name] for name in ("seed", "steps", "cfg", "sampler", "scheduler")]
        with called(self.model.model) as timesteps:
            start = time.perf_counter()
            (made,) = nodes.common_ksampler(
                model, *settings, positive, negative, latent, denoise=case["denoise"]
            )
            seconds = time.perf_counter() - start
        return made["samples"], {"seconds": seconds, "timesteps": timesteps}


def loaded(path: str) -> dict[str, Any]:
    """The arrays of a file as tensors."""
    import numpy
    import torch

    with numpy.load(path) as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


def differential(model: Any) -> Any:
    """The model as the node DifferentialDiffusion hands it on, in old and new checkouts."""
    from comfy_extras.nodes_differential_diffusion import DifferentialDiffusion as Node

    made = Node.execute(model) if hasattr(Node, "execute") else Node().apply(model)
    return made[0]


@contextlib.contextmanager
def called(model: Any) -> Iterator[list[float]]:
    """The timesteps at which the network is called."""
    seen: list[float] = []
    network = model.diffusion_model
    hook = network.register_forward_pre_hook(lambda _, given: seen.append(float(given[1][0])))
    try:
        yield seen
    finally:
        hook.remove()


def serve(comfy: Comfy) -> None:
    """Answers until the input ends. What ComfyUI prints goes with its log."""
    import torch

    answers, sys.stdout = sys.stdout, sys.stderr
    tasks: dict[str, Callable[[Request], Answer]] = {
        "load": comfy.load,
        "encode": comfy.encode,
        "sample": comfy.sample,
        "round_trip": comfy.round_trip,
        "paint": comfy.paint,
    }
    for line in sys.stdin:
        request = json.loads(line)
        with torch.inference_mode():
            answer = tasks[request["do"]](request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    given = sys.argv[1:]
    own, flags = given, ["--cpu"]
    if "--" in given:
        own, flags = given[: given.index("--")], given[given.index("--") + 1 :]
    prepared(str(Path(own[0]).resolve()), flags)
    import torch

    if "--threads" in own:
        torch.set_num_threads(int(own[own.index("--threads") + 1]))
    serve(Comfy())


if __name__ == "__main__":
    main()
