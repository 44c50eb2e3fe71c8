"""The targets under the inference server of Azure ML."""

import pytest

# The default of the inference server closes each connection, its threads keep them.
CONNECTIONS = {"score.py": 4, "flagembedding": 40, "flagembedding-threads": 4}


@pytest.mark.parametrize("targets", [["score.py"], pytest.param([*CONNECTIONS], marks=pytest.mark.slow)], ids=len)
def test_score_scripts(load, targets):
    """The same texts for bgem3 and for FlagEmbedding."""
    done = load("--targets", *targets, "--clients", 4, "--calls", 10)
    assert done.status == 0, done.output
    found = done.result["targets"]
    assert [figures["statuses"] for figures in found.values()] == [{"200": 40}] * len(targets)
    assert [figures["connections"] for figures in found.values()] == [CONNECTIONS[target] for target in targets]
    assert "gunicorn" in done.result["versions"]
