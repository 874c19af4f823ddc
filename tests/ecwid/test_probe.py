"""A probe tells a dead token from everything that only looks like one."""

import pytest

from installs.ecwid import api, errors, pace
from tests.ecwid.loopback import Answer, Server, Site

TOKEN = "secret_Hn4cQ2exampleexampleexample0001"
KEY = pace.key_of(TOKEN)


def store(store_id: object) -> Answer:
    return Answer(200, {"generalInfo": {"storeId": store_id}})


def refused(status: int, code: str) -> Answer:
    return Answer(status, {"errorCode": code})


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (store(1003), api.Probe.ALIVE),
        (store("1003"), api.Probe.ALIVE),
        (refused(403, "INSUFFICIENT_APP_SCOPE"), api.Probe.ALIVE),
        (refused(403, "REVIEWS_FEATURE_NOT_AVAILABLE"), api.Probe.ALIVE),
        (store(1004), api.Probe.DEAD),
        (Answer(403), api.Probe.DEAD),
        (Answer(401), api.Probe.DEAD),
        (refused(403, "INVALID_API_TOKEN"), api.Probe.DEAD),
        (refused(404, "STORE_NOT_FOUND"), api.Probe.DEAD),
        (Answer(429), api.Probe.BLOCKED),
        (Answer(402), api.Probe.PAUSED),
        (Answer(200, {}), api.Probe.UNKNOWN),
        (Answer(200, {"generalInfo": {"storeId": True}}), api.Probe.UNKNOWN),
        (Answer(200, []), api.Probe.UNKNOWN),
        (Answer(200, b"<html>"), api.Probe.UNKNOWN),
        (Answer(302, headers={"Location": "/"}), api.Probe.UNKNOWN),
        (Answer(404), api.Probe.UNKNOWN),
        (refused(403, "SOMETHING_ELSE"), api.Probe.UNKNOWN),
        (Answer(500), api.Probe.UNKNOWN),
    ],
    ids=lambda value: f"{value.status} {value.body!r}" if isinstance(value, Answer) else None,
)
def test_each_answer_has_its_verdict_after_one_cheap_request(answer: Answer, verdict: api.Probe) -> None:
    with Site(answer) as site:
        assert api.probe(api.Credentials(site.url, 1003, TOKEN)) is verdict
    (heard,) = site.heard
    assert heard.path == "/1003/profile?responseFields=generalInfo%28storeId%29"


def test_a_server_that_hangs_up_says_nothing_about_the_token() -> None:
    with Server(lambda line: None) as server:
        assert api.probe(api.Credentials(server.url, 1003, TOKEN)) is api.Probe.UNKNOWN


def test_a_429_quiets_the_token_for_everybody_who_shares_the_pace() -> None:
    shared = pace.LocalPace()
    with Site(Answer(429, headers={"Retry-After": "40"})) as site:
        credentials = api.Credentials(site.url, 1003, TOKEN, shared)
        assert api.probe(credentials) is api.Probe.BLOCKED
        assert api.probe(credentials) is api.Probe.BLOCKED
        with pytest.raises(errors.Throttled) as caught:
            api.get(credentials, "/orders")
        assert len(site.heard) == 1
    assert 39 < shared.cooling(KEY) <= 40
    assert not caught.value.sent


def test_a_429_that_names_no_time_quiets_the_token_for_ten_seconds() -> None:
    shared = pace.LocalPace()
    with Site(Answer(429)) as site:
        api.probe(api.Credentials(site.url, 1003, TOKEN, shared))
    assert 9 < shared.cooling(KEY) <= 10


class Forgetful(pace.LocalPace):
    """Lets calls through although a cool-down runs, as when it begins while the answer is on its way."""

    def take(self, key: str) -> None:
        pass


def test_a_403_during_a_cool_down_is_not_taken_for_death() -> None:
    shared = Forgetful()
    with Site(Answer(403)) as site:
        credentials = api.Credentials(site.url, 1003, TOKEN, shared)
        shared.cool(KEY, 0.9)
        assert api.probe(credentials) is api.Probe.BLOCKED
    other = Forgetful()
    other.cool(pace.key_of("secret_other"), 60)
    with Site(Answer(403)) as site:
        assert api.probe(api.Credentials(site.url, 1003, TOKEN, other)) is api.Probe.DEAD


def test_every_call_is_paced() -> None:
    class Counting(pace.LocalPace):
        taken: list[str]

        def take(self, key: str) -> None:
            self.taken.append(key)

    counting = Counting()
    counting.taken = []
    with Site(store(1003)) as site:
        api.probe(api.Credentials(site.url, 1003, TOKEN, counting))
        api.get_profile(api.Credentials(site.url, 1003, TOKEN, counting))
    assert counting.taken == [KEY, KEY]
