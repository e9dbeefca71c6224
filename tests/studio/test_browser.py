"""The studio in a real browser: Debian's Chromium, driven by Playwright.

Pixels are asserted from tiles and exported files, not from screenshots.
"""

import re
import shutil
import signal
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.extras import is_installed

if not (is_installed("uvicorn") and is_installed("httpx") and is_installed("playwright")):
    pytest.skip("needs uvicorn, httpx and playwright", allow_module_level=True)

from playwright.sync_api import expect, sync_playwright

from hyperfocal.studio import vendor
from tests.studio.served import Served, write_shoot

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    pytest.skip("there is no chromium (apt-get install chromium)", allow_module_level=True)
if not vendor.FILES["openseadragon.js"].is_file():
    pytest.skip("the studio's viewer is not there (npm ci)", allow_module_level=True)

pytestmark = pytest.mark.slow
AXE = Path(vendor.__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
WAIT = 30_000  # ms
expect.set_options(timeout=WAIT)
MARKUP = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def chromium():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Opens pages whose errors fail the test."""
    contexts, troubles = [], []

    def page(studio, *, width=1440, height=900, **more):
        context = chromium.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        made = context.new_page()
        made.set_default_timeout(WAIT)
        made.on("pageerror", lambda error: troubles.append(str(error)))
        made.on("dialog", lambda dialog: troubles.append(f"dialog {dialog.message}"))
        made.on("console", lambda said: "Policy" in said.text and troubles.append(said.text))
        made.goto(studio.address)
        return made

    yield page
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture(scope="module")
def shoot(tmp_path_factory):
    root = tmp_path_factory.mktemp("shoot")
    sharp = write_shoot(root, stacks=("beetle", "fly"), height=600, width=800)
    with Served(root) as served:
        served.root, served.sharp = root, sharp
        yield served


def enter(page, name):
    page.get_by_role("button", name=f"Open {name}").click()
    page.locator(".frames-list .frame").first.wait_for()


def choose(page, method):
    page.locator("#method").select_option(method)


def stack_of(page):
    return page.url.rpartition("/")[2]


def test_open_fuse_wipe_export(shoot, opened):
    page = opened(shoot)
    enter(page, "beetle")
    expect(page.locator(".frames-list .frame")).to_have_count(4)
    page.keyboard.press("ArrowDown")
    expect(page.locator(".pane-label").first).to_have_text("Frame 2 · frame_1.png")
    choose(page, "lp")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".result")).to_have_count(1)
    choose(page, "prism")
    page.locator("#fuse").click()
    expect(page.locator(".result")).to_have_count(2)
    expect(page.locator(".result.shown .result-name")).to_have_text("2 · prism")

    page.keyboard.press("w")
    divider = page.get_by_role("slider", name="Divider of the wipe")
    expect(divider).to_have_attribute("aria-valuenow", "50")
    box = divider.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    moved = int(divider.get_attribute("aria-valuenow"))
    assert moved > 60
    divider.focus()
    page.keyboard.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", str(moved - 2))
    for key, layer in (
        ("d", "difference:result-2:"),
        ("o", "decision-2"),
        ("p", "depth-2"),
    ):
        with page.expect_response(lambda answer, layer=layer: layer in answer.url) as answer:
            page.keyboard.press(key)
        assert answer.value.status == 200

    page.keyboard.press("e")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("from_browser")
    dialog.get_by_text(".png", exact=True).click()
    dialog.get_by_text("Depth map").click()
    dialog.get_by_role("button", name="Export").click()
    expect(page.get_by_text("Written:")).to_be_visible()
    exported = cv2.imread(str(shoot.root / "fused" / "from_browser.png"))
    level = shoot.get(f"/api/stacks/{stack_of(page)}").json()["levels"]
    tile = shoot.tile(stack_of(page), "result-2", level)
    assert np.array_equal(cv2.cvtColor(exported, cv2.COLOR_BGR2RGB)[:512, :512], tile)
    assert np.abs(exported.astype(int) - shoot.sharp["beetle"]).mean() < 4
    assert (shoot.root / "fused" / "from_browser_depth.tif").exists()

    page.keyboard.press("e")  # again, under the same name
    dialog.get_by_label("Name").fill("from_browser")
    dialog.get_by_text(".png", exact=True).click()
    dialog.get_by_role("button", name="Export").click()
    expect(dialog.get_by_role("alert")).to_contain_text("there already")
    dialog.get_by_role("button", name="Cancel").click()


def test_a_region_is_drawn_and_fused(shoot, opened):
    page = opened(shoot)
    enter(page, "fly")
    choose(page, "lp")
    page.get_by_role("button", name="This region only").click()
    box = page.locator(".picker").bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(middle[0] - 80, middle[1] - 60)
    page.mouse.down()
    page.mouse.move(middle[0] + 80, middle[1] + 60, steps=4)
    page.mouse.up()
    expect(page.locator(".result small")).to_contain_text("region")
    result = shoot.get(f"/api/stacks/{stack_of(page)}").json()["results"][-1]
    assert 100 < result["width"] < 240
    page.keyboard.press("Delete")
    expect(page.locator(".result")).to_have_count(0)


def test_cancel_in_the_middle_and_fuse_again(tmp_path, opened):
    write_shoot(tmp_path, stacks=("slow",), count=8, height=1200, width=1600)
    with Served(tmp_path) as studio:
        page = opened(studio)
        enter(page, "slow")
        page.locator("#fuse").click()
        expect(page.locator(".fuse p")).to_contain_text("/")  # well begun
        page.locator("#cancel-fuse").click()
        expect(page.locator("#notices")).to_contain_text("cancelled")
        expect(page.locator("#fuse")).to_be_enabled()
        expect(page.locator(".result")).to_have_count(0)
        # A page that is closed in the middle finds the result when it comes back.
        choose(page, "lp")
        page.locator("#fuse").click()
        page.locator("#cancel-fuse").wait_for()
        address = page.url
        page.close()
        again = opened(studio)
        again.goto(address)
        expect(again.locator(".result-name")).to_contain_text("lp")


def test_a_queue_and_a_restart(tmp_path, opened):
    write_shoot(tmp_path, stacks=("a", "b", "c"), count=3, height=360, width=480)
    with Served(tmp_path) as studio:
        page = opened(studio)
        page.locator(".card").nth(2).wait_for()
        page.keyboard.press("a")
        page.locator("#queue-chosen").click()
        expect(page.locator(".row")).to_have_count(3)
        expect(page.locator(".row.made").first).to_be_visible()
        studio.process.send_signal(signal.SIGKILL)
        studio.process.wait()
        expect(page.locator("body")).to_have_class("away")
        page.close()
    with Served(tmp_path) as studio:
        page = opened(studio)
        page.get_by_role("link", name="Queue").click()
        expect(page.locator(".row.made")).to_have_count(3)
        made = [cv2.imread(str(tmp_path / "fused" / f"{name}.tif")) for name in "abc"]
        assert [each.shape for each in made] == [(360, 480, 3)] * 3
        page.get_by_role("button", name="Clear what is done").click()
        expect(page.get_by_text("Nothing is waiting")).to_be_visible()


def test_two_tabs_see_the_same(shoot, opened):
    one, other = opened(shoot), opened(shoot)
    for page in (one, other):
        enter(page, "fly")
    one.get_by_role("checkbox", name="Use frame_2.png").uncheck()
    expect(other.get_by_role("checkbox", name="Use frame_2.png")).not_to_be_checked()
    other.get_by_role("checkbox", name="Use frame_2.png").check()
    expect(one.get_by_role("checkbox", name="Use frame_2.png")).to_be_checked()
    before = one.locator(".result").count()
    choose(one, "lp")
    one.locator("#fuse").click()
    for page in (one, other):
        expect(page.locator(".result")).to_have_count(before + 1)
        expect(page.locator("#fuse")).to_be_enabled()


def test_names_are_never_markup(tmp_path, opened):
    write_shoot(tmp_path, stacks=(MARKUP,))
    folder = tmp_path / MARKUP
    for path in list(folder.iterdir()):
        path.rename(path.with_name(f"<b onclick=alert(2)>{path.name}"))
    with Served(tmp_path) as studio:
        page = opened(studio)
        expect(page.locator(".card-name")).to_have_text(MARKUP)
        page.locator(".card .open").click()
        expect(page.locator(".frame-name").first).to_contain_text("<b onclick")
        choose(page, "lp")
        page.locator("#fuse").click()
        expect(page.locator(".result")).to_have_count(1)
        page.keyboard.press("e")
        page.get_by_role("dialog").get_by_role("button", name="Export").click()
        expect(page.get_by_role("alert").first).to_contain_text("no file name")
        assert page.locator("img[src=x]").count() == 0
        assert page.locator("b[onclick]").count() == 0


def test_what_goes_wrong_is_said_on_the_page(tmp_path, opened):
    write_shoot(tmp_path, height=600, width=800)
    with Served(tmp_path) as studio:
        page = opened(studio)
        enter(page, "beetle")
        shutil.move(tmp_path / "beetle", tmp_path.with_name("gone"))
        choose(page, "lp")
        page.locator("#fuse").click()
        expect(page.get_by_role("alert").first).to_contain_text(
            re.compile(r"frame_\d\.png is gone")
        )
        shutil.move(tmp_path.with_name("gone"), tmp_path / "beetle")
        page.locator("#fuse").click()
        expect(page.locator(".result")).to_have_count(1)


def test_an_empty_folder_says_what_to_do(tmp_path, opened):
    with Served(tmp_path) as studio:
        page = opened(studio)
        expect(page.get_by_text("No pictures here yet")).to_be_visible()
        write_shoot(tmp_path)
        page.get_by_role("button", name="Look again").click()
        expect(page.locator(".card")).to_have_count(1)


def test_the_keyboard_reaches_everything(shoot, opened):
    page = opened(shoot)
    page.locator(".card").first.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.className") == "open":
            break
    page.keyboard.press("Enter")
    page.locator(".frames-list .frame").first.wait_for()
    for key, frame in (("ArrowDown", 2), ("ArrowDown", 3), (",", 2), ("Shift+ArrowDown", 4)):
        page.keyboard.press(key)
        expect(page.locator(".frame.shown .frame-number")).to_have_text(str(frame))
    page.keyboard.press("k")
    expect(page.locator(".frame.shown input")).not_to_be_checked()
    page.keyboard.press("k")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.locator(".frame.shown .frame-number")).to_have_text("3")
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("g")
    expect(page.locator("#in-view")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("side by side")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_phone_reaches_everything(shoot, opened):
    page = opened(shoot, width=390, height=844, has_touch=True, is_mobile=True)
    page.get_by_role("button", name="Open beetle").tap()
    page.get_by_role("button", name="Frames", exact=True).tap()
    page.locator(".frame-open").nth(2).tap()
    expect(page.locator(".frame.shown .frame-number")).to_have_text("3")
    page.get_by_role("button", name="Recipe", exact=True).tap()
    expect(page.locator("#fuse")).to_be_visible()
    page.get_by_role("button", name="Results", exact=True).tap()
    sideways = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not sideways


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing(shoot, opened, scheme):
    if not AXE.is_file():
        pytest.skip("axe-core is not there (npm ci)")
    page = opened(shoot, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    found = []

    def look(name):
        page.add_script_tag(path=AXE)
        answer = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        for each in answer["violations"]:
            nodes = " ".join(node["html"][:100] for node in each["nodes"][:3])
            found.append(f"{name}: {each['id']} ({each['help']}): {nodes}")

    page.locator(".card").first.wait_for()
    page.keyboard.press("a")
    look("shoot")
    enter(page, "beetle")
    choose(page, "prism")
    page.locator("#fuse").click()
    page.locator("#fuse").wait_for()
    page.locator(".result").first.wait_for()
    look("stack")
    page.locator(".recipe summary").click()
    page.keyboard.press("w")
    look("wipe")
    page.keyboard.press("e")
    page.get_by_role("dialog").wait_for()
    look("export")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    look("keys")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Queue").click()
    page.get_by_role("heading", name="Queue").wait_for()
    look("queue")
    assert found == [], "\n".join(found)
