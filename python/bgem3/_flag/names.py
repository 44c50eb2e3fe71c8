"""What embedders and re-rankers with FlagEmbedding's interface share."""

import os
from functools import cached_property
from typing import TYPE_CHECKING

from .._model.devices import Devices, target_devices
from .._model.open_model import Loaded, OpenModel
from .._model.stand_in import ModelStandIn
from ..tokenizer import Tokenizer

if TYPE_CHECKING:
    from .. import _core


class FlagClass(OpenModel[Loaded]):
    """FlagEmbedding's names for what is not computed."""

    info: "_core._Info"
    tokenizer: Tokenizer

    @cached_property
    def model(self) -> ModelStandIn:
        """Sizes of the model, where FlagEmbedding has a torch module; it cannot compute."""
        return ModelStandIn(self.info, os.fsdecode(self.model_name_or_path), len(self.tokenizer))

    @staticmethod
    def get_target_devices(devices: Devices) -> list[str]:
        """Names of devices: "cuda:0" for 0; for None all GPUs, or the CPU where there is none."""
        return target_devices(devices)

    @staticmethod
    def get_detailed_instruct(instruction_format: str, instruction: str, sentence: str) -> str:
        """`sentence` within `instruction_format`, where a written-out \\n is a line end."""
        if not isinstance(instruction_format, str):
            raise TypeError(
                f"the format of an instruction should be a str such as '{{}}{{}}', found {instruction_format!r:.200}"
            )
        return instruction_format.replace("\\n", "\n").format(instruction, sentence)

    def stop_self_pool(self) -> None:
        """Does nothing: there are no processes to stop. For programs written for FlagEmbedding."""
