"""Types of the arguments of encode(), on some of which that of its result depends."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from .._model.devices import Devices

Array: TypeAlias = npt.NDArray[Any]
Inputs: TypeAlias = str | Sequence[str] | npt.NDArray[np.str_] | None
Name: TypeAlias = str | None
TokenValue: TypeAlias = Literal["token_embeddings"] | None

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class Options(TypedDict, total=False):
        sentences: Inputs
        prompt: str | None
        batch_size: int
        show_progress_bar: bool | None
        precision: str | None
        device: Devices
        normalize_embeddings: bool
        truncate_dim: int | None
        pool: Any
        chunk_size: int | None
        task: str | None

    class OfSentences(Options, total=False):
        output_value: Literal["sentence_embedding"]

    class OfTokens(Options, total=False):
        convert_to_numpy: bool
        convert_to_tensor: bool

    class AsArray(OfSentences, total=False):
        convert_to_numpy: Literal[True]
        convert_to_tensor: Literal[False]

    class AsTensor(OfSentences, total=False):
        convert_to_numpy: bool

    class AsEither(OfSentences, total=False):
        convert_to_numpy: bool
        convert_to_tensor: bool
