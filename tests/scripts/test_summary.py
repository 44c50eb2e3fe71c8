"""The last lines of scripts/test."""

import summary

JUNIT = """<?xml version="1.0"?><testsuite>
<testcase name="unit.config" status="run"><system-out>
[doctest] test cases:  12 |  11 passed | 1 failed | 300 skipped</system-out></testcase>
<testcase name="parity.heads" status="run"><system-out>
SKIPPED [1] test_real_model.py:33: BGEM3_MODEL_DIR is not set
5 passed, 2 skipped in 3.10s</system-out></testcase>
<testcase name="lint.format" status="run"><system-out/></testcase>
<testcase name="build.broken" status="fail"><system-out>Segmentation fault</system-out></testcase>
<testcase name="gpu" status="notrun"><skipped message="SKIP_RETURN_CODE=4"/><system-out/></testcase>
</testsuite>"""


def test_counts_cases_not_entries(tmp_path, capsys):
    (tmp_path / "unit.xml").write_text(JUNIT)
    (tmp_path / "stages.tsv").write_text("compile\t7\t0\nunit\t65\t8\n")
    assert summary.main(str(tmp_path)) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "17 passed, 2 failed, 3 skipped"
    assert "skipped  parity.heads: test_real_model.py:33: BGEM3_MODEL_DIR is not set" in lines
    assert "skipped  gpu: SKIP_RETURN_CODE=4" in lines


def test_failed_build_counts(tmp_path, capsys):
    (tmp_path / "stages.tsv").write_text("compile\t7\t1\n")
    assert summary.main(str(tmp_path)) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"


def test_pytest_line_with_colours(tmp_path, capsys):
    output = "\x1b[32m\x1b[1m3 passed\x1b[0m, \x1b[33m1 warning\x1b[0m\x1b[32m in 75.20s (0:01:15)\x1b[0m"
    assert summary.count_cases("run", summary.COLOUR.sub("", output)) == summary.Counts(3, 0, 0)
