"""Entry script for Azure ML's inference server: POST /score as bgem3-server has it (docs/serving.md).

The inference server calls run() from many threads (GUNICORN_CMD_ARGS in deployment.yml); requests that are there at the
same time share batches of one model.
"""

import base64
import os
import pathlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bgem3
import numpy as np
import orjson
from azureml_inference_server_http.api.aml_response import AMLResponse
from bgem3 import errors
from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic_settings import BaseSettings, SettingsConfigDict
from werkzeug.datastructures import Headers
from werkzeug.http import parse_options_header

FORM = "application/x-www-form-urlencoded"  # what `curl -d` sends, unless told otherwise
RAW = "application/octet-stream"
RAW_DTYPES = {"float32": "<f4", "float16": "<f2"}
ENCODINGS = ("float", "base64")

STATUS_OF_ERROR: dict[type[errors.Error], int] = {
    errors.InvalidArgumentError: 422,
    errors.OverloadedError: 429,
    errors.DeadlineExceededError: 408,
    errors.OutOfMemoryError: 503,
    errors.ModelChangedError: 503,
}


class Settings(BaseSettings):
    """Environment variables: BGEM3_ and the name. They mean what they mean to bgem3-server."""

    model_config = SettingsConfigDict(env_prefix="BGEM3_")

    device: str | None = None
    dtype: str = "auto"
    threads: NonNegativeInt = 0
    cuda_graphs: bool = True
    copy_weights: bool = Field(False, validation_alias="BGEM3_COPY")  # `copy` is a method of all settings
    max_length: PositiveInt = 8192
    max_texts: PositiveInt = 1024
    request_timeout_ms: PositiveInt = 9500
    batch_size: PositiveInt = 64
    batch_tokens: NonNegativeInt = 0  # what suits the device
    queue_texts: PositiveInt = 4096


@dataclass(frozen=True)
class ScoreRequest:
    """One call, checked."""

    texts: list[str]
    deadline: float  # on the clock of time.monotonic()
    encoding: str = "float"
    raw_dtype: str | None = None  # of an answer in bytes


