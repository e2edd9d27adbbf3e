"""What an exercise says of right, wrong and missing answers."""

import numpy as np
import pytest

from ffhelpers import exercises


@pytest.mark.parametrize(
    "answer, expected, said",
    [
        (lambda: 0.5, 0.5, "right"),
        (lambda: [1.0, 2.0], np.float32([1, 2.00001]), "right"),
        (lambda: "left", "left", "right"),
        (lambda: True, True, "right"),
        (lambda: [-np.inf, 1], [-np.inf, 1], "right"),
        (lambda: np.inf, -np.inf, "wrong: it gives inf, where it should be -inf"),
        (lambda: ..., 0.5, exercises.UNFILLED),
        (lambda: 1 + ..., 0.5, exercises.UNFILLED),
        (lambda: 0.4, 0.5, "wrong: it gives 0.4, where it should be 0.5"),
        (lambda: [1, 3], [1, 2], "wrong: it gives 3 at [1], where it should be 2"),
        (lambda: np.nan, 2, "wrong: it gives nan, where it should be 2"),
        (lambda: [1, 2], [1, 2, 3], "wrong: its shape is (2,), not (3,)"),
        (lambda: "left", "right", "wrong: left, not right"),
        (lambda: ["a"], [1], "wrong: it gives ['a'] instead of numbers"),
        (lambda: None, 1, "wrong: it gives None, is a return missing?"),
        (lambda: 1 / 0, 1, "wrong: it raises ZeroDivisionError: division by zero"),
    ],
)
def test_an_answer_is_judged(answer, expected, said, capsys):
    exercises.check(answer, expected)
    assert capsys.readouterr().out == said + "\n"
