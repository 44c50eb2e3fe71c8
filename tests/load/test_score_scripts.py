"""The targets under the inference server of Azure ML."""


def test_score_scripts(load):
    """The same texts for bgem3 and for FlagEmbedding."""
    done = load("--targets", "score.py", "flagembedding", "flagembedding-threads", "--clients", 4, "--calls", 10)
    assert done.status == 0, done.output
    found = done.result["targets"]
    assert [figures["statuses"] for figures in found.values()] == [{"200": 40}] * 3
    # The default of the inference server closes each connection, its threads keep them.
    assert [figures["connections"] for figures in found.values()] == [4, 40, 4]
    assert "gunicorn" in done.result["versions"]
