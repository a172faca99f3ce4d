"""A report in a real browser: it draws, turns, sorts, fits a phone, and asks no one."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import (
    Camera,
    Protocol,
    Scorer,
    compare_image,
    footer_lines,
    identity_lines,
)
from jaxdepth.evaluation.report import (
    REPORT_IMAGES,
    Collector,
    Figure,
    Series,
    line_chart,
    render_report,
)
from tests.browser import chromium

COUNT = 24
LONG = "Global + local nets w/o joint training (Kim et al. 2018, Table II)"
CANVAS = "document.getElementById('cloud')"


def pixels_of(page) -> np.ndarray:
    """RGBA of the canvas, once it has drawn what it was asked for."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    picture = page.evaluate(f"{CANVAS}.toDataURL('image/png')")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(picture.partition(",")[2]))))


def column(page, index: int) -> list[str]:
    return page.eval_on_selector_all(
        "#image-table tbody tr", f"rows => rows.map(row => row.cells[{index}].textContent)"
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page's file, and the collector it was made from."""
    rng = np.random.default_rng(0)
    collector, scorer = Collector("rmse"), Scorer(Protocol(), edges=True)
    target = np.linspace(1, 4, 40)[:, None] + np.zeros((40, 60))
    target[10:30, 20:35] = 0.8
    photo = rng.integers(0, 256, (40, 60, 3), np.uint8)
    for i in range(COUNT):
        truth = target.copy()
        truth[:, :3] = 0
        name = f"images/{i} <b>&amp;.png" if i == 3 else f"images/{i}.png"
        prediction = target + 0.05 * ((7 * i) % COUNT) - 0.3
        scorer.add(name, prediction, truth)
        compared = compare_image(Protocol(), prediction, truth, name=name)
        camera = Camera((50.0, 50.0, 29.5, 19.5))
        collector.add(scorer.images[-1], compared, photo=photo, camera=camera)
    scores = scorer.scores()
    png = io.BytesIO()
    Image.fromarray(photo).save(png, "PNG")
    page = render_report(
        collector,
        [("</script><i>model", scores.metrics), (LONG, scores.metrics)],
        [*footer_lines(scores), *identity_lines(scores)],
        title="runs/test & more",
        camera_note="Assumed.",
        curves=[line_chart([Series("training", [1, 2, 3], [3, 2, 1])], title="T", x="x", y="y")],
        studies=[Figure("iterations", png.getvalue())],
    )
    file = tmp_path_factory.mktemp("report") / "index.html"
    file.write_text(page)
    return file, collector, scores


@pytest.fixture(scope="module")
def browser():
    with chromium() as open_file:
        yield open_file


@pytest.fixture(scope="module")
def desktop(report, browser):
    return browser(report[0], width=1280, height=900)


def test_the_page_refers_to_nothing_outside_and_says_the_protocol(report):
    file, collector, scores = report
    page = file.read_text()
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "http://" not in page
    assert "https://" not in page
    assert scores.protocol.fingerprint in page
    assert "pooled over all pixels" in page
    assert "<i>model" not in page
    assert "<b>&amp;.png" not in page
    assert len(collector.shown) == REPORT_IMAGES
    assert page.count("<article") == REPORT_IMAGES
    assert page.count('alt="Prediction of ') == REPORT_IMAGES
    assert len(page) < 2e6


def test_it_loads_without_errors_and_without_the_network(desktop):
    assert desktop.page.title() == "runs/test & more – depth report"
    assert desktop.page.locator("h2").all_inner_texts() == [
        "Metrics", "Images", "Points", "Errors", "Training", "Studies of the integration",
    ]  # fmt: skip
    broken = "images => images.filter(i => !i.complete || !i.naturalWidth).length"
    assert desktop.page.eval_on_selector_all("img", broken) == 0
    assert desktop.page.eval_on_selector_all("img", "i => i.filter(i => !i.alt).length") == 0
    assert desktop.messages == []
    assert desktop.requests == []


def test_a_click_on_a_heading_sorts_best_first_and_another_the_other_way(desktop):
    for heading, first in (("RMS(lin)", 1), ("δ1", -1)):
        button = desktop.page.get_by_role("button", name=heading, exact=True)
        index = desktop.page.locator("#image-table thead button").all_inner_texts().index(heading)
        for sign in (first, -first):
            button.click()
            values = [sign * float(text) for text in column(desktop.page, index)]
            assert len(values) == COUNT
            assert len(set(values)) > 3
            assert values == sorted(values)
            sort = button.locator("..").get_attribute("aria-sort")
            assert sort == ("ascending" if sign == 1 else "descending")
    desktop.page.get_by_role("button", name="image", exact=True).press("Enter")
    assert column(desktop.page, 0)[:3] == ["0.png", "1.png", "2.png"]
    assert desktop.messages == []


def test_the_best_come_first_and_the_worst_last(desktop, report):
    _, collector, _ = report
    names = desktop.page.locator("article h4").all_inner_texts()
    ordered = sorted(collector.scored, key=lambda scored: scored[1]["rmse"])
    half = REPORT_IMAGES // 2
    expected = [name.removeprefix("images/") for name, _ in [*ordered[:half], *ordered[-half:]]]
    assert names == expected


def test_the_points_are_drawn_and_turn_by_mouse_and_keys(desktop):
    page = desktop.page
    page.locator("#cloud").scroll_into_view_if_needed()
    drawn = pixels_of(page)
    assert 0.05 < np.mean(drawn[..., 3] > 0) < 0.95
    assert len(np.unique(drawn[drawn[..., 3] > 0], axis=0)) > 1000  # the photograph's colours
    box = page.locator("#cloud").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 140, steps=3)
    page.mouse.up()
    turned = pixels_of(page)
    assert np.mean(turned != drawn) > 0.05
    page.locator("#cloud").focus()
    for key in ("ArrowLeft", "ArrowUp", "+"):
        page.keyboard.press(key)
        again = pixels_of(page)
        assert np.mean(again != turned) > 0.01, key
        turned = again
    page.get_by_label("ground truth").check()
    assert np.mean(pixels_of(page) != turned) > 0.01
    assert desktop.messages == []


