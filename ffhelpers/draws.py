"""Random draws that are saved with what draws, and differ between devices."""

import keras
import tensorflow as tf


class Draws(keras.random.SeedGenerator):
    """A `SeedGenerator` from which each device that shares a batch draws numbers of its own.

    All devices have the same state. On one alone it is an ordinary `SeedGenerator`.
    """

    def next(self, ordered=True):
        seed, replica = super().next(ordered), tf.distribute.get_replica_context()
        if replica is None or tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return seed
        # Far apart: the seeds beside this one are other people's.
        own = tf.cast(replica.replica_id_in_sync_group, seed.dtype) * 0x9E3779B9
        return seed + tf.stack([own, tf.zeros_like(own)])


class KeepsDraws:
    """For layers that draw: `self.draws` is saved with them (to Keras it is no weight)."""

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["draws"] = self.draws.state

    def load_own_variables(self, store):
        store = {name: store[name] for name in store.keys()}  # noqa: SIM118 -- it is no dict
        self.draws.state.assign(store.pop("draws"))
        super().load_own_variables(store)
