import mteb
import numpy as np
import pytest
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskSTS
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.models.sentence_transformer_wrapper import SentenceTransformerEncoderWrapper
from mteb.types import PromptType
from sentence_transformers import SentenceTransformer

import bgem3
from bgem3 import _core
from bgem3.integrations.mteb import BGEM3Encoder

PAIRS = [
    ("A cat sleeps.", "A cat is asleep.", 5.0),
    ("A cat sleeps.", "Rates were raised.", 0.0),
    ("Knead the dough.", "Work the dough with your hands.", 4.0),
    ("Knead the dough.", "A cat is asleep.", 0.5),
    ("The bank raised its rates.", "Rates were raised.", 4.5),
]


class Similarity(AbsTaskSTS):
    metadata = TaskMetadata(
        name="SimilarityOfAFewSentences",
        description="Five pairs",
        dataset={"path": "none/none", "revision": "1"},
        type="STS",
        category="t2t",
        eval_splits=["test"],
        eval_langs=["eng-Latn"],
        main_score="cosine_spearman",
    )
    min_score, max_score = 0, 5

    def load_data(self, **_: object) -> None:
        columns = dict(zip(("sentence1", "sentence2", "score"), map(list, zip(*PAIRS))))
        self.dataset = DatasetDict(test=Dataset.from_dict(columns))
        self.data_loaded = True


@pytest.fixture(scope="module")
def encoder(e5_small) -> BGEM3Encoder:
    return BGEM3Encoder(e5_small)


def test_follows_the_protocol(encoder):
    assert isinstance(encoder, mteb.EncoderProtocol)
    assert encoder.mteb_model_meta.name == "models/e5-small"


@pytest.mark.parametrize("role, method", [(None, "encode"), ("query", "encode_query"), ("document", "encode_document")])
def test_prompts_by_role(encoder, e5_small, role, method):
    batches = [{"text": ["one", "two"]}, {"text": ["three"]}]
    found = encoder.encode(batches, prompt_type=role and PromptType(role), batch_size=2, hf_split="test")
    expected = getattr(bgem3.EmbeddingModel(e5_small), method)(["one", "two", "three"])
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("options, limit", [({}, 0), ({"batch_size": 256}, 256)])
def test_batch_size_reaches_the_model(monkeypatch, encoder, options, limit):
    limits, encode = [], _core.Embedder.encode
    monkeypatch.setattr(
        _core.Embedder,
        "encode",
        lambda *given, **others: limits.append(others["batch_size"]) or encode(*given, **others),
    )
    encoder.encode([{"text": ["one", "two"]}], **options)
    assert limits == [limit]


def test_evaluation_gives_the_score_of_sentence_transformers(encoder, e5_small):
    theirs = SentenceTransformerEncoderWrapper(SentenceTransformer(e5_small, device="cpu"))

    def score(model) -> float:
        result = mteb.evaluate(model, Similarity(), cache=None, show_progress_bar=False)
        return result.task_results[0].get_score()

    assert score(encoder) == pytest.approx(score(theirs), abs=1e-6)


def test_options_are_followed_or_refused(encoder, capfd):
    batches = [{"text": ["one", "two"]}]
    with pytest.raises(TypeError, match="nonsense"):
        encoder.encode(batches, nonsense=1)
    with pytest.raises(TypeError, match="should be a list of str, found str"):
        encoder.encode([{"text": "abc"}])
    plain = encoder.encode(batches, task_metadata=Similarity.metadata, hf_split="test", hf_subset="default")
    assert "Embedding" not in capfd.readouterr().err
    shown = encoder.encode(batches, show_progress_bar=True, normalize_embeddings=True)
    assert "Embedding" in capfd.readouterr().err
    np.testing.assert_allclose(shown, plain / np.linalg.norm(plain, axis=1, keepdims=True), atol=1e-6)
