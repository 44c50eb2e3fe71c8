"""What sentence-transformers does with a model, done with bgem3's: searches, mining, evaluators. Same numbers."""

from collections.abc import Callable
from typing import Any

import bgem3
import numpy as np
import pytest
import torch
from datasets import Dataset
from sentence_models import Models
from sentence_transformers import SentenceTransformer, SimilarityFunction, util
from sentence_transformers.sentence_transformer import evaluation
from texts import translations

TOLERANCE = 1e-6
# What the files of this model do not say, and bgem3 knows.
PROMPTS = {"query": "query: ", "document": "passage: "}
ENGLISH, GERMAN, *_ = translations().values()
CORPUS = {str(i): text for i, text in enumerate(ENGLISH)}
QUERIES = {f"q{i}": text for i, text in enumerate(GERMAN)}
RELEVANT = {f"q{i}": {str(i), str((i + 1) % len(ENGLISH))} for i in range(len(GERMAN))}
SHIFTED = [*ENGLISH[3:], *ENGLISH[:3]]


@pytest.fixture(scope="module")
def models(e5_small) -> Models:
    theirs = SentenceTransformer(str(e5_small), device="cpu", prompts=PROMPTS)
    return Models(theirs, bgem3.EmbeddingModel(str(e5_small), device="cpu", prompts=PROMPTS))


def same_results(ours: Any, theirs: Any) -> None:
    """Of one structure, with equal numbers."""
    assert type(ours) is type(theirs)
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        same_results([*ours.values()], [*theirs.values()])
    elif isinstance(theirs, (list, tuple)):
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs):
            same_results(mine, other)
    elif isinstance(theirs, float):
        assert abs(ours - theirs) <= TOLERANCE
    else:
        assert ours == theirs


def compare(models: Models, program: Callable[[Any], Any]) -> Any:
    theirs = program(models.theirs)
    same_results(program(models.ours), theirs)
    return theirs


@pytest.mark.parametrize(
    "program",
    [
        lambda model: util.paraphrase_mining(model, [*ENGLISH, *GERMAN], batch_size=5, top_k=10),
        lambda model: util.semantic_search(
            model.encode_query(GERMAN, convert_to_tensor=True),
            model.encode_document(ENGLISH, convert_to_tensor=True),
            top_k=4,
        ),
        lambda model: util.semantic_search(model.encode(GERMAN), model.encode(ENGLISH), score_function=util.dot_score),
        lambda model: util.community_detection(
            model.encode([*ENGLISH, *GERMAN], convert_to_tensor=True), threshold=0.85, min_community_size=2
        ),
        lambda model: torch.topk(model.similarity(model.encode(GERMAN[0]), model.encode(ENGLISH))[0], k=3)[1].tolist(),
    ],
    ids=["paraphrase_mining", "semantic_search", "semantic_search_dot", "community_detection", "topk"],
)
def test_searches(models, program):
    assert compare(models, program)


def mine_negatives(model: Any) -> dict[str, Any]:
    found = util.mine_hard_negatives(
        Dataset.from_dict({"query": GERMAN, "answer": ENGLISH}),
        model,
        range_min=1,
        num_negatives=2,
        use_multi_process=["cpu"] if isinstance(model, bgem3.EmbeddingModel) else False,
        output_scores=True,
        verbose=False,
    )
    return {name: list(found[name]) for name in found.column_names}


def test_mine_hard_negatives(models):
    compare(models, mine_negatives)


EVALUATORS = {
    "information retrieval": lambda: evaluation.InformationRetrievalEvaluator(
        QUERIES, CORPUS, RELEVANT, show_progress_bar=False, corpus_chunk_size=7, truncate_dim=256
    ),
    "similarity": lambda: evaluation.EmbeddingSimilarityEvaluator(
        ENGLISH, GERMAN[::-1], [*np.linspace(0, 1, len(ENGLISH))], main_similarity=SimilarityFunction.COSINE
    ),
    "translation": lambda: evaluation.TranslationEvaluator(ENGLISH, GERMAN, print_wrong_matches=False),
    "binary classification": lambda: evaluation.BinaryClassificationEvaluator(
        [*ENGLISH, *ENGLISH], [*GERMAN, *SHIFTED], [1] * len(ENGLISH) + [0] * len(SHIFTED)
    ),
    "triplet": lambda: evaluation.TripletEvaluator(ENGLISH, GERMAN, SHIFTED, similarity_fn_names=["dot", "euclidean"]),
    "reranking": lambda: evaluation.RerankingEvaluator(
        [{"query": g, "positive": [e], "negative": ENGLISH[:4]} for g, e in zip(GERMAN[4:], ENGLISH[4:])],
        show_progress_bar=False,
    ),
    "paraphrases": lambda: evaluation.ParaphraseMiningEvaluator(
        {**CORPUS, **QUERIES}, duplicates_list=[(str(i), f"q{i}") for i in range(len(ENGLISH))]
    ),
    "several": lambda: evaluation.SequentialEvaluator(
        [
            evaluation.TranslationEvaluator(ENGLISH, GERMAN, name="forth"),
            evaluation.TranslationEvaluator(GERMAN, ENGLISH, name="back"),
        ]
    ),
}


IN_ALL_RUNS = ("information retrieval", "similarity", "paraphrases")


@pytest.mark.parametrize(
    "name", [name if name in IN_ALL_RUNS else pytest.param(name, marks=pytest.mark.slow) for name in EVALUATORS]
)
def test_evaluators(models, name, tmp_path):
    """Each is made twice: it keeps what it learns of a model."""
    theirs = EVALUATORS[name]()(models.theirs)
    same_results(models.ours.evaluate(EVALUATORS[name](), str(tmp_path / "new")), theirs)
    assert any(tmp_path.rglob("*.csv"))


@pytest.mark.parametrize(
    "precision", ["int8", *(pytest.param(p, marks=pytest.mark.slow) for p in ("uint8", "ubinary"))]
)
@pytest.mark.filterwarnings("ignore:precision:RuntimeWarning")
def test_evaluator_of_quantised_vectors(models, precision):
    """A component on the border of two steps may fall to either side, so the scores of pairs move a little."""
    scores = [*np.linspace(0, 1, len(ENGLISH))]
    evaluator = evaluation.EmbeddingSimilarityEvaluator(ENGLISH, GERMAN[::-1], scores, precision=precision)
    ours, theirs = (evaluator(model) for model in (models.ours, models.theirs))
    assert ours.keys() == theirs.keys()
    assert max(abs(ours[key] - theirs[key]) for key in theirs) <= (1e-3 if "int8" in precision else TOLERANCE)


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_program_with_a_pool(models):
    """As of versions 2 to 4."""
    vectors = models.theirs.encode([*ENGLISH, *GERMAN], batch_size=8)
    pool = models.ours.start_multi_process_pool()
    found = models.ours.encode_multi_process([*ENGLISH, *GERMAN], pool, batch_size=8, chunk_size=4)
    models.ours.stop_multi_process_pool(pool)
    assert np.abs(found - vectors).max() <= TOLERANCE
