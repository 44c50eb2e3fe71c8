"""OpenVINO, from the same ONNX file."""

import openvino
from serving import Encode, Settings, exported_to_onnx, padded, serve


def load(settings: Settings) -> Encode:
    settings_of_plugin = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[settings.precision],
        "INFERENCE_NUM_THREADS": settings.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Core().compile_model(exported_to_onnx(settings), "CPU", settings_of_plugin)

    return padded(settings, lambda tokens: model(tokens)[0])


serve(load)