class Refused(Exception):
    """A request that is answered without the model."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(message)
        self.status = status
        self.code = code


settings: Settings
embedder: "bgem3.BatchingEmbedder"


def init() -> None:
    """Loads the model, once per process, and runs it, so that the first request finds it warm."""
    global settings, embedder
    settings = Settings()
    embedder = bgem3.BatchingEmbedder(
        str(model_directory()),
        device=settings.device,
        dtype=settings.dtype,
        threads=settings.threads,
        cuda_graphs=settings.cuda_graphs,
        copy=settings.copy_weights,
        batch_texts=settings.batch_size,
        batch_tokens=settings.batch_tokens,
        queue_texts=settings.queue_texts,
    )
    embedder.encode(["warm up"])


def run(raw_data: str, request_headers: Mapping[str, str]) -> AMLResponse:
    """Answers one POST /score."""
    try:
        request = read_request(raw_data, Headers(dict(request_headers)))
        found = embedder.encode(
            request.texts, max_length=settings.max_length, timeout=max(0.0, request.deadline - time.monotonic())
        )
        return vectors_response(found["dense"], request)
    except Refused as refused:
        return error_response(refused.status, refused.code, str(refused))
    except tuple(STATUS_OF_ERROR) as error:  # any other is a defect: the inference server logs it and answers 500
        return error_response(STATUS_OF_ERROR[type(error)], error.code, str(error))


def model_directory() -> pathlib.Path:
    """Where Azure ML put the model: AZUREML_MODEL_DIR, or the one folder in it that holds a config.json."""
    root = pathlib.Path(os.environ["AZUREML_MODEL_DIR"])
    if (root / "config.json").is_file():
        return root
    found = [file.parent for file in sorted(root.glob("*/config.json"))]
    if len(found) != 1:
        raise FileNotFoundError(f"AZUREML_MODEL_DIR: expected {root} or one folder in it to hold a config.json")
    return found[0]


def read_request(raw_data: str, headers: Headers) -> ScoreRequest:
    """The request, or Refused with what is wrong with it."""
    if not raw_data and headers.get("Content-Type", "").startswith(FORM):  # which the inference server has read itself
        raise Refused(400, "invalid_json", f"Content-Type: expected application/json, found {FORM}")
    body = parse_json(raw_data)
    encoding = body.get("encoding_format", "float") if isinstance(body, dict) else "float"
    if encoding not in ENCODINGS:
        raise Refused(422, "invalid_argument", f'"encoding_format": expected one of {", ".join(ENCODINGS)}')
    return ScoreRequest(read_texts(body), read_deadline(headers), encoding, read_raw_dtype(headers))


def parse_json(raw_data: str) -> Any:
    try:
        return orjson.loads(raw_data)
    except ValueError as error:  # also for lone surrogates and for what is nested too deeply
        raise Refused(400, "invalid_json", f"the body is not JSON: {error}") from None


def read_texts(body: Any) -> list[str]:
    """Of {"input": [text, ...]}, {"input": text} or [text, ...]."""
    if not isinstance(body, dict | list):
        raise Refused(422, "invalid_argument", f"expected an object or a list of texts, found {kind_of(body)}")
    if isinstance(body, dict) and "input" not in body:
        raise Refused(422, "invalid_argument", '"input": expected a text or a list of texts, found nothing')
    texts = body["input"] if isinstance(body, dict) else body
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list):
        raise Refused(422, "invalid_argument", f'"input": expected a text or a list of texts, found {kind_of(texts)}')
    if len(texts) > settings.max_texts:
        raise Refused(
            413, "too_many_texts", f'"input": expected at most {settings.max_texts} texts, found {len(texts)}'
        )
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise Refused(422, "invalid_argument", f'"input"[{position}]: expected a text, found {kind_of(text)}')
    return texts


def kind_of(value: Any) -> str:
    """What JSON calls it; never the value, which may be a text that belongs in no message."""
    names = {str: "a string", bool: "a boolean", list: "an array", dict: "an object", type(None): "null"}
    return names.get(type(value), "a number")


def read_deadline(headers: Headers) -> float:
    """From now: the setting, or the header x-request-timeout-ms, which may only shorten it."""
    given = headers.get("x-request-timeout-ms", str(settings.request_timeout_ms))
    if not re.fullmatch("0*[1-9][0-9]{0,99}", given):
        raise Refused(422, "invalid_argument", "x-request-timeout-ms: expected a whole number of at least 1")
    return time.monotonic() + min(int(given), settings.request_timeout_ms) / 1000


def read_raw_dtype(headers: Headers) -> str | None:
    """What `Accept: application/octet-stream; dtype=...` asks for, if it does."""
    for part in headers.get("Accept", "").split(","):
        kind, options = parse_options_header(part)
        if kind != RAW:
            continue
        dtype = options.get("dtype", "float32")
        if dtype not in RAW_DTYPES:
            raise Refused(422, "invalid_argument", f"Accept: expected dtype to be one of {', '.join(RAW_DTYPES)}")
        return dtype
    return None


def vectors_response(vectors: np.ndarray, request: ScoreRequest) -> AMLResponse:
    """Dense vectors [B, D] in the form that was asked for."""
    if request.raw_dtype:
        return raw_response(vectors, request.raw_dtype)
    if request.encoding == "base64":
        rows = [base64.b64encode(row.astype("<f4").tobytes()).decode() for row in vectors]
        return json_response(orjson.dumps(rows))
    # orjson prints a float32 with as few digits as read back the same; json.dumps would print the 17 of a double.
    return json_response(orjson.dumps(np.ascontiguousarray(vectors), option=orjson.OPT_SERIALIZE_NUMPY))


def raw_response(vectors: np.ndarray, dtype: str) -> AMLResponse:
    response = AMLResponse(vectors.astype(RAW_DTYPES[dtype]).tobytes(), 200, {"Content-Type": RAW})
    # Not among AMLResponse's headers, which it would split at the comma.
    response.headers["x-shape"] = ",".join(map(str, vectors.shape))
    response.headers["x-dtype"] = dtype
    return response


def json_response(body: bytes, status: int = 200) -> AMLResponse:
    return AMLResponse(body, status, {"Content-Type": "application/json"})


def error_response(status: int, code: str, message: str) -> AMLResponse:
    kind = {429: "rate_limit_error", 503: "server_error"}.get(status, "invalid_request_error")
    response = json_response(orjson.dumps({"error": {"message": message, "type": kind, "code": code}}), status)
    if status in (429, 503):
        response.headers["Retry-After"] = "1"
    return response
