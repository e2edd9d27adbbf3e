"""Which of the slow tests CI tries."""

from pathlib import Path

import pytest
import sampled


class Item:
    """What is asked of a test as pytest collects it; with a mark, a slow one."""

    def __init__(self, file, mark=None):
        self.path, self.mark = Path(file), mark

    def get_closest_marker(self, _):
        return self.mark


def items(count, file="test_a.py", **mark):
    return [Item(file, pytest.mark.slow(**mark).mark) for _ in range(count)]


@pytest.mark.parametrize(
    "count, mark, kept",
    [(10, {}, 2), (12, {"one_in": 6}, 2), (5, {"one_in": 1}, 5), (5, {"one_in": 0}, 0)],
)
def test_one_in_so_many_is_kept_of_each_file(count, mark, kept):
    one, other = items(count, **mark), items(count, "test_b.py", **mark)
    out = list(sampled.left_out([*one, *other]))
    for file in (one, other):
        assert sum(item not in out for item in file) == kept


def test_of_fewer_than_so_many_one_is_kept_now_and_then(monkeypatch):
    counts = []
    for seed in range(300):
        monkeypatch.setattr(sampled, "SEED", str(seed))
        counts.append(8 - len(list(sampled.left_out(items(8)))))
    assert set(counts) == {1, 2} and 1.5 < sum(counts) / 300 < 1.85


def test_each_commit_has_others_and_what_is_quick_stays(monkeypatch):
    slow = items(60)
    quick = Item("test_a.py")
    choices = []
    for seed in ("1", "2", "1"):
        monkeypatch.setattr(sampled, "SEED", seed)
        choices.append(list(sampled.left_out([*slow, quick])))
    assert choices[0] == choices[2] != choices[1]
    assert quick not in choices[0]
