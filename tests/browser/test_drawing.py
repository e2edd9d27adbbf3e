"""A digit to draw: the module's numbers against `predict`, and real drawings on the site and in a notebook."""

import base64
import io
import json
import re

import nbformat
import numpy as np
import PIL.Image
import playwright.sync_api
import pytest
from exercises import FOLDER
from networks import network as dense
from scipy import ndimage

from ffhelpers import playground

BOOK = FOLDER.parent / "runs" / "book"
SCREENS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
SCREENSHOTS = FOLDER.parent / "runs" / "screenshots" / "playground"
SHAPE = [28, 28]
TURN = np.linspace(0, 2 * np.pi, 25)
STROKES = {
    "0": [np.stack([0.5 + 0.22 * np.sin(TURN), 0.5 - 0.35 * np.cos(TURN)], axis=1).tolist()],
    "1": [[[0.5, 0.15], [0.5, 0.85]]],
    "7": [[[0.25, 0.2], [0.75, 0.2], [0.45, 0.85]]],
}


# --- The module ------------------------------------------------------------------------------


@pytest.fixture
def ask(new_page):
    """What a piece of JavaScript says of an argument, with the module as `p`."""
    page = new_page()
    source = base64.b64encode(playground.MODULE.read_bytes()).decode()
    address = f"data:text/javascript;charset=utf-8;base64,{source}"

    def call(what, argument):
        code = "async ([address, a]) => { const p = await import(address); return %s; }"
        return page.evaluate(code % what, [address, argument])

    return call


JUDGED = """(() => {
    const network = p.network(a.network);
    return a.images.map(image => {
        const by_block = p.goodness(network, image, a.shape);
        return [...by_block, p.votes(network, by_block)];
    });
})()"""


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_its_numbers_are_those_of_predict(name, whole, ask, mnist):
    model = playground.untrained(10)[name]
    model.compile(jit_compile=False)
    model.fit(mnist.x_train[:600], mnist.y_train[:600], batch_size=100, verbose=0)
    packed = playground.network(model, whole)
    if whole:
        playground.rounded(model)
    images = np.concatenate([mnist.x_test[:6], np.zeros((1, 28, 28), "float32")])
    given = {"network": packed, "images": images.reshape(7, -1).tolist(), "shape": SHAPE}
    judged = np.array(ask(JUDGED, given))
    np.testing.assert_allclose(judged[:, :-1], model.layer_goodness(images), rtol=0, atol=1e-4)
    np.testing.assert_allclose(judged[:, -1], model.predict(images, verbose=0), rtol=0, atol=1e-4)


def drawn(ask, strokes, centred=True):
    image = ask("Array.from(p.drawn(a[0], a[1], a[2]))", [strokes, SHAPE, centred])
    return np.reshape(image, SHAPE)


@pytest.mark.parametrize("digit", STROKES)
def test_a_drawing_is_centred_as_mnist_does(digit, ask):
    image = drawn(ask, STROKES[digit])
    np.testing.assert_allclose(ndimage.center_of_mass(image), [14, 14], atol=0.1)
    longer = max(np.ptp(np.flatnonzero((image > 0.3).any(axis=axis))) + 1 for axis in (0, 1))
    assert 19 <= longer <= 21 and image.min() == 0 and image.max() == 1
    small = [[[0.1 + x / 4, y / 4] for x, y in stroke] for stroke in STROKES[digit]]
    np.testing.assert_allclose(drawn(ask, small), image, atol=1e-5)
    where = ndimage.center_of_mass(drawn(ask, small, centred=False))
    assert where[0] < 6 and where[1] < 8


def test_pictures_are_moved_turned_and_thickened(ask, mnist):
    image = mnist.x_test[0]
    flat = image.reshape(-1).tolist()

    def changed(what):
        packed = f"Array.from(p.{what.replace('IMAGE', 'Float32Array.from(a), [28, 28]')})"
        return np.reshape(ask(packed, flat), SHAPE)

    for right, down in ((2, 1), (-3, 0), (0, -2)):
        expected = ndimage.shift(image, (down, right), order=1)
        np.testing.assert_allclose(
            changed(f"moved(IMAGE, {right}, {down}, 0)"), expected, atol=1e-5
        )
    np.testing.assert_allclose(changed("moved(IMAGE, 0, 0, 90)"), np.rot90(image, -1), atol=1e-5)
    between = ndimage.shift(image, (0, 0.5), order=1)
    np.testing.assert_allclose(changed("moved(IMAGE, 0.5, 0, 0)"), between, atol=1e-5)
    cross = ndimage.generate_binary_structure(2, 1)
    thick, thin = (
        f(image, footprint=cross) for f in (ndimage.grey_dilation, ndimage.grey_erosion)
    )
    np.testing.assert_allclose(changed("thickened(IMAGE, 1)"), thick, atol=1e-6)
    np.testing.assert_allclose(changed("thickened(IMAGE, -1)"), thin, atol=1e-6)
    np.testing.assert_allclose(changed("thickened(IMAGE, 0.5)"), (image + thick) / 2, atol=1e-6)


