"""Cross-encoders such as bge-reranker-v2-m3, with the interface of sentence-transformers' CrossEncoder."""

import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal, overload

from ._model.arguments import Harmless, as_kwargs, one_of, refuse
from ._model.batch_size import DefaultBatchSize
from ._model.devices import Devices
from ._model.pairs import check_pair_length
from ._model.progress import progress_bar
from ._model.rerank_engine import RerankEngine, RerankOptions
from ._model.stand_in import ModelStandIn
from ._model.texts import as_list
from ._sentence.base import SentenceClass
from ._sentence.loading import open_model
from ._sentence.predict import activated, as_exact_pairs, as_output, ranked
from ._sentence.prompts import as_prompts, prompt_of
from ._tokens.encoding import Encoding
from .errors import InvalidArgumentError, listed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import torch
    from typing_extensions import Unpack

    from ._sentence.loading import Loading
    from ._sentence.predict import Activation, Others, Scores

    Pair = Sequence[str]

# Names that earlier versions had.
_RENAMED = {
    "automodel_args": "model_kwargs",
    "tokenizer_args": "processor_kwargs",
    "config_args": "config_kwargs",
    "cache_dir": "cache_folder",
}
# `num_workers` has been without effect for long, and a rank has one score for a pair, a float.
_OF_PREDICT: Harmless = {"num_workers": None}
_OF_RANK: Harmless = {"num_workers": None, "convert_to_numpy": None, "convert_to_tensor": None, "apply_softmax": None}


