"""Saved networks: their format, and their parts, of which none may bring code of its own."""

import keras

FORMATS = ("0.1",)  # that can be read: the versions that began them, ours last


def restored(config):
    """The arguments of a network, from what its `get_config` gave.

    Args:
        config: dict. Without a `"format"`, which the first saved models do not say, it is 0.1.

    Raises:
        ValueError: a format of another version, or a part that cannot be loaded.
    """
    found = config.get("format", "0.1")
    if found not in FORMATS:
        raise ValueError(
            f"this model was saved in the format of ffhelpers {found}: expected "
            f"{' or '.join(FORMATS)}, load it with a version of ffhelpers that reads {found}"
        )
    config = {name: value for name, value in config.items() if name != "format"}
    blocks = [_part(block) for block in config["blocks"]]
    return {**config, "blocks": blocks, "source": _part(config["source"])}


def _part(config):
    """A block or source: what could be code in the place of one stays unread."""
    try:
        return keras.saving.deserialize_keras_object(config)
    except Exception as error:  # of Keras, which says more than one line, and how to trust a file
        reason = str(error).splitlines()[0].split(". ")[0]
        kind = config.get("class_name") if isinstance(config, dict) else config
        raise ValueError(
            f"this model holds a {kind} that cannot be loaded ({reason}): expected blocks and a "
            "source of ffhelpers, or of classes that you registered with Keras"
        ) from error
