"""The scores of BGEM3FlagModel, and how its lexical weights are read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, List, Optional, Union, cast, overload

import numpy as np
import numpy.typing as npt

from .._model.arguments import refuse_unknown
from .._model.batch_size import DefaultBatchSize
from .._model.devices import Device
from .._model.pairs import as_pairs
from ..types import PairScore, PairScores, Vector, Weights
from .base import FlagBase
from .m3_scores import lexical_matching_score, pair_scores

if TYPE_CHECKING:
    import torch

Pair = Union["tuple[str, str]", "list[str]"]
Pairs = Sequence[Sequence[str]]


class M3Scoring(FlagBase):
    """Scores of pairs, and of what encode() gives."""

    @overload
    def compute_score(
        self,
        sentence_pairs: Pair,
        batch_size: Optional[int] = None,
        max_query_length: Optional[int] = None,
        max_passage_length: Optional[int] = None,
        weights_for_different_modes: Optional[List[float]] = None,
        **kwargs: Any,
    ) -> PairScore: ...
    @overload
    def compute_score(
        self,
        sentence_pairs: Pairs,
        batch_size: Optional[int] = None,
        max_query_length: Optional[int] = None,
        max_passage_length: Optional[int] = None,
        weights_for_different_modes: Optional[List[float]] = None,
        **kwargs: Any,
    ) -> PairScores: ...
    def compute_score(
        self,
        sentence_pairs: Pair | Pairs,
        batch_size: Optional[int] = None,
        max_query_length: Optional[int] = None,
        max_passage_length: Optional[int] = None,
        weights_for_different_modes: Optional[List[float]] = None,
        **kwargs: Any,
    ) -> PairScore | PairScores:
        """Relevance of the passage to the query of each pair, in five kinds.

        Args:
            sentence_pairs: a pair (query, passage), or a list of pairs
            batch_size: most pairs of one batch
            max_query_length, max_passage_length: tokens, longer texts are cut
            weights_for_different_modes: of dense, sparse and ColBERT score in the two means; default: 1, 1, 1

        Returns:
            "dense", "sparse", "colbert", "sparse+dense", "colbert+sparse+dense": a list of floats, one for each pair;
            for a single pair a float.
        """
        return self._compute_score(
            sentence_pairs,
            self.batch_size if batch_size is None else batch_size,
            self.query_max_length if max_query_length is None else max_query_length,
            self.passage_max_length if max_passage_length is None else max_passage_length,
            weights_for_different_modes,
            None,
            kwargs,
        )

    @overload
    def compute_score_single_device(
        self,
        sentence_pairs: Pair,
        batch_size: int = DefaultBatchSize(256),
        max_query_length: int = 512,
        max_passage_length: int = 512,
        weights_for_different_modes: Optional[List[float]] = None,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> PairScore: ...
    @overload
    def compute_score_single_device(
        self,
        sentence_pairs: Pairs,
        batch_size: int = DefaultBatchSize(256),
        max_query_length: int = 512,
        max_passage_length: int = 512,
        weights_for_different_modes: Optional[List[float]] = None,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> PairScores: ...
    def compute_score_single_device(
        self,
        sentence_pairs: Pair | Pairs,
        batch_size: int = DefaultBatchSize(256),
        max_query_length: int = 512,
        max_passage_length: int = 512,
        weights_for_different_modes: Optional[List[float]] = None,
        device: Optional[Device] = None,
        **kwargs: Any,
    ) -> PairScore | PairScores:
        """compute_score() on one of the model's devices, the first by default."""
        device = self.target_devices[0] if device is None else device
        return self._compute_score(
            sentence_pairs,
            batch_size,
            max_query_length,
            max_passage_length,
            weights_for_different_modes,
            device,
            kwargs,
        )

    def _compute_score(
        self,
        sentence_pairs: Any,
        batch_size: int,
        max_query_length: int,
        max_passage_length: int,
        weights: Sequence[float] | None,
        device: Device | None,
        kwargs: dict[str, Any],
    ) -> PairScore | PairScores:
        show = kwargs.pop("show_progress_bar", None)
        refuse_unknown(kwargs, "compute_score()")
        pairs, single = as_pairs(sentence_pairs)
        if not pairs:
            none: Any = []  # as FlagEmbedding
            return cast(PairScores, none)
        kinds = {"dense": True, "sparse": True, "colbert": True}
        query_options = self._options(batch_size, max_query_length, None, **kinds)
        passage_options = self._options(batch_size, max_passage_length, None, **kinds)
        scores = pair_scores(
            pairs,
            lambda texts: self._embed(texts, query_options, device, show=False),
            lambda texts: self._embed(texts, passage_options, device, show=False),
            weights,
            batch_size,
            self.show_progress_bar if show is None else show,
        )
        return {kind: values[0] for kind, values in scores.items()} if single else scores

    @overload
    def compute_lexical_matching_score(self, lexical_weights_1: Weights, lexical_weights_2: Weights) -> float: ...
    @overload
    def compute_lexical_matching_score(
        self, lexical_weights_1: List[Weights], lexical_weights_2: List[Weights]
    ) -> npt.NDArray[np.float64]: ...
    def compute_lexical_matching_score(
        self,
        lexical_weights_1: Union[Weights, List[Weights]],
        lexical_weights_2: Union[Weights, List[Weights]],
    ) -> Union[npt.NDArray[np.float64], float]:
        """Sum over common tokens of the product of their weights: a number for two dicts, [n, m] for two lists."""
        if isinstance(lexical_weights_1, dict) and isinstance(lexical_weights_2, dict):
            return lexical_matching_score(lexical_weights_1, lexical_weights_2)
        if isinstance(lexical_weights_1, list) and isinstance(lexical_weights_2, list):
            return np.array([[lexical_matching_score(a, b) for b in lexical_weights_2] for a in lexical_weights_1])
        raise ValueError("lexical weights should be two dicts or two lists of dicts, as encode() gives them")

    def colbert_score(self, q_reps: Vector, p_reps: Vector) -> "torch.Tensor":
        """Late interaction of query vectors [nq, C] and passage vectors [np, C]: a torch tensor without axes."""
        import torch

        queries, passages = torch.as_tensor(q_reps), torch.as_tensor(p_reps)
        return (queries @ passages.T).max(-1).values.sum() / queries.size(0)

    def convert_id_to_token(self, lexical_weights: Union[Weights, List[Weights]]) -> Union[Weights, List[Weights]]:
        """Lexical weights with the text of each token in place of its id; one dict for one."""
        given = [lexical_weights] if isinstance(lexical_weights, dict) else lexical_weights
        named = [{self.tokenizer.decode([int(i)]): weight for i, weight in item.items()} for item in given]
        return named[0] if len(named) == 1 else named