class CrossEncoder(SentenceClass[RerankEngine]):
    """Judges how relevant a passage is to a query by reading both together: bge-reranker-v2-m3, ms-marco-MiniLM-L6-v2 and
    others of XLM-RoBERTa, BERT, DistilBERT and MPNet with one label.

        from bgem3 import CrossEncoder

        model = CrossEncoder("BAAI/bge-reranker-v2-m3")
        best = model.rank("what is bge-m3", passages, top_k=3)

    Arguments, methods and results are those of sentence_transformers.CrossEncoder, but for what would need a torch
    module. Pairs that are too long lose tokens of whichever text is longer. Any number of threads may use one model at
    once.

    Args:
        model_name_or_path: a directory, or a name on the Hugging Face Hub
        num_labels: None or 1
        max_length: the first `max_seq_length`; default: the model's own
        activation_fn: from logits to scores; default: what the model directory states, else the logistic function
        device, cache_folder, trust_remote_code, revision, local_files_only, token, model_kwargs, processor_kwargs (also
            tokenizer_kwargs), config_kwargs, model_card_data, modules, backend, pipeline, dtype, cuda_graphs, threads,
            parallel_calls, copy: as of EmbeddingModel
        prompts, default_prompt_name: texts to put before a query, by name, and the one that is put when none is named
        keep_in_fp32_modules: without effect where the model computes in float32, else refused unless it is empty

    Attributes:
        prompts, default_prompt_name: as given, and as the model directory states
    """

    def __init__(
        self,
        model_name_or_path: str | os.PathLike[str],
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: "Activation | None" = None,
        device: Devices = None,
        *,
        prompts: dict[str, str] | None = None,
        default_prompt_name: str | None = None,
        keep_in_fp32_modules: Sequence[str] | None = None,
        default_activation_function: "Activation | None" = None,
        classifier_dropout: float | None = None,
        **loading: "Unpack[Loading]",
    ):
        given = _with_names_of_today(dict(loading))
        config = as_kwargs("config_kwargs", given.get("config_kwargs"))
        _check_labels(one_of("num_labels", num_labels, "config_kwargs['num_labels']", config.get("num_labels")))
        given["config_kwargs"] = {name: value for name, value in config.items() if name != "num_labels"}
        open_model(self, RerankEngine, model_name_or_path, device, given)
        if keep_in_fp32_modules and self.info["dtype"] != "float32":
            raise InvalidArgumentError(
                f"keep_in_fp32_modules cannot be followed: all of the model computes in {self.info['dtype']}; open it with "
                "dtype='float32'"
            )
        if max_length is not None:
            self.max_seq_length = max_length
        self._activation = one_of(
            "activation_fn", activation_fn, "default_activation_function", default_activation_function
        )
        self.prompts: dict[str, str] = {**self.info["prompts"], **as_prompts(prompts)}
        self.default_prompt_name: str | None = default_prompt_name or self.info["default_prompt_name"]
        prompt_of(self.prompts, self.default_prompt_name, None)

    @overload
    def predict(
        self,
        inputs: Any = ...,
        *,
        convert_to_tensor: Literal[True],
        convert_to_numpy: bool = ...,
        **others: "Unpack[Others]",
    ) -> "torch.Tensor": ...

    @overload
    def predict(self, inputs: Any = ..., **others: "Unpack[Others]") -> "npt.NDArray[np.float32]": ...

    @overload
    def predict(self, inputs: Any = ..., *more: Any, **others: Any) -> "Scores": ...

    def predict(
        self,
        inputs: Any = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = DefaultBatchSize(32),
        show_progress_bar: bool | None = None,
        activation_fn: "Activation | None" = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Devices = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        sentences: Any = None,
        activation_fct: "Activation | None" = None,
        **unknown: Any,
    ) -> "Scores":
        """Scores of pairs.

        Args:
            inputs, sentences: a pair (query, passage), or a list of B pairs; two names of one argument
            prompt_name, prompt: the name of a prompt of the model, or a prompt itself, put before each query
            batch_size: most pairs of one batch; tokens are limited on their own. Unset, it is 256 on the CPU and limits
                nothing on a GPU
            show_progress_bar: None and False show none
            activation_fn, activation_fct: from logits, a torch tensor [B, 1] with all of the call, to scores; default:
                `activation_fn` of the model
            apply_softmax: without effect on one score for a pair
            convert_to_numpy, convert_to_tensor: an array; a torch tensor; neither: a list of torch tensors
            device: one device, to which the model moves if it is elsewhere; or several, for this call. Default: all of
                the model's
            pool: what start_multi_process_pool() gave; it goes before `device`
            chunk_size: has no effect

        Returns:
            float32 [B], also for no pairs; a number, or a tensor of no dimension, for a single pair.
        """
        refuse("predict()", unknown, _OF_PREDICT)
        pairs, single = as_exact_pairs(one_of("inputs", inputs, "sentences", sentences))
        activation = one_of("activation_fn", activation_fn, "activation_fct", activation_fct)
        activation = self._activation if activation is None else activation
        before = self._prompt(prompt_name, prompt)
        engine, on = self._place(device, pool, chunk_size)
        bar = progress_bar(len(pairs), batch_size, "Batches", bool(show_progress_bar))
        limit = self._check_length(self.max_seq_length)
        options = RerankOptions(max_length=limit, batch_size=batch_size, cut_longest=True)
        logits = engine.score([(before + query, passage) for query, passage in pairs], options, device=on, bar=bar)
        scores = activated(logits, activation, engine.activate, apply_softmax)
        return as_output(scores, single, convert_to_numpy, convert_to_tensor)

    def rank(
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = DefaultBatchSize(32),
        show_progress_bar: bool | None = None,
        activation_fn: "Activation | None" = None,
        device: Devices = None,
        pool: Any = None,
        chunk_size: int | None = None,
        *,
        activation_fct: "Activation | None" = None,
        **unknown: Any,
    ) -> list[dict[str, Any]]:
        """The documents in order of relevance to `query`, the best first.

        Args:
            top_k: how many to return at most; default: all
            return_documents: put the documents into the result
            others: as of predict()

        Returns:
            dicts with "corpus_id" (index in `documents`), "score" (a float) and, if asked for, "text".
        """
        refuse("rank()", unknown, _OF_RANK)
        documents = as_list(documents, "documents")
        scores: Any = self.predict(
            [(query, document) for document in documents],
            prompt_name,
            prompt,
            batch_size,
            show_progress_bar,
            one_of("activation_fn", activation_fn, "activation_fct", activation_fct),
            convert_to_tensor=True,
            device=device,
            pool=pool,
            chunk_size=chunk_size,
        )
        return ranked(scores.tolist(), documents, top_k, return_documents)

    def preprocess(self, inputs: "Sequence[Pair]", prompt: str | None = None) -> Encoding:
        """What the model computes from, as torch tensors int64 [B, N]: "input_ids", "attention_mask" and, of a model with
        token types, "token_type_ids"; "modality" is
        "text", "prompt_length" the number of tokens of `prompt`."""
        pairs, _ = as_exact_pairs(inputs)
        if not pairs:
            return Encoding({})
        pairs = [((prompt or "") + query, passage) for query, passage in pairs]
        features = self.tokenizer(pairs, padding=True, truncation=True, return_tensors="pt")
        features["modality"] = "text"
        if prompt:
            features["prompt_length"] = len(self.tokenizer.encode(prompt, truncation=True)) - 1  # without its end
        return features

    def tokenize(self, texts: "Sequence[Pair]") -> Encoding:
        """preprocess(), under the name that it had up to sentence-transformers 5."""
        return self.preprocess(texts)

    # What it is

    @property
    def activation_fn(self) -> "Activation":
        """From logits to scores. It can be set."""
        import torch

        return getattr(torch.nn, self.info["activation"])() if self._activation is None else self._activation

    @activation_fn.setter
    def activation_fn(self, value: "Activation | None") -> None:
        self._activation = value

    @property
    def default_activation_function(self) -> "Activation":
        return self.activation_fn

    @property
    def num_labels(self) -> int:
        return 1

    @property
    def max_length(self) -> int:
        """`max_seq_length`, under its older name."""
        return self.max_seq_length

    @max_length.setter
    def max_length(self, value: int) -> None:
        self.max_seq_length = value

    @property
    def model(self) -> ModelStandIn:
        """Sizes of the model, where sentence-transformers has a torch module; it cannot compute."""
        stand_in = ModelStandIn(self.info, self.model_name_or_path, len(self.tokenizer))
        stand_in.config.num_labels = 1
        return stand_in

    @property
    def config(self) -> SimpleNamespace:
        """That of `model`; what is written into it has no effect."""
        return self.model.config

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        return prompt_of(self.prompts, self.default_prompt_name if name is None else name, prompt)

    def _check_length(self, value: Any) -> int:
        return check_pair_length(super()._check_length(value), self._tokenizer.num_special_tokens_to_add(pair=True))


def _with_names_of_today(loading: dict[str, Any]) -> dict[str, Any]:
    for old, new in _RENAMED.items():
        if old in loading:
            loading[new] = one_of(new, loading.get(new), old, loading.pop(old))
    return loading


def _check_labels(num_labels: Any) -> None:
    if num_labels not in (None, 1):
        raise InvalidArgumentError(
            f"num_labels should be 1, found {listed([num_labels])}: bgem3 has cross-encoders with one score for a pair; "
            "take sentence-transformers for classifiers"
        )