# --- The page --------------------------------------------------------------------------------


class Paper:
    """A playground in a page, as a person has it."""

    def __init__(self, page):
        self.page, self.root = page, page.locator(".playground")
        self.paper = self.root.locator("canvas.paper")
        self.paper.wait_for()
        self.answer = self.root.locator("output").first

    def points(self, stroke):
        box = self.paper.bounding_box()
        return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]

    def press(self, button):
        self.root.get_by_role("button", name=button).click()

    def draw(self, digit):
        self.press("Clear")
        self.paper.scroll_into_view_if_needed()
        for stroke in STROKES[digit]:
            self.stroke(stroke)

    def stroke(self, stroke):
        first, *others = self.points(stroke)
        self.page.mouse.move(*first)
        self.page.mouse.down()
        for point in others:
            self.page.mouse.move(*point, steps=4)
        self.page.mouse.up()

    def draw_with_a_finger(self, digit):
        self.root.get_by_role("button", name="Clear").click()
        self.paper.scroll_into_view_if_needed()
        session = self.page.context.new_cdp_session(self.page)

        def touch(kind, *points):
            touches = [{"x": x, "y": y} for x, y in points]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

        for stroke in STROKES[digit]:
            first, *others = self.points(stroke)
            touch("touchStart", first)
            for point in others:
                touch("touchMove", point)
            touch("touchEnd")

    def choose(self, label, option):
        self.root.get_by_label(label, exact=True).select_option(label=option)

    def says(self, digit):
        expected = playwright.sync_api.expect(self.answer)
        expected.to_have_text(f"The {self.network} network says {digit}.", timeout=20_000)

    @property
    def network(self):
        return self.root.get_by_label("network").locator("option:checked").inner_text()

    def bars(self):
        return self.root.locator("table").first.locator("td").all_inner_texts()

    def captions(self, *expected):
        """Those below the pictures with their labels, where there are any."""
        shown = self.root.locator(".small").nth(1).locator("figcaption >> visible=true")
        playwright.sync_api.expect(shown).to_have_text(list(expected))

    def ink(self, x, y):
        """How dark the paper is there, 0 to 255."""
        at = "x * c.width, y * c.height, 1, 1"
        read = f"(c, [x, y]) => c.getContext('2d').getImageData({at}).data[3]"
        return self.paper.evaluate(read, [x, y])

    def await_other_bars(self, before):
        playwright.sync_api.expect(self.root.locator("table").first).not_to_have_text(before)

    @property
    def table(self):
        return self.root.locator("table").first.text_content()


@pytest.fixture
def on_the_site(new_page):
    def open_(**options):
        page = new_page(**options)
        page.goto((BOOK / "index.html").as_uri())
        return Paper(page)

    return open_


PAGE = FOLDER.parent / "docs" / "draw.html"


@pytest.fixture
def on_the_page(new_page):
    """…of docs/draw.html, which needs no site."""

    def open_(**options):
        page = new_page(**options)
        page.goto(PAGE.as_uri())
        return Paper(page)

    return open_


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_one_draws_on_the_site(theme, on_the_site):
    paper = on_the_site(viewport=SCREENS["desk"], color_scheme=theme)
    paper.says("9")  # a stored one, to begin with
    for network, layers in (("dense", 2), ("convolutional", 4)):
        paper.choose("network", network)
        for digit in STROKES:
            paper.draw(digit)
            paper.says(digit)
        assert len(paper.bars()) == 10 * (layers + 1)
    paper.root.screenshot(path=SCREENSHOTS / f"site {theme}.png")


def test_one_draws_with_a_finger_on_a_phone(on_the_site):
    paper = on_the_site(viewport=SCREENS["phone"], has_touch=True, is_mobile=True)
    for digit in STROKES:
        paper.draw_with_a_finger(digit)
        paper.says(digit)
    paper.choose("network", "convolutional")  # which has most columns
    paper.says("7")
    paper.root.get_by_role("button", name="Keep this drawing").click()
    paper.draw_with_a_finger("0")
    paper.says("0")
    width = "[document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"
    wide, wanted = paper.page.evaluate(width)
    assert wide <= wanted
    paper.root.screenshot(path=SCREENSHOTS / "site phone.png")


