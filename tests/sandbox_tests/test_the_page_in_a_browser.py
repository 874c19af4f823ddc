"""The admin, the stand-in of the SDK and an app's page, together in a real browser. Source: contract §8.6."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.sandbox import Sandbox

pytestmark = pytest.mark.browser
HERE = "/admin/1003/apps/demo-app"
INIT = "EcwidApp.init({app_id: 'demo-app', autoloadedflag: true, autoheight: false});"
SHOW = "function show(value) { document.getElementById('out').textContent = JSON.stringify(value); }"


@contextmanager
def page_of_an_app(sandbox: Sandbox, script: str, style: str = "") -> Iterator[None]:
    """Serve a native page with a script on another origin, and register it."""
    text = f"""<!doctype html><style>{style}</style><h1>The app</h1><p id="out"></p>
        <script src="{sandbox.origin}/ecwid-app.js"></script><script>{SHOW}{script}</script>"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/native/"
        sandbox.add_app("demo-app", kind="native", iframe_url=url, scopes=("read_store_profile", "add_to_cp"))
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def page(browser_program: Browser) -> Iterator[Page]:
    """A fresh page; an error in any script of it fails the test."""
    errors: list[str] = []
    one = browser_program.new_page()
    one.on("pageerror", lambda error: errors.append(str(error)))
    yield one
    one.close()
    assert errors == []


def inside(page: Page) -> FrameLocator:
    return page.frame_locator("#app")


def test_a_page_that_calls_init_is_shown(sandbox: Sandbox, page: Page) -> None:
    with page_of_an_app(sandbox, INIT):
        page.goto(sandbox.origin + HERE)

        expect(page.locator("#state")).to_have_text("The page is loaded.")
        expect(inside(page).locator("h1")).to_be_visible()


@pytest.mark.parametrize("script", ["", "EcwidApp.init({app_id: 'demo-app', autoloadedflag: false});"])
def test_a_page_without_init_or_ready_is_an_error_in_time(sandbox: Sandbox, page: Page, script: str) -> None:
    sandbox.switches.native_init_seconds = 0.3
    with page_of_an_app(sandbox, script):
        page.goto(sandbox.origin + HERE)

        expect(page.locator("#state")).to_contain_text("did not call EcwidApp.init and ready in time")
        expect(page.locator("#app")).to_be_hidden()


def test_a_page_may_say_later_that_it_is_ready(sandbox: Sandbox, page: Page) -> None:
    late = "EcwidApp.init({app_id: 'demo-app', autoloadedflag: false}); setTimeout(EcwidApp.ready, 100);"
    with page_of_an_app(sandbox, late):
        page.goto(sandbox.origin + HERE)

        expect(page.locator("#state")).to_have_text("The page is loaded.")


def test_another_apps_id_is_not_heard(sandbox: Sandbox, page: Page) -> None:
    sandbox.switches.native_init_seconds = 0.3
    with page_of_an_app(sandbox, INIT.replace("demo-app", "other")):
        page.goto(sandbox.origin + HERE)

        expect(page.locator("#app")).to_be_hidden()


def test_a_frame_that_went_to_another_origin_is_not_heard(sandbox: Sandbox, page: Page) -> None:
    sandbox.switches.native_init_seconds = 1.0
    leave = "if (location.hostname === '127.0.0.1') { location.hostname = 'localhost'; } else { %s }"
    with page_of_an_app(sandbox, leave % INIT):
        page.goto(sandbox.origin + HERE)

        expect(page.locator("#app")).to_be_hidden()
        assert page.frames[1].url.startswith("http://localhost:")


@pytest.mark.parametrize(("mode", "shown"), [("fragment", '"store_id":1003'), ("query", "null")])
def test_the_payload_is_read_from_the_fragment_only(sandbox: Sandbox, page: Page, mode: str, shown: str) -> None:
    with page_of_an_app(sandbox, INIT + "show(EcwidApp.getPayload() || null);"):
        page.goto(f"{sandbox.origin}{HERE}?mode={mode}&app_state=%C3%A9")

        expect(inside(page).locator("#out")).to_contain_text(shown)


def test_the_storage_is_written_and_read_through_the_admin(sandbox: Sandbox, page: Page) -> None:
    script = (
        "EcwidApp.setAppStorage({config: 'ü'}, () => EcwidApp.setAppPublicConfig('2', () =>"
        "EcwidApp.getAppStorage((all) => EcwidApp.getAppPublicConfig((open) =>"
        "EcwidApp.getAppStorage('config', (one) => EcwidApp.getAppStorage('no', (none) =>"
        "show([all, open, one, none])))))));"
    )
    with page_of_an_app(sandbox, INIT + script):
        page.goto(sandbox.origin + HERE)

        everything = '[{"key":"config","value":"ü"},{"key":"public","value":"2"}]'
        expect(inside(page).locator("#out")).to_have_text(f'[{everything},"2","ü",null]')
    assert sandbox.stores[1003].storage["demo-app"] == {"config": "ü", "public": "2"}


def test_a_write_that_the_storage_refuses_fails(sandbox: Sandbox, page: Page) -> None:
    script = "EcwidApp.setAppPublicConfig('x'.repeat(300000), () => show('kept'), () => show('failed'));"
    with page_of_an_app(sandbox, INIT + script):
        page.goto(sandbox.origin + HERE)

        expect(inside(page).locator("#out")).to_have_text('"failed"')


def test_the_frame_takes_the_height_that_the_page_asks_for(sandbox: Sandbox, page: Page) -> None:
    with page_of_an_app(sandbox, INIT + "EcwidApp.setSize({height: 801});"):
        page.goto(sandbox.origin + HERE)

        expect(page.locator("#app")).to_have_css("height", "801px")


def test_the_frame_follows_the_page_with_autoheight(sandbox: Sandbox, page: Page) -> None:
    grow = "setTimeout(() => { document.getElementById('out').style.height = '1500px'; }, 100);"
    with page_of_an_app(sandbox, INIT.replace("autoheight: false", "autoheight: true") + grow):
        page.goto(sandbox.origin + HERE)

        page.wait_for_function("document.getElementById('app').offsetHeight > 1500")


def test_what_the_page_asks_of_the_admin_is_written_down(sandbox: Sandbox, page: Page) -> None:
    script = (
        "EcwidApp.openPage('<b>orders</b>'); EcwidApp.sendUserToUpgrade(['API', 'PREMIUM']);EcwidApp.closeAppPopup();"
    )
    with page_of_an_app(sandbox, INIT + script):
        page.goto(sandbox.origin + HERE)

        lines = page.locator("#log li")
        expect(lines).to_have_count(3)
        expect(lines.nth(0)).to_contain_text("openPage: the admin would show its page “<b>orders</b>”.")
        expect(lines.nth(1)).to_contain_text("API, PREMIUM")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_the_window(sandbox: Sandbox, page: Page, width: int) -> None:
    with page_of_an_app(sandbox, INIT):
        page.set_viewport_size({"width": width, "height": 800})
        for path in (HERE, "/", "/my-apps", "/stores", "/stores/1009", "/events", "/mailbox", "/switches"):
            page.goto(sandbox.origin + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
