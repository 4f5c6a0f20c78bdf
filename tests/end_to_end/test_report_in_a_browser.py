"""The HTML report in a real browser: filters, no requests, no script, a phone, a dark room."""

import json
import os
import shutil
from collections import Counter

import pytest

from tests.render.example_report import example_report

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="chromium or chromedriver is missing"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    return example_report().save(tmp_path_factory.mktemp("report") / "report.html").as_uri()


@pytest.fixture
def page(browser, address):
    browser.get_log("browser")
    browser.get_log("performance")
    browser.get("about:blank")
    browser.get(address)
    yield browser
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def find(page, selector):
    return page.find_elements("css selector", selector)


def shown(page):
    """Give the codes of the findings that are on display."""
    findings = [part for part in find(page, ".finding") if part.is_displayed()]
    return [part.find_element("css selector", "summary .code").text for part in findings]


def press(page, state):
    page.find_element("css selector", f"[data-show={state}]").click()


def emulate(page, **features):
    values = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": values})


def test_a_verdict_shows_its_findings_and_shows_all_when_pressed_again(page):
    expected = Counter(f.key for f in example_report().findings if f.verdict == "fail")
    press(page, "fail")
    assert Counter(shown(page)) == expected
    assert page.find_element("id", "shown").text == "2 of 14 findings shown"
    press(page, "fail")
    assert len(shown(page)) == len(example_report().findings)


def test_two_verdicts_add_up_and_a_muted_finding_is_under_neither(page):
    press(page, "fail")
    press(page, "warn")
    assert "RW-LEAK-009" not in shown(page)
    assert len(shown(page)) == 4
    press(page, "muted")
    assert "RW-LEAK-009" in shown(page)


def test_an_area_hides_the_others_with_their_headings(page):
    page.find_element("css selector", "#area-choice option[value=privacy]").click()
    assert shown(page) == ["RW-PRIV-001"]
    headings = [part.text for part in find(page, ".area > h3") if part.is_displayed()]
    assert headings == ["Privacy"]


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ("rw-leak-004", ["RW-LEAK-004"]),
        ("calibration", ["RW-CAL-001"]),
        ("near-duplicate training split", ["RW-LEAK-004"]),
        ("no such words", []),
    ],
)
def test_the_search_looks_at_code_title_and_claim(page, words, codes):
    page.find_element("id", "search").send_keys(words)
    assert shown(page) == codes


def test_a_link_of_the_summary_opens_its_finding_even_when_it_is_filtered_out(page):
    press(page, "fail")
    page.find_element("css selector", "a[href='#RW-PERF-001']").click()
    assert page.find_element("css selector", "#RW-PERF-001 .claim").is_displayed()


def test_everything_can_be_unfolded_and_folded(page):
    page.find_element("id", "toggle").click()
    assert len(find(page, ".finding[open]")) == len(example_report().findings)
    page.find_element("id", "toggle").click()
    assert not find(page, ".finding[open]")


def test_the_page_makes_no_request_and_no_error(page):
    press(page, "fail")
    page.find_element("id", "search").send_keys("rows")
    assert page.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    asked = {
        message["params"]["request"]["url"].partition("#")[0]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith(("data:", "about:"))} == {page.current_url}
    assert page.execute_script("return performance.getEntriesByType('resource').length") == 0


def test_the_page_cannot_make_a_request_even_if_it_tried(page):
    tried = """
        const done = arguments[0], image = new Image();
        image.onload = () => done("loaded");
        image.onerror = () => done("refused");
        image.src = "file:///etc/hostname";
    """
    page.set_script_timeout(10)
    blocked = "document.addEventListener('securitypolicyviolation', () => window.blocked = true);"
    page.execute_script(blocked)
    assert page.execute_async_script(tried) == "refused"
    assert page.execute_script("return window.blocked") is True


def test_without_javascript_every_finding_can_be_read(browser, address, page):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get(address)
    assert not any(part.is_displayed() for part in find(browser, ".tools"))
    findings = find(browser, ".finding")
    assert len(findings) == len(example_report().findings)
    for part in findings:
        if part.get_attribute("open") is None:
            part.find_element("css selector", "summary").click()
        assert part.find_element("css selector", ".claim").is_displayed()


@pytest.mark.parametrize("width", [390, 320])
def test_a_phone_scrolls_in_one_direction_only(page, width):
    size = {"width": width, "height": 844, "deviceScaleFactor": 2, "mobile": True}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    page.find_element("id", "toggle").click()
    assert page.execute_script("return document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_what_is_behind_it(page, scheme):
    """WCAG 2.1 AA, 1.4.3: a contrast of 4.5, or of 3 for large letters."""
    emulate(page, prefers_color_scheme=scheme)
    page.find_element("id", "toggle").click()
    assert page.execute_script(CONTRASTS) == []


CONTRASTS = """
const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const parse = (color) => color.match(/[\\d.]+/g).map(Number);
const bright = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
const behind = (element) => {
  for (let part = element; part; part = part.parentElement) {
    const color = parse(getComputedStyle(part).backgroundColor);
    if (color.length < 4 || color[3] === 1) return color;
  }
  return [255, 255, 255];
};
const poor = [];
for (const element of document.body.querySelectorAll("*")) {
  const words = [...element.childNodes].filter((n) => n.nodeType === 3 && n.data.trim());
  if (!words.length || !element.checkVisibility() || element.closest("script, style")) continue;
  const style = getComputedStyle(element);
  const front = parse(element.closest("svg") ? style.fill : style.color);
  const [a, b] = [bright(front), bright(behind(element))].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize), isBold = parseInt(style.fontWeight) >= 700;
  const least = size >= 24 || (size >= 18.66 && isBold) ? 3 : 4.5;
  if ((a + 0.05) / (b + 0.05) < least) poor.push([element.className, words[0].data, style.color]);
}
return poor;
"""


def test_print_shows_what_is_folded(page):
    page.execute_script("window.dispatchEvent(new Event('beforeprint'))")
    assert len(find(page, ".finding[open]")) == len(example_report().findings)
    page.execute_script("window.dispatchEvent(new Event('afterprint'))")
    assert len(find(page, ".finding[open]")) < len(example_report().findings)


def test_a_keyboard_reaches_the_findings_first(page):
    skip = page.find_element("css selector", ".skip")
    page.execute_script("arguments[0].focus()", skip)
    skip.click()
    assert page.execute_script("return document.activeElement.id") == "findings"
