"""A real Chromium shows the phone's page: pushes are approved and denied there, and codes are read."""

import os
import pathlib
import shutil
import re
import sys
import tempfile

import requests
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from simulator import PATIENCE, Simulator, run

SCENARIO = """
[[user]]
name = "alice@example.com"
password = "correct horse"
challenges = [["UP"], ["OTP"]]
number_matching = true

[[user]]
name = "bob@example.com"
password = "battery staple"
challenges = [["UP"], ["OTP", "SMS", "EMAIL", "PF"]]

[[user]]
name = "carol@example.org"
federated = "pin"
"""


class Login:
    """As little of a client as the page needs."""

    def __init__(self, simulator, user, password):
        self.simulator = simulator
        self.package = self.call("StartAuthentication", {"User": user, "Version": "1.0"})["Result"]
        if password:
            reply = self.advance("UP", "Answer", password)
            assert reply["Result"]["Summary"] == "StartNextChallenge", reply

    def call(self, name, body, headers=None):
        url = f"{self.simulator.url}/Security/{name}"
        return requests.post(url, json=body, headers=headers, verify=self.simulator.ca, timeout=PATIENCE).json()

    def advance(self, mechanism, action, answer=""):
        all_of_them = [one for challenge in self.package["Challenges"] for one in challenge["Mechanisms"]]
        [chosen] = [one["MechanismId"] for one in all_of_them if one["Name"] == mechanism]
        session = self.package["SessionId"]
        body = {"SessionId": session, "MechanismId": chosen, "Action": action, "Answer": answer}
        return self.call("AdvanceAuthentication", body)

    def summary(self, *arguments):
        return self.advance(*arguments)["Result"]["Summary"]


def chromium(profile):
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        sys.exit("phone_page: install the packages chromium and chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    switches = ["--headless=new", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=600,1400"]
    switches += [f"--user-data-dir={profile}"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    for switch in switches:
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


class Page:
    """The phone's page as a person sees it."""

    def __init__(self, browser):
        self.browser = browser

    def wait(self, look):
        return WebDriverWait(self.browser, PATIENCE, poll_frequency=0.05).until(lambda _: look())

    def card(self, number):
        """The card of a message, once it is there."""
        return self.wait(lambda: next(iter(self.browser.find_elements(By.ID, f"message-{number}")), None))

    def text(self, number, selector):
        return self.card(number).find_element(By.CSS_SELECTOR, selector).text

    def click(self, number, label):
        buttons = self.card(number).find_elements(By.CSS_SELECTOR, "button, a")
        [button] = [button for button in buttons if button.is_displayed() and button.text == label]
        button.click()

    def state(self, number, expected):
        self.wait(lambda: self.text(number, ".state") == expected)

    def labels(self, number):
        buttons = self.card(number).find_elements(By.CSS_SELECTOR, "button, a")
        return [button.text for button in buttons if button.is_displayed()]


def a_person_uses_the_page():
    """push with a number approved, push denied, code read, link opened, call taken, PIN read"""
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile, Simulator(SCENARIO) as simulator:
        browser = chromium(profile)
        try:
            browser.get(simulator.phone)
            page = Page(browser)
            use(page, simulator)
            browser.save_screenshot(str(pathlib.Path(os.environ["OUT"]) / "phone_page.png"))
            complaints = [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
            assert complaints == [], complaints
        finally:
            browser.quit()


def use(page, simulator):
    page.wait(lambda: page.browser.find_element(By.ID, "status").text == "Nothing has come yet.")
    begin = page.browser.find_element(By.ID, "begin")
    assert "begin to log in" in begin.text, begin.text
    approve_a_push(page, simulator)
    assert not begin.is_displayed()
    deny_a_push(page, simulator)
    read_a_text_message(page, simulator)
    open_the_link_of_a_mail(page, simulator)
    take_a_call(page, simulator)
    read_a_pin(page, simulator)
    leave_some_waiting(page, simulator)


def approve_a_push(page, simulator):
    alice = Login(simulator, "alice@example.com", "correct horse")
    number = alice.advance("OTP", "StartOOB")["Result"]["GeneratedAuthValue"]
    assert page.text(1, ".figure") == number
    assert re.search(r"The app’s code also works: \d+\. The number on your screen must be:$", page.text(1, ".text")), page.text(1, ".text")
    assert page.text(1, ".user") == "alice@example.com"
    page.state(1, "pending")
    assert page.browser.title == "(1) Phone"
    page.click(1, "Approve")
    page.state(1, "approved")
    assert simulator.messages()[0]["state"] == "approved"
    assert alice.summary("OTP", "Poll") == "LoginSuccess"
    assert page.labels(1) == []


def deny_a_push(page, simulator):
    alice = Login(simulator, "alice@example.com", "correct horse")
    alice.advance("OTP", "StartOOB")
    page.click(2, "Deny")
    page.state(2, "denied")
    assert simulator.messages()[1]["state"] == "denied"
    assert alice.summary("OTP", "Poll") == "Failure"


def read_a_text_message(page, simulator):
    bob = Login(simulator, "bob@example.com", "battery staple")
    bob.advance("SMS", "StartOOB")
    code = page.text(3, ".figure")
    assert code == simulator.messages()[2]["code"]
    assert bob.summary("SMS", "Answer", code) == "LoginSuccess"
    page.state(3, "approved")


def open_the_link_of_a_mail(page, simulator):
    bob = Login(simulator, "bob@example.com", "battery staple")
    bob.advance("EMAIL", "StartOOB")
    page.click(4, "Open the link")
    page.state(4, "approved")
    assert bob.summary("EMAIL", "Poll") == "LoginSuccess"


def take_a_call(page, simulator):
    bob = Login(simulator, "bob@example.com", "battery staple")
    bob.advance("PF", "StartOOB")
    assert page.labels(5) == ["Press #", "Hang up"]
    page.click(5, "Press #")
    page.state(5, "approved")
    assert bob.summary("PF", "Poll") == "LoginSuccess"


def read_a_pin(page, simulator):
    carol = Login.__new__(Login)
    carol.simulator = simulator
    header = {"OobIdPAuth": "true"}
    away = carol.call("StartAuthentication", {"User": "carol@example.org"}, header)["Result"]
    answer = {"SessionId": away["IdpLoginSessionId"], "MechanismId": "OOBAUTHPIN", "Action": "Answer"}
    assert page.labels(6) == ["Refuse"]
    answer["Answer"] = page.text(6, ".figure")
    assert carol.call("AdvanceAuthentication", answer)["Result"]["Summary"] == "LoginSuccess"


def leave_some_waiting(page, simulator):
    """For the picture: one that expired, and some that wait."""
    bob = Login(simulator, "bob@example.com", "battery staple")
    bob.advance("OTP", "StartOOB")
    simulator.call("POST", "/clock", {"seconds": 301})
    bob = Login(simulator, "bob@example.com", "battery staple")
    bob.advance("SMS", "StartOOB")
    alice = Login(simulator, "alice@example.com", "correct horse")
    alice.advance("OTP", "StartOOB")
    page.state(7, "expired")
    page.state(9, "pending")
    order = [card.get_attribute("id") for card in page.browser.find_elements(By.CSS_SELECTOR, "#messages > li")]
    assert order == [f"message-{number}" for number in range(9, 0, -1)], order


if __name__ == "__main__":
    sys.exit(run([a_person_uses_the_page]))
