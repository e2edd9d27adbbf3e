"""Random draws that are saved with what draws."""


class KeepsDraws:
    """For layers that draw: `self.draws` is saved with them (to Keras it is no weight)."""

    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["draws"] = self.draws.state

    def load_own_variables(self, store):
        store = {name: store[name] for name in store.keys()}  # noqa: SIM118 -- it is no dict
        self.draws.state.assign(store.pop("draws"))
        super().load_own_variables(store)
