"""Network: a model of transformers, with what makes numbers of pictures and of words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import numpy as np
import torch
import transformers

from detailer.core.geometry import Size
from detailer.engines.detectors.found import Numbers
from detailer.engines.detectors.look import Look
from detailer.engines.detectors.transformers.kinds import Kind
from detailer.engines.faults import as_engine_error
from detailer.engines.files.pretrained import Pretrained, loaded
from detailer.engines.quiet import quiet
from detailer.engines.running import running
from detailer.errors import EngineError, InputError

ENGINE: Final = "detector transformers"

_PICTURES = ("preprocessor_config.json", "processor_config.json")
_VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "tokenizer.model", "spiece.model")
_REMEDY = "fetch the model again, with all its .json and .txt files"

_SIDES: Final[dict[str, Callable[[Any], int]]] = {
    "owlvit": lambda config: config.vision_config.image_size,
    "owlv2": lambda config: config.vision_config.image_size,
    "rf_detr": lambda config: config.backbone_config.image_size,
    # Its maps are of this size wherever it is used, though its encoder was trained with 224.
    "clipseg": lambda config: 352,
    "sam3": lambda config: config.image_size,
    "sam3_video": lambda config: config.image_size,
}
"""The side of the square that a network takes, where the folder does not tell it."""


class Network:
    """A network on its device, loaded once, for pictures one at a time.

    Args:
        model: Where its files are.
        kind: What is known of its kind.
        device: auto, cpu, cuda, cuda:1 or mps.

    Raises:
        MissingEngineError: If its weights cannot be fetched.
        EngineError: If its files do not make a model of its kind.
    """

    def __init__(self, model: Pretrained, kind: Kind, device: str) -> None:
        self.model = model
        # The quickest first: what is missing is told before gigabytes are read.
        self.tokenizer = None if kind.way == "classes" else self._tokenizer()
        self.run: Any = loaded(model, getattr(transformers, kind.network), device)
        self.config: Any = self.run.config
        self.pictures = self._pictures(getattr(transformers, kind.pictures))

    def running(self, size: Size) -> AbstractContextManager[None]:
        """Where the network may run: without gradients, what fails is an EngineError."""
        return running(ENGINE, self.model.text, size)

    def pixels(self, look: Look) -> dict[str, torch.Tensor]:
        """A picture as arguments of the network, made by the model's own processor."""
        # torch takes neither flipped nor read-only arrays; and the order of the axes is told,
        # because a picture three pixels high could as well have its channels first.
        images = np.require(look.pixels, requirements=["C", "W"])
        made = self.pictures(images=images, input_data_format="channels_last", return_tensors="pt")
        kept = {name: made[name] for name in ("pixel_values", "pixel_mask") if name in made}
        return self.moved(kept)

    def tokens(self, words: Sequence[str], most: int) -> dict[str, torch.Tensor]:
        """Words as arguments of a network of CLIP's kind, each filled up to `most` tokens.

        Raises:
            InputError: If a word has more tokens than that.
        """
        with self.reading():
            given: Any = self.tokenizer
            made = given(list(words), padding="longest", return_attention_mask=True)
            lengths = [sum(mask) for mask in made["attention_mask"]]
            for word, length in zip(words, lengths, strict=True):
                if length > most:
                    raise InputError(
                        f"{word!r} is {length} tokens long; {self.model.text} takes {most}: say it"
                        " in fewer words"
                    )
            filled = given(list(words), padding="max_length", max_length=most, return_tensors="pt")
        return self.moved({name: filled[name] for name in ("input_ids", "attention_mask")})

    def reading(self) -> AbstractContextManager[None]:
        """Where words may be made numbers: what fails is an EngineError."""
        return as_engine_error(f"the tokenizer of {self.model.text}", _REMEDY)

    def moved(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The same on the network's device."""
        return {name: tensor.to(self.run.device) for name, tensor in tensors.items()}

    def numbers(self, tensor: torch.Tensor) -> Numbers:
        """What the network gives, as float64.

        Raises:
            EngineError: If some of it is no finite number.
        """
        values = tensor.cpu().double().numpy()
        if not np.isfinite(values).all():
            raise EngineError(
                f"{ENGINE}: {self.model.text} gives values that are not finite numbers; its"
                " weights are broken: fetch it again"
            )
        return np.asarray(values)

    def shares(self, logits: torch.Tensor) -> Numbers:
        """Probabilities 0..1 of what a network gives as logits, told apart even near 1.

        Raises:
            EngineError: If some of it is no number.
        """
        return self.numbers(logits.cpu().double().sigmoid())

    def _pictures(self, processor: Any) -> Any:
        with quiet(), as_engine_error(self.model.text, _REMEDY):
            if self.model.has(*_PICTURES):
                return processor.from_pretrained(self.model.folder, local_files_only=True)
            side = _SIDES.get(self.model.kind)
            if side is None:
                return processor()
            return processor(size={"height": side(self.config), "width": side(self.config)})

    def _tokenizer(self) -> Any:
        if not self.model.has(*_VOCABULARIES):
            raise EngineError(
                f"{self.model.text} has no tokenizer (such as {_VOCABULARIES[0]}), so it cannot"
                f" read words; {_REMEDY}"
            )
        with quiet(), as_engine_error(self.model.text, _REMEDY):
            return transformers.AutoTokenizer.from_pretrained(
                self.model.folder, local_files_only=True, trust_remote_code=False
            )
