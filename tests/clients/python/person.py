"""A person with a browser without scripts: keeps cookies, fills in forms, presses buttons."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import requests


class Forms(HTMLParser):
    """The forms of a page: where each goes, its hidden fields, and the ids inside."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "form":
            self.found.append({"action": attrs.get("action"), "fields": {}, "ids": set()})
        if not self.found:
            return
        form = self.found[-1]
        if "id" in attrs:
            form["ids"].add(attrs["id"])
        if tag == "input" and (attrs.get("type") == "hidden" or attrs.get("name") == "user_code"):
            form["fields"][attrs["name"]] = attrs.get("value", "")


class Person:
    def __init__(self, stage):
        self.stage = stage
        self.http = requests.Session()
        self.http.trust_env = False

    def _open(self, url, form=None):
        """Goes on until a page shows, or the browser is sent to an app: then its address."""
        send = self.http.get if form is None else self.http.post
        page = send(url, data=form, allow_redirects=False, timeout=20)
        for _ in range(8):
            refresh = page.headers.get("refresh", "").partition("url=")[2]
            to = page.headers.get("location") or refresh
            if not to:
                return None, page
            url = urljoin(page.url, to)
            if urlsplit(url).netloc != urlsplit(self.stage["issuer"]).netloc:
                return url, page
            page = self.http.get(url, allow_redirects=False, timeout=20)
        raise RuntimeError(f"redirects go round in circles: {page.url}")

    def _press(self, page, button, fields):
        for form in Forms(page.text).found:
            if button in form["ids"]:
                return self._open(urljoin(page.url, form["action"]), form["fields"] | fields)
        raise RuntimeError(f"no {button} at {page.url}: {page.status_code} {page.text}")

    def answer(self, url, decision="allow"):
        """Signs in and decides where that is asked for, and ends at the app."""
        away, page = self._open(url)
        user = self.stage["user"]
        if away is None and 'id="login-submit"' in page.text:
            fields = {"username": user["username"], "password": user["password"]}
            away, page = self._press(page, "login-submit", fields)
        if away is None and 'id="consent-allow"' in page.text:
            away, page = self._press(page, "consent-allow", {"decision": decision})
        if away is None:
            raise RuntimeError(f"stuck at {page.url}: {page.status_code} {page.text}")
        return away

    def connect(self, url, decision="allow"):
        """Sends the code that is filled in, and decides; gives the page that says how it ended."""
        _, page = self._open(url)
        _, page = self._press(page, "device-submit", {})
        user = self.stage["user"]
        if 'id="login-submit"' in page.text:
            fields = {"username": user["username"], "password": user["password"]}
            _, page = self._press(page, "login-submit", fields)
        _, page = self._press(page, "consent-allow", {"decision": decision})
        return page.text