def test_the_bars_follow_the_pen(on_the_site):
    """…while the button is still down."""
    paper = on_the_site(viewport=SCREENS["desk"])
    paper.press("Clear")
    start, corner, end = paper.points(STROKES["7"][0])
    mouse = paper.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(*corner, steps=4)
    playwright.sync_api.expect(paper.root.locator("table").first).to_be_visible()
    before = paper.table
    mouse.move(*end, steps=4)
    paper.await_other_bars(before)
    paper.says("7")
    mouse.up()
    paper.says("7")


def test_each_control_changes_the_bars(on_the_site):
    """…with the keyboard alone, on a stored digit."""
    paper = on_the_site(viewport=SCREENS["desk"])
    paper.choose("shown is", "a stored 4")
    paper.says("4")
    for slider in ("move right", "move down", "turn", "thicken"):
        for key in ("ArrowRight", "ArrowLeft", "ArrowLeft"):
            before = paper.table
            paper.root.get_by_label(slider).press(key)
            paper.await_other_bars(before)
    before = paper.table
    paper.root.get_by_role("button", name="Set back").press("Enter")
    paper.await_other_bars(before)
    paper.says("4")


def test_a_drawing_that_is_not_centred_is_another(on_the_site):
    paper = on_the_site(viewport=SCREENS["desk"])
    paper.draw("7")
    paper.says("7")
    before = paper.table
    paper.root.get_by_label("centre a drawing as MNIST does").uncheck()
    paper.await_other_bars(before)


def test_only_what_one_pointer_draws_on_the_paper_counts(on_the_site):
    """…neither another button, nor beside the paper, nor what is cleared while it is drawn."""
    paper = on_the_site(viewport=SCREENS["desk"])
    paper.choose("shown is", "a stored 4")
    paper.says("4")
    before, mouse = paper.table, paper.page.mouse
    paper.paper.click(button="right")
    assert paper.table == before
    paper.draw("1")
    paper.says("1")
    (above, below) = paper.points([[0.5, -0.6], [0.5, 0.85]])
    paper.root.get_by_role("button", name="Clear").click()
    mouse.move(*paper.points([[0.5, 0.15]])[0])
    mouse.down()
    for point in (above, below):
        mouse.move(*point, steps=4)
    mouse.up()
    paper.says("1")
    mouse.move(*below)
    mouse.down()
    paper.root.get_by_role("button", name="Clear").press("Enter")
    mouse.move(*paper.points([[0.2, 0.2]])[0], steps=4)
    mouse.up()
    paper.draw("7")
    paper.says("7")


def test_the_negative_that_fools_it_and_hybrids(on_the_site):
    paper = on_the_site(viewport=SCREENS["desk"])
    paper.choose("shown is", "a stored 4")
    paper.says("4")
    rivals = paper.root.get_by_text("rivals")
    votes = np.array(paper.bars(), float).reshape(10, -1)[:, -1]
    votes[4] = -1
    rival = rf"{votes.argmax()} \(orange, [\d.]+\) rivals 4 \(blue, [\d.]+\)"
    playwright.sync_api.expect(rivals).to_have_text(re.compile(rival))
    paper.choose("it shows", "0")  # then 4 is a wrong label
    playwright.sync_api.expect(rivals).to_have_text(re.compile(r"4 \(orange.* rivals 0 \(blue"))
    paper.root.get_by_role("button", name="Keep this drawing").click()
    paper.draw("0")
    paper.says("0")
    both = paper.root.locator("table").last
    kept, hybrid, now = np.array(both.locator("td").all_inner_texts(), float).reshape(10, 3).T
    assert kept.argmax() == 4 and now.argmax() == 0 and hybrid.max() < max(kept.max(), now.max())
    before = both.text_content()
    paper.root.get_by_role("button", name="Another mask").click()
    playwright.sync_api.expect(both).not_to_have_text(before)


def test_a_picture_is_positive_only_where_the_truth_is_known(on_the_page):
    """…which it is of a stored one, also where the network errs."""
    paper = on_the_page(viewport=SCREENS["desk"])
    paper.choose("shown is", "a stored 3")
    paper.says("3")
    for _ in range(6):
        paper.root.get_by_label("move right").press("ArrowRight")
    paper.says("8")
    paper.captions("positive: label 3", "negative: label 8")
    paper.press("Set back")
    paper.draw("7")
    paper.says("7")
    second = np.array(paper.bars(), float).reshape(10, -1)[:, -1].argsort()[-2]
    paper.captions("with label 7", f"with label {second}")
    paper.choose("network", "convolutional")  # which reads no label
    paper.captions()


def test_of_an_empty_picture_nothing_is_said(on_the_page):
    paper = on_the_page(viewport=SCREENS["desk"])
    paper.says("9")
    paper.press("Clear")
    playwright.sync_api.expect(paper.answer).to_have_text("nothing: the picture is empty")
    playwright.sync_api.expect(paper.root.locator("table").first).not_to_be_visible()
    paper.captions()
    paper.draw("1")
    paper.says("1")
    playwright.sync_api.expect(paper.root.locator("table").first).to_be_visible()


