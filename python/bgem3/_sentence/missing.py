"""What sentence-transformers' models have, as modules of torch, and bgem3's have not."""

from typing import Any

_NO_MODULES = "there are no modules of torch: bgem3 computes in C++; `info` has sizes, `max_seq_length` can be set"
_NO_WEIGHTS = "weights are not tensors of torch; info['directory'] has their files, info['parameters'] their number"
_NO_HIDDEN_STATES = "EmbeddingModel.encode(output_value='token_embeddings') gives hidden states of the last layer"
_NO_TRAINING = "bgem3 does not train: train with sentence-transformers, and open the directory that it saves"
_NO_SAVING = "bgem3 changes no model: the files of this one are in info['directory']"
_NO_ADAPTERS = "open the directory of an adapter itself, or merge it into its model by PEFT, and open that"

_INSTEAD = {
    **dict.fromkeys(("auto_model", "transformers_model", "modules", "named_modules", "children"), _NO_MODULES),
    **dict.fromkeys(("named_children", "_first_module", "_last_module", "config", "processor"), _NO_MODULES),
    **dict.fromkeys(("set_pooling_include_prompt", "get_sentence_features"), _NO_MODULES),
    **dict.fromkeys(("parameters", "named_parameters", "buffers", "state_dict", "load_state_dict"), _NO_WEIGHTS),
    "forward": _NO_HIDDEN_STATES,
    **dict.fromkeys(("fit", "old_fit", "smart_batching_collate", "requires_grad_", "zero_grad"), _NO_TRAINING),
    "gradient_checkpointing_enable": _NO_TRAINING,
    **dict.fromkeys(("load_adapter", "add_adapter", "set_adapter", "merge"), _NO_ADAPTERS),
    **dict.fromkeys(("save", "save_pretrained", "save_to_hub", "push_to_hub"), _NO_SAVING),
}


def no_attribute(kind: str, name: str) -> AttributeError:
    """The error for an attribute that a class has not."""
    instead = _INSTEAD.get(name)
    return AttributeError(f"'{kind}' has no attribute '{name}'" + (f": {instead}" if instead else ""))


def no_item(kind: str) -> TypeError:
    """The error for an index, which would be that of a module."""
    return TypeError(f"'{kind}' cannot be indexed: {_NO_MODULES}")


class ModelCard:
    """Where sentence-transformers collects what it writes into a model card. Here none is written."""

    def __init__(self, base_model: str):
        self.base_model = base_model

    def set_evaluation_metrics(self, *_arguments: Any, **_options: Any) -> None:
        """Does nothing. Evaluators call it when they are done; what they found, they return."""
