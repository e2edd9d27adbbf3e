"""n-grams: against counts by hand, as probabilities, and what they need to predict."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ffhelpers import evaluation
from ffhelpers.ngrams import NGrams
from ffhelpers.text import windows


def by_hand(training, context, symbols, order):
    """Kneser-Ney for one context, as its formula is written, with dicts and loops."""

    def counts(k):
        seen = {}
        for window in training.tolist():
            key = tuple(window[order - k : order]), window[order]
            before = tuple(window[:order]) if k == order else window[order - k - 1]
            seen.setdefault(key, []).append(before)
        return {key: len(b) if k == order else len(set(b)) for key, b in seen.items()}

    p = [1 / symbols] * symbols
    for k in range(order + 1):
        n = counts(k)
        once, twice = (list(n.values()).count(i) for i in (1, 2))
        d = once / (once + 2 * twice) if once and twice else 0.5
        here = [n.get((tuple(context[order - k :]), c), 0) for c in range(symbols)]
        if sum(here):
            types = sum(count > 0 for count in here)
            p = [(max(n - d, 0) + d * types * q) / sum(here) for n, q in zip(here, p)]
    return p


@st.composite
def texts(draw):
    symbols, order = draw(st.integers(2, 5)), draw(st.integers(0, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    training = rng.integers(0, symbols, (draw(st.integers(1, 60)), order + 1))
    return training, rng.integers(0, symbols, (8, order)), symbols, order


@given(texts())
def test_they_are_the_formulas(case):
    training, contexts, symbols, order = case
    p = NGrams(training, symbols).probabilities(contexts)
    for row, context in zip(p, contexts.tolist()):
        np.testing.assert_allclose(row, by_hand(training, context, symbols, order))
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p > 0).all(), "whatever comes, its bits are finite"


def test_only_the_last_characters_count():
    training = np.random.default_rng(0).integers(0, 4, (500, 3))
    contexts = np.random.default_rng(1).integers(0, 4, (50, 9))
    model = NGrams(training, 4)
    np.testing.assert_array_equal(
        model.probabilities(contexts), model.probabilities(contexts[:, -2:])
    )


def test_a_chain_is_learned_down_to_its_entropy():
    """Of a Markov chain of order two. A longer context costs, but less than one too short."""
    rng = np.random.default_rng(0)
    chain = rng.dirichlet([0.3] * 5, (5, 5))
    strings = np.zeros((400, 60), int)
    for t in range(2, 60):
        cumulative = chain[strings[:, t - 2], strings[:, t - 1]].cumsum(axis=-1)
        strings[:, t] = (rng.random((400, 1)) > cumulative).sum(axis=-1).clip(max=4)

    def held_out(order):
        training, test = (windows(s[:, 2:], order + 1).reshape(-1, order + 1) for s in both)
        p = NGrams(training, 5).probabilities(test[:, :-1])
        return evaluation.bits(np.log(p), test[:, -1])

    both = strings[:350], strings[350:]
    test = windows(strings[350:, 2:], 3).reshape(-1, 3)
    least = evaluation.bits(np.log(chain[test[:, 0], test[:, 1]] + 1e-300), test[:, 2])
    assert held_out(0) > held_out(1) > held_out(2)
    assert held_out(2) == pytest.approx(least, abs=0.02)
    assert held_out(2) < held_out(6) < held_out(1)
