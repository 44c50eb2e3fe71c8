"""What models with sentence-transformers' interface do with texts before they compute."""

from collections.abc import Sequence

from .._model.engine import Engine
from .._model.texts import as_list
from .._tokens.encoding import Encoding
from .base import SentenceClass
from .prompts import prompt_of


class TextMethods(SentenceClass[Engine]):
    """Prompts and token ids of a model that embeds texts."""

    prompts: dict[str, str]
    default_prompt_name: str | None

    def preprocess(self, inputs: Sequence[str], prompt: str | None = None) -> Encoding:
        """What the model computes from, as torch tensors int64 [B, N]: "input_ids" and "attention_mask"; "modality" is
        "text", "prompt_length" the number of tokens of `prompt`."""
        texts = as_list(inputs, "inputs")
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"text {i} should be a str, found {type(text).__name__}")
        if not texts:
            return Encoding({})
        features = self._features([(prompt or "") + text for text in texts])
        features["modality"] = "text"
        if prompt:
            features["prompt_length"] = self._prompt_length(prompt)
        return features

    def tokenize(self, texts: Sequence[str]) -> Encoding:
        """preprocess(), under the name that it had up to sentence-transformers 5."""
        return self.preprocess(texts)

    def _features(self, texts: list[str]) -> Encoding:
        limit = self._check_length(self.max_seq_length)
        found = self.tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        return Encoding(dict(found))  # which does not keep the texts

    def _ids(self, texts: list[str]) -> list[list[int]]:
        """Those that the model computes from."""
        return self._open_engine().tokenizer.tokenize(texts, self._check_length(self.max_seq_length))

    def _prompt_length(self, prompt: str) -> int:
        """Tokens of a prompt without `</s>`."""
        return len(self._ids([prompt])[0]) - 1

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        """The text to put before others: `prompt`, that of the name, or the default one."""
        if prompt is None and name is None:
            name = self.default_prompt_name
        return prompt_of(self.prompts, name, prompt)
