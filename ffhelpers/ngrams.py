"""n-grams: how often a character followed the last ones, the control of every other predictor."""

import numpy as np

from . import parameters
from .arrays import codes


class NGrams:
    """Interpolated Kneser-Ney: what followed each context, smoothed by what followed shorter ones.

    After a context of k characters the next one is predicted by

        p_k(c) = (max(n(c) - d, 0) + d * types * p_k-1(c)) / n,

    where n(c) is how often c followed, n is their sum, and `types` is how many different
    characters followed. So each gives up the discount d = n1 / (n1 + 2 n2) to the shorter
    context, where n1 and n2 are how many were seen once and twice. Of shorter contexts n(c)
    counts in how many longer ones c was seen, not how often: what follows everywhere is the
    better guess for a new context (Kneser and Ney 1995; Chen and Goodman 1999). `p_-1` is the same
    for all symbols, and a context that was never seen leaves the prediction to the shorter ones.

    Args:
        windows: of the training text, int `(n, order + 1)`: the contexts, and what followed.
        symbols: how many there are.

    Example:
        `NGrams(windows(strings, 6).reshape(-1, 6), 30).probabilities(contexts)`
    """

    def __init__(self, windows, symbols):
        parameters.check(symbols=symbols)
        windows = codes("codes", windows, symbols, "n", "order + 1")
        contexts, following = windows[:, :-1], windows[:, -1]
        self.symbols, self.known = symbols, [np.zeros(1, np.int64)]
        ids = np.zeros(len(windows), np.int64)  # of each context's last k characters
        for k in range(1, contexts.shape[1] + 1):
            known, ids = np.unique(_longer(ids, contexts, k, symbols), return_inverse=True)
            self.known.append(known)
        counts = np.zeros((len(self.known[-1]), symbols), np.int32)
        np.add.at(counts, (ids, following), 1)
        self.counts = [counts]
        for known, shorter in zip(self.known[:0:-1], self.known[-2::-1]):
            counts = np.zeros((len(shorter), symbols), np.int32)
            np.add.at(counts, known // symbols, self.counts[0] > 0)
            self.counts.insert(0, counts)
        self.discounts = [_discount(counts) for counts in self.counts]

    def probabilities(self, contexts):
        """Of each next character: float64 `(n, symbols)`.

        Args:
            contexts: the last characters, int `(n, order)` or longer.
        """
        longer = np.shape(contexts)[1:2] or ("order",)  # of order 0 there is none
        contexts, order = codes("codes", contexts, self.symbols, "n", *longer), len(self.known) - 1
        if contexts.shape[1] < order:
            raise ValueError(
                f"contexts of shape {contexts.shape}: expected (n, {order}) or longer"
            )
        p = np.full((len(contexts), self.symbols), 1 / self.symbols)
        ids, seen = np.zeros(len(contexts), np.int64), np.ones(len(contexts), bool)
        for k, (known, counts, d) in enumerate(zip(self.known, self.counts, self.discounts)):
            if k:
                wanted = _longer(ids, contexts, k, self.symbols)
                ids = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
                seen &= known[ids] == wanted
            n = counts[ids[seen]]
            given_up = d * np.count_nonzero(n, axis=1)[:, None]
            p[seen] = (np.maximum(n - d, 0) + given_up * p[seen]) / n.sum(axis=1, keepdims=True)
        return p


def _longer(ids, contexts, k, symbols):
    """A number for each context of k characters, from that of its last k - 1."""
    return ids * symbols + contexts[:, -k]


def _discount(counts):
    once, twice = (np.count_nonzero(counts == n) for n in (1, 2))
    return once / (once + 2 * twice) if once and twice else 0.5
