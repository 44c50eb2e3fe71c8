"""OpenVINO, from the same ONNX file; int8: NNCF's static quantisation for transformers, the rest in bfloat16."""

import pathlib
import sys

import openvino
from serving import Encode, Settings, Tokens, exported_to_onnx, padded, serve

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from workload_texts import pieces

CALIBRATION_TEXTS = 300  # as many as NNCF looks at, unless told otherwise


def calibration(settings: Settings) -> list[Tokens]:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(settings.model)
    texts = pieces()
    chosen = texts[:: len(texts) // CALIBRATION_TEXTS]
    return [
        dict(tokenizer([text], truncation=True, max_length=settings.max_length, return_tensors="np")) for text in chosen
    ]


def quantized(settings: Settings) -> pathlib.Path:
    """Made once."""
    file = settings.cache / "openvino-int8" / "model.xml"
    if not file.is_file():
        import nncf

        model = openvino.Core().read_model(exported_to_onnx(settings))
        data = nncf.Dataset(calibration(settings))
        model = nncf.quantize(model, data, model_type=nncf.ModelType.TRANSFORMER, subset_size=CALIBRATION_TEXTS)
        openvino.save_model(model, file, compress_to_fp16=False)
    return file


def load(settings: Settings) -> Encode:
    settings_of_plugin = {
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16", "int8": "bf16"}[settings.precision],
        "INFERENCE_NUM_THREADS": settings.threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    file = quantized(settings) if settings.precision == "int8" else exported_to_onnx(settings)
    model = openvino.Core().compile_model(file, "CPU", settings_of_plugin)
    return padded(settings, lambda tokens: model(tokens)[0])


serve(load)
