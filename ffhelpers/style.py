"""One style for all pictures, and how a notebook keeps them: at twice the pixels of their size."""

import io

import matplotlib.pyplot as plt
import numpy as np
import PIL.Image
from IPython.display import Image, display
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

# Apart for the colour-blind (Okabe and Ito, https://jfly.uni-koeln.de/color/); in grey lines differ
# by their dashes, and marked bars by the paleness of the others.
POSITIVE, NEGATIVE, NEUTRAL, PALE = "#0072b2", "#d55e00", "#7f7f7f", "#c4c4c4"
COLORS = [POSITIVE, NEGATIVE, "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]
LINES = plt.cycler(color=COLORS, linestyle=["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))])

# Of these, those that are here are asked for letters that the first font lacks; not of all that are
# here, as Matplotlib opens each of them for a text.
SCRIPTS = ["Noto Sans", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans CJK SC"]
SCRIPTS += ["Noto Sans Devanagari", "Noto Sans Arabic", "WenQuanYi Zen Hei", "Nirmala UI"]
SCRIPTS += ["Microsoft YaHei", "Malgun Gothic", "Yu Gothic", "Arial Unicode MS"]
FONTS = ["sans-serif", *(name for name in SCRIPTS if name in fontManager.get_font_names())]

plt.rcParams.update(
    {
        "font.family": FONTS,
        "figure.dpi": 80,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.prop_cycle": plt.cycler(color=COLORS),
        "grid.alpha": 0.3,
        "legend.frameon": False,
        "image.cmap": "gray_r",
        "text.parse_math": False,  # a class may be named "$5 or $10"
    }
)


def written(character):
    """Characters, or their code points, such as U+AC00, where no font of these pictures has one."""
    families = plt.rcParams["font.family"]
    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in families]
    if all(any(font.get_char_index(ord(c)) for font in fonts) for c in character):
        return character
    return " ".join(f"U+{ord(c):04X}" for c in character)


def from_bytes(images):
    """Whole numbers to 255 as floats from 0 to 1; what else is given, also 0 and 1, as it is.

    Args:
        images: an array; those of one picture or grid, as a dark image is told by the others.
    """
    images = np.asarray(images)
    whole = images.dtype.kind in "iu" and images.min(initial=0) >= 0
    return images / 255 if whole and images.max(initial=0) > 1 else images


def drawable(image):
    """An image as Matplotlib draws it: flat ones as a strip, other channels than three in grey.

    Args:
        image: `(h, w)`, `(h, w, channels)` or `(d,)`, float from 0 to 1 or whole numbers to 255.

    Returns:
        `(h, w)` or `(h, w, 3)`, from 0 to 1.
    """
    image = from_bytes(image)
    if image.ndim == 1:
        return image[None]
    return image if image.ndim < 3 or image.shape[2] == 3 else image.mean(axis=2)


def show(figure):
    """As `plt.show()`, for one figure.

    A notebook keeps it at twice the pixels, for today's screens, and with a palette, which takes a
    third of the bytes to store. Its ground is white in a dark theme too.

    Example:
        `figure, ax = plt.subplots(); ax.plot([1, 2]); style.show(figure)`
    """
    if figure.get_layout_engine() is None:
        figure.tight_layout()
    if "inline" not in plt.get_backend():
        plt.show()
        return
    drawn, stored = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, bbox_inches="tight", dpi=2 * figure.dpi)
    plt.close(figure)
    picture = PIL.Image.open(drawn).convert("RGB").quantize(dither=PIL.Image.Dither.NONE)
    picture.save(stored, "png", optimize=True)
    display(Image(stored.getvalue(), retina=True))
