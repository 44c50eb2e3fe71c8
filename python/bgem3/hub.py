"""From the name of a model to its directory."""

import os
import pathlib

from .errors import BadModelError

_SMALL_FILES = [
    "config.json",
    "modules.json",
    "*_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "sentencepiece.bpe.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "sparse_linear.pt",
    "colbert_linear.pt",
]
_SAFETENSORS = ["model.safetensors", "model-*.safetensors", "model.safetensors.index.json"]
_TORCH_ZIP = ["pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json"]


def resolve_model(
    name_or_path: str | os.PathLike,
    *,
    revision: str | None = None,
    cache_dir: str | os.PathLike | None = None,
    token: str | bool | None = None,
    local_files_only: bool = False,
) -> pathlib.Path:
    """The directory of a model: `name_or_path` itself, or where huggingface_hub keeps that repository's files.

    Downloads what is missing, with huggingface_hub's progress bars; its environment variables (HF_HOME, HF_HUB_OFFLINE,
    HF_TOKEN, HF_ENDPOINT …) apply.

    Raises:
        BadModelError: neither a directory nor a repository that can be had; says what to do.
    """
    name = os.fspath(name_or_path)
    path = pathlib.Path(name).expanduser()
    if name and path.is_dir():
        return path
    if path.is_file():
        raise BadModelError(f"'{name}' is a file; expected the directory that holds config.json and the weights")
    if not _is_repository_name(name):
        raise BadModelError(
            f"'{name}' is not a directory; expected one with config.json and weights, or a name on the Hugging Face Hub "
            "such as 'BAAI/bge-m3'"
        )
    options = {"revision": revision, "cache_dir": cache_dir, "token": token, "local_files_only": local_files_only}
    return _download(name, options)


def _is_repository_name(name: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _download(name: str, options: dict) -> pathlib.Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def fetch(patterns: list[str]) -> pathlib.Path:
        return pathlib.Path(snapshot_download(name, allow_patterns=patterns, **options))

    def fail(reason: str, advice: str) -> BadModelError:
        return BadModelError(f"model '{name}': no directory of that name, and {reason}; {advice}")

    try:
        directory = fetch(_SMALL_FILES + _SAFETENSORS)
        if not any(directory.glob("model*.safetensors*")):
            directory = fetch(_SMALL_FILES + _TORCH_ZIP)
        return directory
    except GatedRepoError as error:
        raise fail("the Hub wants its licence accepted first", "do so at its page, then `hf auth login`") from error
    except RepositoryNotFoundError as error:
        raise fail(
            "the Hub has no such repository for you", "check the name, or `hf auth login` if it is private"
        ) from error
    except RevisionNotFoundError as error:
        raise fail(f"its repository has no revision {options['revision']!r}", "check the revision") from error
    except LocalEntryNotFoundError as error:
        raise fail(
            "it is not (or not wholly) in the cache, and the Hub was not asked or did not answer",
            "check the connection, unset HF_HUB_OFFLINE, or pass the path of a directory",
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise fail(f"fetching it failed: {error}", "try again, or pass the path of a directory") from error