def test_a_stroke_ends_where_it_leaves_the_paper_and_the_last_one_is_taken_back(on_the_page):
    paper = on_the_page(viewport=SCREENS["desk"])
    paper.draw("1")
    paper.says("1")
    before = paper.table
    paper.stroke([[0.7, 0.3], [0.7, -0.2], [0.9, -0.2], [0.9, 0.5]])
    paper.await_other_bars(before)
    assert paper.ink(0.9, 0.3) == 255 and paper.ink(0.8, 0.01) == 0
    paper.press("Undo")  # what came back is a stroke of its own
    paper.press("Undo")
    playwright.sync_api.expect(paper.root.locator("table").first).to_have_text(before)
    paper.says("1")


def colours(element):
    image = PIL.Image.open(io.BytesIO(element.screenshot())).convert("RGB")
    return {colour for _, colour in image.getcolors(image.width * image.height)}


def test_colours_stay_where_the_system_forces_its_own(on_the_page):
    paper = on_the_page(viewport=SCREENS["desk"], forced_colors="active", color_scheme="dark")
    paper.says("9")
    assert {(0, 0, 0), (255, 255, 255)} <= colours(paper.paper)
    shown = colours(paper.root.locator("table").first)
    assert {(0, 114, 178), (213, 94, 0), (255, 255, 255)} <= shown  # bars, and numbers on black


def test_the_paper_is_large_enough_in_a_low_window(on_the_page):
    paper = on_the_page(viewport={"width": 1000, "height": 400})
    assert paper.paper.bounding_box()["width"] >= 200


def test_without_its_networks_the_page_says_what_to_do(new_page, tmp_path):
    alone = tmp_path / "draw.html"
    source = re.sub(r'<script src="[^"]*"></script>', "", PAGE.read_text("utf-8"))
    alone.write_text(source, "utf-8")
    page = new_page()
    page.goto(alone.as_uri())
    said = page.get_by_text("The networks are missing: expected them in ../site/")
    playwright.sync_api.expect(said).to_be_visible()


@pytest.mark.parametrize(
    "shape, names",
    [((14, 40), list("0123456789")), ((8, 8), [letter * 40 for letter in "abc"])],
    ids=["wide pictures", "long names"],
)
def test_pictures_and_names_of_any_size_fit(shape, names, new_page, tmp_path):
    model = dense([9], num_classes=len(names), image_shape=shape)
    images = np.random.default_rng(0).random((len(names), *shape))
    data = playground.page({"dense": playground.network(model)}, images, names)
    (tmp_path / "networks.js").write_text(f"window.playground = {json.dumps(data)};")
    markup = playground.markup("networks.js")
    (tmp_path / "page.html").write_text(f"<!DOCTYPE html><meta charset='utf-8'>{markup}", "utf-8")
    page = new_page(viewport={"width": 320, "height": 900})
    page.goto((tmp_path / "page.html").as_uri())
    paper = Paper(page)
    before = paper.paper.bounding_box()
    paper.stroke([[0.3, 0.2], [0.6, 0.8]])
    captions = paper.root.locator("figcaption", has_text="with label")
    playwright.sync_api.expect(captions).to_have_count(2)
    assert paper.paper.bounding_box() == before
    wide, wanted = page.evaluate(
        "[document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert wide <= wanted
    reach = paper.root.get_by_label("move right").get_attribute("max")
    assert int(reach) == round(6 * min(shape) / 28)


def test_one_draws_in_a_notebook(open_notebook, few_digits):
    """…with the networks that it trained, of which only the cells that they need are run."""
    path = FOLDER / "12_playground.ipynb"
    stored = nbformat.read(path, as_version=4)
    opened = open_notebook(path)
    code = [i for i, cell in enumerate(stored.cells) if cell.cell_type == "code"]
    (asked,) = [i for i in code if "parameters" in stored.cells[i].metadata.get("tags", [])]
    less = f"dataset, epochs, batch_size = {str(few_digits)!r}, 30, 50"
    opened.write(asked, f"{stored.cells[asked].source}\n{less}")
    (trained,) = [i for i in code if stored.cells[i].source.startswith("networks = {")]
    (shown,) = [i for i in code if "playground.show(" in stored.cells[i].source]
    for place in [*(i for i in code if i <= trained), shown]:
        assert "Run this cell in JupyterLab" not in opened.run(place)
    opened.ask("panel.content.scrollToItem(argument, 'start')", shown)
    paper = Paper(opened.page)
    for digit in ("1", "0"):
        paper.draw(digit)
        paper.says(digit)
    for theme in ("dark", "light"):
        opened.theme(theme)
        paper.root.screenshot(path=SCREENSHOTS / f"notebook {theme}.png")
