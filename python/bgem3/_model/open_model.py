"""What all classes of models have: memory that can be given back."""

import os
from copy import copy
from typing import Generic, TypeVar

from ..tokenizer import Tokenizer
from .engine import Engine
from .rerank_engine import RerankEngine

Loaded = TypeVar("Loaded", Engine, RerankEngine)
Self = TypeVar("Self", bound="OpenModel")  # type: ignore[type-arg]


class OpenModel(Generic[Loaded]):
    """A model until close(). It can be pickled, see LoadedModel; copies share its weights."""

    _engine: Loaded | None
    model_name_or_path: str

    def release_memory(self) -> None:
        """Gives memory that is kept for the next call back to the system: workspace on the host, and on GPUs what LibTorch
        keeps, for everybody in the process. The model can be used on; `info` has "workspace_bytes_per_token"."""
        self._open_engine().release_memory()

    def close(self) -> None:
        """Releases the model's memory, unless a copy has it; the object is of no use after that."""
        if self._engine is not None:
            self._engine.let_go()
        self._engine = None

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def __copy__(self: Self) -> Self:
        """With the same weights; what can be set is its own."""
        twin = object.__new__(type(self))
        own = (dict, Tokenizer)
        vars(twin).update(
            {name: copy(value) if isinstance(value, own) else value for name, value in vars(self).items()}
        )
        return twin

    def __repr__(self) -> str:
        name = f"{type(self).__name__}({os.fsdecode(self.model_name_or_path)!r}"
        if self._engine is None:
            return f"{name}, closed)"
        return f"{name}, dtype={self._engine.info['dtype']!r}, devices={self._engine.devices})"

    def _open_engine(self) -> Loaded:
        if self._engine is None:
            raise RuntimeError("this model was closed, by close() or by the end of its `with` block")
        return self._engine
