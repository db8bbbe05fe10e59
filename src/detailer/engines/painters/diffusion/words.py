"""Words: every distinct text is encoded once, and kept for the next wave."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from detailer.engines.painters.diffusion.condition import Condition
from detailer.engines.painters.diffusion.families.family import Family

_KEPT = 128


@dataclass(eq=False)
class Words:
    """A family's encodings of texts, the last 128 of them kept.

    What a text says also depends on the adapters of the text encoders: `voice` names those.
    """

    family: Family
    _kept: OrderedDict[Hashable, Condition] = field(default_factory=OrderedDict, repr=False)

    def __call__(
        self, texts: Sequence[str], clip_skips: Sequence[int], voice: Hashable = ()
    ) -> list[Condition]:
        """What each text says; only those not met before go through the encoders."""
        keys = list(zip(texts, clip_skips, strict=True))
        known = {key: self._kept[voice, key] for key in keys if (voice, key) in self._kept}
        for skip in dict.fromkeys(clip_skips):
            new = list(
                dict.fromkeys(text for text, s in keys if s == skip and (text, s) not in known)
            )
            if new:
                said = self.family.encode_text(new, skip)
                known |= {(text, skip): one for text, one in zip(new, said, strict=True)}
        for key, condition in known.items():
            self._kept[voice, key] = condition
            self._kept.move_to_end((voice, key))
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return [known[key] for key in keys]
