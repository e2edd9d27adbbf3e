"""The built site, as it lies in its folder, without a server: `make book` before."""

import gzip
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

import pytest
from exercises import FOLDER

import ffhelpers

BOOK = FOLDER.parent / "runs" / "book"
PAGES = sorted(
    path.relative_to(BOOK) for path in BOOK.rglob("*.html") if "_static" not in path.parts
)
LESSONS = [path for path in PAGES if path.parent.name == "notebooks"]
SCREENS = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
SCREENSHOTS = FOLDER.parent / "runs" / "screenshots" / "site"


class Links(HTMLParser):
    """Of a page: where it links to, what it loads, and the places in it."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loaded, self.places = [], [], set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.places |= {attributes.get("id"), attributes.get("name")}
        self.links += [attributes["href"]] if tag == "a" and "href" in attributes else []
        loads = {"link": "href", "img": "src", "script": "src"}.get(tag)
        self.loaded += [attributes[loads]] if loads in attributes else []


@pytest.fixture(scope="module")
def links():
    return {path: Links(BOOK / path) for path in PAGES}


def local(page, address):
    """The file and the place in it that an address on a page leads to; (None, "") for elsewhere."""
    parts = urllib.parse.urlsplit(address)
    if parts.scheme or parts.netloc:
        return None, ""
    path = urllib.parse.unquote(parts.path)
    return ((BOOK / page).parent / path).resolve() if path else BOOK / page, parts.fragment


def sent(path):
    return len(gzip.compress(path.read_bytes()))


def test_every_lesson_is_there():
    assert [path.stem for path in LESSONS] == [
        path.stem for path in sorted(FOLDER.glob("*.ipynb"))
    ]
    assert Path("index.html") in PAGES


def test_all_that_the_package_offers_is_described(links):
    (found,) = [links[path] for path in PAGES if path.stem == "api"]
    described = {str(place).removeprefix("module-") for place in found.places}
    assert {f"ffhelpers.{name}" for name in ffhelpers.__all__} - described == set()


def test_links_lead_somewhere(links):
    for page, found in links.items():
        for address in found.links:
            path, place = local(page, address)
            if path:
                assert path.is_file(), f"{page}: {address}"
            if path and place and path.suffix == ".html":
                target = links[path.relative_to(BOOK.resolve())]
                assert urllib.parse.unquote(place) in target.places, f"{page}: {address}"


def test_pages_are_small_and_load_nothing_from_elsewhere(links):
    for page, found in links.items():
        files = {local(page, address)[0] for address in found.loaded}
        assert None not in files, page
        own = [BOOK / page, *(path for path in files if "_images" in path.parts)]
        assert sum(path.stat().st_size for path in own) < 3_000_000, page
        # With the scripts that all pages share, as a server sends them.
        assert sum(map(sent, files | {BOOK / page})) < 3_000_000, page


@pytest.mark.parametrize("screen", SCREENS)
def test_pages_fit_and_are_whole(screen, new_page):
    page = new_page(viewport=SCREENS[screen])
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    for path in PAGES:
        page.goto((BOOK / path).as_uri())
        page.wait_for_function(
            "[...document.querySelectorAll('.math')].every(e => e.querySelector('mjx-container'))"
        )
        assert page.evaluate("[...document.images].every(i => i.naturalWidth)"), path
        assert page.locator("mjx-merror, [data-mml-node=merror]").count() == 0, path
        wide, wanted = page.evaluate(
            "[document.scrollingElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= wanted, f"{path} scrolls sideways on a {screen}"
        search = page.locator(
            ".search-button:visible, .search-button-field:visible, input[type=search]:visible"
        )
        assert search.count(), path
        name = path.with_suffix("").as_posix().replace("/", " ")
        page.screenshot(path=SCREENSHOTS / f"{name} {screen}.png")


def test_search_finds_a_word(new_page):
    page = new_page()
    page.goto((BOOK / "index.html").as_uri())
    page.keyboard.press("Control+k")
    page.keyboard.type("hybrid")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=hybrid*")
    page.locator("#search-results li").first.wait_for()
    assert page.locator("#search-results li a[href*='08_unsupervised']").count()


def test_it_has_a_dark_side(new_page):
    page = new_page(color_scheme="dark")
    page.goto((BOOK / LESSONS[2]).as_uri())
    ground = "getComputedStyle(document.body).backgroundColor"
    assert max(map(int, page.evaluate(ground).removeprefix("rgb(").rstrip(")").split(","))) < 60
    page.screenshot(path=SCREENSHOTS / "dark.png")


def test_solutions_are_folded_until_asked_for(new_page):
    page = new_page()
    for path in LESSONS:
        page.goto((BOOK / path).as_uri())
        for folded in page.locator("details").all():
            inner = folded.locator("summary ~ *").first
            assert not inner.is_visible()
            folded.locator("summary").click()
            assert inner.is_visible()
