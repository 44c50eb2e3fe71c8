"""OpenVINO, from the same ONNX file."""

import numpy as np
import openvino
from serving import Encode, Settings, exported_to_onnx, padded, serve


def load(settings: Settings) -> Encode:
    settings_of_plugin = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[settings.precision],
        "INFERENCE_NUM_THREADS": settings.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Core().compile_model(exported_to_onnx(settings), "CPU", settings_of_plugin)

    def first_states(ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        return model({"input_ids": ids, "attention_mask": mask})[0]

    return padded(settings.model, first_states)


serve(load)
