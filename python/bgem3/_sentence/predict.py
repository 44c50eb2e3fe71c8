"""From the logits of pairs to what sentence-transformers' CrossEncoder gives."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .._model.arguments import as_count_or_none
from .._model.pairs import TextPair, as_pairs
from .._model.texts import as_list

if TYPE_CHECKING:
    import torch
    from typing_extensions import TypedDict

    from .._model.devices import Devices

    Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
    Scores: TypeAlias = npt.NDArray[np.float32] | np.float32 | torch.Tensor | list[torch.Tensor]

    class Others(TypedDict, total=False):
        """Arguments of predict() on which the type of its result does not depend."""

        sentences: Any
        prompt_name: str | None
        prompt: str | None
        batch_size: int
        show_progress_bar: bool | None
        activation_fn: Activation | None
        apply_softmax: bool | None
        device: Devices
        pool: Any
        chunk_size: int | None
        num_workers: int


Logits: TypeAlias = npt.NDArray[np.float32]


def as_exact_pairs(given: Any) -> tuple[list[TextPair], bool]:
    """as_pairs(), without pairs of more than two."""
    items = as_list(given, "inputs", "a pair (query, passage) or a list of pairs")
    pairs, single = as_pairs(items)
    for i, pair in enumerate([items] if single else items):
        if len(pair) != 2:
            raise TypeError(f"pair {i} should be (query, passage), found {len(pair)} items")
    return pairs, single


def activated(
    logits: Logits,
    activation: "Activation | None",
    own: Callable[[Logits], Logits],
    apply_softmax: bool | None = False,
) -> "torch.Tensor":
    """Scores of logits [B].

    Args:
        activation: gets all logits of the call, as a torch tensor [B, 1]; None: `own`, that of the model
        apply_softmax: over scores of a pair, where `activation` makes several of one logit
    """
    import torch

    if activation is None or not len(logits):
        return torch.from_numpy(own(logits))
    scores = activation(torch.from_numpy(logits).unsqueeze(-1))
    scores = scores.squeeze(-1) if scores.ndim > 1 else scores
    return torch.nn.functional.softmax(scores, dim=1) if apply_softmax and scores.ndim > 1 else scores


def as_output(scores: "torch.Tensor", single: bool, convert_to_numpy: bool, convert_to_tensor: bool) -> Any:
    """An array float32; a tensor as it is; or a list of tensors. Of a single pair, what is in it."""
    found: Any = scores
    if not convert_to_tensor:
        found = scores.detach().float().cpu().numpy() if convert_to_numpy else list(scores)
    return found[0] if single else found


def ranked(
    scores: Sequence[float], documents: Sequence[str], top_k: int | None, return_documents: bool
) -> list[dict[str, Any]]:
    """The best first; equal ones in the order of the documents."""
    top_k = as_count_or_none("top_k", top_k, least=0)
    order = sorted(range(len(scores)), key=lambda i: scores[i], reverse=True)[:top_k]
    found: list[dict[str, Any]] = [{"corpus_id": i, "score": scores[i]} for i in order]
    return [{**item, "text": documents[item["corpus_id"]]} for item in found] if return_documents else found
