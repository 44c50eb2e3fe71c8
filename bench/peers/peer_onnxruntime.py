"""ONNX Runtime; int8: its dynamic quantisation, by channel."""

import pathlib

import onnxruntime
from serving import Encode, Settings, exported_to_onnx, padded, serve


def quantized(settings: Settings) -> pathlib.Path:
    file = settings.cache / "onnx-int8" / "model.onnx"
    if not file.is_file():
        from onnxruntime.quantization import quantize_dynamic

        file.parent.mkdir(parents=True, exist_ok=True)
        quantize_dynamic(exported_to_onnx(settings), file, per_channel=True, use_external_data_format=True)
    return file


def load(settings: Settings) -> Encode:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = settings.threads
    file = quantized(settings) if settings.precision == "int8" else exported_to_onnx(settings)
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    return padded(settings, lambda tokens: session.run(None, tokens)[0])


serve(load)