def test_from_the_camera_the_photograph_is_seen_again(desktop):
    page = desktop.page
    page.get_by_label("prediction", exact=True).check()
    page.locator("#cloud").focus()
    page.keyboard.press("0")
    seen = pixels_of(page)
    rows, columns = np.nonzero(seen[..., 3])
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert width / height == pytest.approx(60 / 40, rel=0.06)
    assert height == pytest.approx(seen.shape[0], rel=0.06)


def test_an_article_shows_its_points(desktop):
    button = desktop.page.locator("article .show-points").nth(5)
    wanted = button.get_attribute("data-image")
    button.click()
    assert desktop.page.locator("#cloud-image").input_value() == wanted
    assert pixels_of(desktop.page)[..., 3].any()


def test_a_phone_needs_no_horizontal_scrolling_and_turns_by_touch(report, browser):
    phone = browser(report[0], width=390, height=844, touch=True)
    root = "document.documentElement"
    assert phone.page.evaluate(f"[{root}.scrollWidth, {root}.clientWidth]") == [390, 390]
    label = phone.page.locator("th", has_text=LONG)
    assert label.evaluate("cell => cell.scrollWidth <= cell.clientWidth")  # all of it is there
    number = label.locator("xpath=following-sibling::td[2]").bounding_box()
    assert number["x"] + number["width"] < 390
    phone.page.locator("#cloud").scroll_into_view_if_needed()
    before = pixels_of(phone.page)
    box = phone.page.locator("#cloud").bounding_box()
    x, y = box["x"] + 100, box["y"] + 100
    session = phone.page.context.new_cdp_session(phone.page)
    for kind, points in (
        ("touchStart", [{"x": x, "y": y}]),
        ("touchMove", [{"x": x + 60, "y": y}]),
        ("touchMove", [{"x": x + 120, "y": y}]),
        ("touchEnd", []),
    ):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert np.mean(pixels_of(phone.page) != before) > 0.02
    assert phone.messages == []
    assert phone.requests == []


def test_without_camera_or_photograph_it_has_no_points():
    collector, scorer = Collector(), Scorer(Protocol())
    depth = np.full((9, 12), 2.0)
    scorer.add("one", depth, depth)  # without error, and of one depth
    collector.add(scorer.images[-1], compare_image(Protocol(), depth, depth, name="one"))
    page = render_report(collector, [("p", scorer.scores().metrics)], [], title="t")
    assert 'id="cloud"' not in page
    assert "cloud-data" not in page
    assert 'alt="Image of' not in page


def test_an_empty_report_and_an_unknown_metric_are_refused():
    with pytest.raises(DataError, match="one image or more"):
        render_report(Collector(), [], [], title="t")
    with pytest.raises(ConfigError, match="got 'beauty'"):
        Collector("beauty")
