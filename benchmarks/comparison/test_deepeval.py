"""DeepEval: one call for each record, as tests with `deepeval test run`, or at once when it is run by Python."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from deepeval import assert_test, evaluate
from deepeval.metrics import GEval
from deepeval.test_case import LLMTestCase, SingleTurnParams

CASES = [
    LLMTestCase(input=text, actual_output=category)
    for text, category in json.loads(Path(os.environ["LABELLED"]).read_text(encoding="utf-8"))
]


def metric() -> GEval:
    """Return the question to the model; without given steps, it would be asked for them first."""
    steps = ["Classify the input: financial, regulatory or operational?", "Compare the category with the output."]
    shown = [SingleTurnParams.INPUT, SingleTurnParams.ACTUAL_OUTPUT]
    return GEval(name="agreement", evaluation_steps=steps, evaluation_params=shown)


@pytest.mark.parametrize("case", CASES)
def test_agreement(case: LLMTestCase) -> None:
    """The model gives the stored category a high score."""
    assert_test(case, [metric()])


if __name__ == "__main__":
    assert all(result.success for result in evaluate(CASES, [metric()]).test_results)
