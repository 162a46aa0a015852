#!/usr/bin/env python3
"""Takes the pictures of the live page in docs/images, of a real server under traffic.

usage: screenshots.py FOLDER
"""

import os
import random
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "http"), str(Path(__file__).parent)]

from chromium import PATIENCE_MS, chromium
from flow import Flow, transactions
from png import shrink
from reader import wait_for_rows
from server import Server

RATE = 300  # requests a second
POINTS = 25  # of each chart, before the pictures are taken
SIZE_MAX = 200_000  # bytes of a picture
DESKTOP, PHONE = {"width": 1120, "height": 1000}, {"width": 360, "height": 780}
PICTURES = {
    "live-light.png": {"viewport": DESKTOP, "color_scheme": "light"},
    "live-dark.png": {"viewport": DESKTOP, "color_scheme": "dark"},
    "live-phone.png": {"viewport": PHONE, "color_scheme": "light", "is_mobile": True,
                       "has_touch": True},
}


def open_page(browser, url, options):
    page = browser.new_context(locale="en-GB", timezone_id="UTC", **options).new_page()
    page.goto(url)
    page.wait_for_selector("#field-tx_amount", timeout=PATIENCE_MS)
    return page


def has_points(page, count):
    wait_for_rows(page, "requests", count)
    page.locator("#chart-requests details summary").click()


def score(page):
    """Of a terminal at which there was fraud; what was filled in stays in the closed part."""
    page.locator("#more summary").click()
    page.locator("#field-terminal_id_risk_7day_window").fill("0.4")
    page.locator("#field-terminal_id_risk_30day_window").fill("0.3")
    page.locator("#more summary").click()
    page.locator("#field-tx_amount").fill("190.5")
    page.get_by_role("button", name="Score it").click()
    page.wait_for_selector("#reasons tbody tr", timeout=PATIENCE_MS)


def take(page, is_phone):
    if is_phone:
        page.locator("#result").evaluate("section => section.scrollIntoView()")
    else:
        page.evaluate("scrollTo(0, 0)")
    return page.screenshot(full_page=not is_phone, animations="disabled")


def write(path, picture):
    path.write_bytes(shrink(picture))
    assert path.stat().st_size < SIZE_MAX, f"{path}: {path.stat().st_size} bytes"


def traffic(url):
    """Uneven, as real traffic is, with some requests that break the contract."""
    requests = transactions(20_000)
    chance = random.Random(8)
    mixed = [{} if chance.random() < 0.02 else request for request in requests]
    return Flow(url, mixed, RATE)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rowan-page-") as place:
        os.chmod(place, 0o755)
        with Server(Path(place) / "server", REPLICA_ID="tasks10-1") as server, \
                traffic(server.url), chromium() as browser:
            pages = {name: open_page(browser, server.url, options)
                     for name, options in PICTURES.items()}
            pictures = {}
            for name, page in pages.items():
                has_points(page, POINTS)
                score(page)
                pictures[name] = take(page, "phone" in name)
    for name, picture in pictures.items():  # without the traffic: it takes a while
        write(folder / name, picture)


if __name__ == "__main__":
    main()
