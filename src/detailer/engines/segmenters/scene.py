"""Scene: a picture that a model of the SAM family has looked at, ready for any prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import torch
from torch.nn.functional import interpolate

from detailer.core.geometry import Size
from detailer.core.matte import Matte
from detailer.core.segmenter import Prompt
from detailer.engines.running import running
from detailer.engines.segmenters.stretch import stretched
from detailer.errors import EngineError

ENGINE: Final = "segmenter sam"
# It looks at the picture in one size, however large that is.
REMEDY: Final = "give device=cpu, or take a smaller model"

_TOGETHER = 16
_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Frame:
    """How a picture lies in what the network saw: resized, and padded to the right and below.

    `padded` is None where a model squeezes the picture into its square instead.
    """

    picture: Size
    resized: Size
    padded: Size | None = None

    @property
    def scale(self) -> tuple[float, float]:
        """What x and y are multiplied by."""
        resized, picture = self.resized, self.picture
        return resized.width / picture.width, resized.height / picture.height


@dataclass(frozen=True, eq=False)
class Seen:
    """A candidate: logits (h, w) of what the network saw, and the IoU that it foresees."""

    logits: torch.Tensor = field(repr=False)
    score: float
    frame: Frame

    @property
    def mask(self) -> Matte:
        """Where the logits are above 0, in the picture's pixels; made when it is asked for."""
        padded, resized, logits = self.frame.padded, self.frame.resized, self.logits
        with torch.inference_mode():
            if padded is not None:
                # As SAM's own processor: to the padded square first, so that it can be cut.
                wide = interpolate(logits[None, None], padded.shape, mode="bilinear")[0, 0]
                logits = wide[: resized.height, : resized.width]
            return stretched(logits.numpy(), self.frame.picture)


@dataclass(frozen=True, eq=False)
class SamScene:
    """What the image encoder made of a picture; prompts only run the small mask decoder.

    `embeddings` are the network's own arguments of that name, `model` is as a person wrote it.
    """

    network: Any = field(repr=False)
    embeddings: Mapping[str, Any] = field(repr=False)
    frame: Frame
    model: str

    def masks(self, prompts: Sequence[Prompt], /) -> Iterator[list[Seen]]:
        """The candidates for each prompt, in order, decoded a few prompts at a time.

        Raises:
            EngineError: If the model cannot do it, or gives what are no numbers.
        """
        for (_, count), alike in groupby(prompts, key=_shape):
            group = list(alike)
            most = max(1, min(_TOGETHER, _TOKENS // (count + 1)))
            for start in range(0, len(group), most):
                for logits, scores in zip(*self._decoded(group[start : start + most]), strict=True):
                    pairs = zip(logits, scores.tolist(), strict=True)
                    yield [Seen(plane, score, self.frame) for plane, score in pairs]

    def _decoded(self, prompts: Sequence[Prompt]) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (prompts, candidates, h, w) and scores (prompts, candidates), on the CPU."""
        with running(ENGINE, self.model, self.frame.picture, REMEDY):
            seen = self.network(**self.embeddings, **self._inputs(prompts), multimask_output=True)
            logits, scores = (each[0].float().cpu() for each in (seen.pred_masks, seen.iou_scores))
        if not (logits.isfinite().all() and scores.isfinite().all()):
            raise EngineError(
                f"{ENGINE} gives numbers that are not finite with {self.model}; its weights are"
                " broken: fetch it again"
            )
        return logits, scores

    def _inputs(self, prompts: Sequence[Prompt]) -> dict[str, torch.Tensor]:
        """Boxes (1, prompts, 4), points (1, prompts, n, 2) in pixels that the network saw."""
        across, down = self.frame.scale
        device = self.network.device
        inputs = {}
        if prompts[0].box is not None:
            boxes = torch.tensor([[tuple(prompt.box or ()) for prompt in prompts]], device=device)
            inputs["input_boxes"] = boxes * torch.tensor([across, down] * 2, device=device)
        if prompts[0].points:
            points = torch.tensor([[prompt.points for prompt in prompts]], device=device)
            inputs["input_points"] = points * torch.tensor([across, down], device=device)
            positive = torch.tensor([[prompt.positive for prompt in prompts]], device=device)
            inputs["input_labels"] = positive.long()
        return inputs


def _shape(prompt: Prompt) -> tuple[bool, int]:
    return prompt.box is not None, len(prompt.points)
