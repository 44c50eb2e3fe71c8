"""What the library tells of a model, in Python's logging."""

import logging
import sys

import bgem3
import pytest


@pytest.fixture
def logger():
    logger = logging.getLogger("bgem3")
    level, handlers = logger.level, list(logger.handlers)
    logger.setLevel(logging.INFO)
    yield logger
    logger.setLevel(level)
    logger.handlers = handlers


def test_a_model_tells_that_it_is_loaded(nano, nano_reranker, logger, caplog):
    bgem3.BGEM3FlagModel(str(nano), devices="cpu").encode(["a text"])
    bgem3.FlagReranker(str(nano_reranker), devices="cpu").compute_score(("a", "b"))
    records = [record for record in caplog.records if record.name == "bgem3"]
    assert [record.levelname for record in records] == ["INFO", "INFO"]
    assert f"'{nano}' is loaded in" in records[0].getMessage()
    assert f"'{nano_reranker}' is loaded in" in records[1].getMessage()


def test_without_a_handler_nothing_is_written(nano, capfd):
    bgem3.BGEM3FlagModel(str(nano), devices="cpu").encode(["a text"])
    assert capfd.readouterr() == ("", "")


def test_a_handler_that_fails_does_not_fail_the_call(nano, logger, monkeypatch):
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("the disk is full")

    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", unraisable.append)
    logger.addHandler(Failing())
    assert bgem3.BGEM3FlagModel(str(nano), devices="cpu").encode(["a text"])["dense_vecs"].shape[0] == 1
    assert [str(error.exc_value) for error in unraisable] == ["the disk is full"]
