"""A digit to draw: the module's numbers against `predict`, and real drawings on the site and in a notebook."""

import base64

import nbformat
import numpy as np
import playwright.sync_api
import pytest
from exercises import FOLDER
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

    def draw(self, digit):
        self.root.get_by_role("button", name="Clear").click()
        self.paper.scroll_into_view_if_needed()
        for stroke in STROKES[digit]:
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
    fooled = paper.root.get_by_text("Of the wrong labels")
    votes = np.array(paper.bars(), float).reshape(10, -1)[:, -1]
    votes[4] = -1
    playwright.sync_api.expect(fooled).to_contain_text(f"Of the wrong labels {votes.argmax()} has")
    paper.choose("it shows", "0")  # then 4 is a wrong label
    playwright.sync_api.expect(fooled).to_contain_text("Of the wrong labels 4 has")
    paper.root.get_by_role("button", name="Keep this drawing").click()
    paper.draw("0")
    paper.says("0")
    both = paper.root.locator("table").last
    kept, hybrid, now = np.array(both.locator("td").all_inner_texts(), float).reshape(10, 3).T
    assert kept.argmax() == 4 and now.argmax() == 0 and hybrid.max() < max(kept.max(), now.max())
    before = both.text_content()
    paper.root.get_by_role("button", name="Another mask").click()
    playwright.sync_api.expect(both).not_to_have_text(before)


def test_one_draws_in_a_notebook(open_notebook, few_digits):
    """…with the networks that it trained, of which only the cells that they need are run."""
    name = "12_playground.ipynb"
    stored = nbformat.read(FOLDER / name, as_version=4)
    opened = open_notebook(name)
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
