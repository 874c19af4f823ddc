"""What docs/watching.md says is what happens."""

import json
import re
from typing import Any

import pytest
import yaml

from installs import tasks
from installs.actions import alarm
from installs.models import AlertDelivery, AlertReceiver, Rule
from tests.ecwid.loopback import Answer, Site
from tests.processes import ROOT
from tests.test_monitoring_files import RULES, known

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = (ROOT / "docs" / "watching.md").read_text("utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.mark.parametrize("secret", ["whsec_QyBhIHNlY3JldCBvZiBtYW55IGJ5dGVz", "any text of 24 characters or more"])
def test_the_lines_that_verify_an_alert_do(secret: str) -> None:
    lines: dict[str, Any] = {}
    exec(block("python"), lines)  # noqa: S102  our own page
    with Site(Answer(204)) as site:
        alarm.test(receiver=AlertReceiver.objects.create(kind="webhook", address=site.url, secret=secret))
        for pk in AlertDelivery.objects.values_list("pk", flat=True):
            tasks.deliver(pk)
    (heard,) = site.heard

    assert lines["is_ours"](secret, heard.headers, heard.body)
    assert not lines["is_ours"](secret, heard.headers, heard.body + b" ")
    assert not lines["is_ours"]("another secret of 24 chars", heard.headers, heard.body)
    sample = json.loads(block("json"))
    told = json.loads(heard.body)
    assert list(told) == list(sample)
    assert list(told["data"]) == list(sample["data"])


def test_every_alert_of_prometheus_is_explained() -> None:
    rules = {rule["alert"] for rule in yaml.safe_load(RULES.read_text("utf-8"))["groups"][0]["rules"]}
    rows = dict(re.findall(r"^\| `(Ecwidhub\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE))
    assert set(rows) == rules
    for named in re.findall(r"As `(\w+)`", " ".join(rows.values())):
        assert named in Rule.values


def test_the_table_of_metrics_is_complete_and_true() -> None:
    rows = re.findall(r"^\| `(ecwidhub_\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    told = {name: set() if labels == "–" else set(labels.split(", ")) for name, labels in rows}
    names = {re.sub(r"_(bucket|count|sum)$", "", name): labels - {"le"} for name, labels in known().items()}
    assert told == names
