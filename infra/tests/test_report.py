"""Whether the audit's page does in a real browser what it says: `python3 test_report.py PAGE.html`.

The page is one that `poolwarden audit --format html` wrote of an estate in which somebody is called HOSTILE. Needs
Chromium, and what infra/tests/requirements.txt lists.
"""

from __future__ import annotations

import shutil
import sys
import unittest
from pathlib import Path

from playwright.sync_api import sync_playwright

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
VISIBLE = "[data-finding]:not([hidden])"


class Report(unittest.TestCase):
    page_path: Path

    @classmethod
    def setUpClass(cls):
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        assert program, "Chromium is not installed"
        cls.playwright = sync_playwright().start()
        cls.browser = cls.playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.playwright.stop()

    def setUp(self):
        self.said, self.asked = [], []
        self.page = self.browser.new_page()
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(self.page_path.resolve().as_uri())

    def tearDown(self):
        self.page.close()

    def shown(self) -> int:
        return self.page.locator(VISIBLE).count()

    def test_nothing_is_complained_of_and_nothing_fetched(self):
        self.assertEqual([], self.said)
        fetched = [url for url in self.asked if not url.startswith(("file:", "data:"))]
        self.assertEqual([], fetched)

    def test_the_search_leaves_what_fits(self):
        everything = self.shown()
        self.assertGreater(everything, 3)
        self.page.fill("#search", "R19")
        some = self.shown()
        self.assertTrue(0 < some < everything, f"{some} of {everything}")
        for text in self.page.locator(VISIBLE).all_text_contents():
            self.assertIn("R19", text)
        self.assertEqual(str(some), self.page.text_content("#shown"))
        self.page.fill("#search", "no finding says this")
        self.assertEqual(0, self.shown())
        self.page.fill("#search", "")
        self.assertEqual(everything, self.shown())

    def test_severities_are_shown_and_hidden(self):
        everything = self.shown()
        critical = self.page.locator("[data-finding][data-severity=critical]").count()
        self.assertTrue(0 < critical < everything, f"{critical} of {everything}")
        self.page.uncheck("input[data-severity=critical]")
        self.assertEqual(everything - critical, self.shown())
        self.page.check("input[data-severity=critical]")
        self.assertEqual(everything, self.shown())

    def test_one_host_pool_is_shown_by_itself(self):
        everything = self.shown()
        pool = self.page.locator("#pool option").nth(1).get_attribute("value")
        self.page.select_option("#pool", pool)
        self.assertLess(self.shown(), everything)
        for line in self.page.locator("tr[data-access]:not([hidden])").all():
            self.assertEqual(pool, line.get_attribute("data-access"))
        self.assertGreater(self.page.locator("tr[data-access]:not([hidden])").count(), 0)

    def test_a_hostile_name_is_text(self):
        self.assertIn(HOSTILE, self.page.text_content("body"))
        self.assertTrue(self.page.title().startswith("Access audit of "), self.page.title())
        self.assertEqual(0, self.page.locator("img").count())
        self.assertEqual(1, self.page.locator("script").count())

    def test_injected_script_would_not_run(self):
        """The page's own policy holds even if something got in."""
        self.page.evaluate(
            """() => { const made = document.createElement("script"); made.textContent = "document.title = 'owned'";
                       document.body.append(made); }"""
        )
        self.assertTrue(self.page.title().startswith("Access audit of "), self.page.title())

    def test_everything_is_open_on_paper(self):
        self.assertEqual(0, self.page.locator("details[open]").count())
        self.page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(self.page.locator("details").count(), self.page.locator("details[open]").count())


if __name__ == "__main__":
    Report.page_path = Path(sys.argv[1])
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Report)
    result = unittest.TextTestRunner(verbosity=1).run(suite)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed} passed, {failed} failed")
    sys.exit(0 if result.wasSuccessful() and result.testsRun > 0 else 1)
