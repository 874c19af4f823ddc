"""The dashboard and the rules that are shipped name only what a scrape really says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Histogram

from installs import counters
from installs.actions.gauges import Gauges
from installs.models import InstallAttempt, Rule
from tests.processes import ROOT

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD, RULES = FOLDER / "grafana-dashboard.json", FOLDER / "prometheus-rules.yml"


def known() -> dict[str, set[str]]:
    """Return every name that a scrape can hold, with its labels."""
    names: dict[str, set[str]] = {}
    for metric in vars(counters).values():
        if isinstance(metric, Counter | Histogram):
            labels = set(metric._labelnames)
            (described,) = metric.describe()
            if isinstance(metric, Counter):
                names[f"{described.name}_total"] = labels
            else:
                names |= {f"{described.name}_{part}": labels for part in ("count", "sum")}
                names[f"{described.name}_bucket"] = labels | {"le"}
    for family in Gauges().collect():
        names[family.name] = set(getattr(family, "_labelnames", ()))
    return names


def expressions(path: Path) -> list[str]:
    """Return the PromQL of a file."""
    if path is DASHBOARD:
        panels = json.loads(path.read_text("utf-8"))["panels"]
        return [target["expr"] for panel in panels for target in panel.get("targets", [])]
    groups = yaml.safe_load(path.read_text("utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]


@pytest.mark.parametrize("path", [DASHBOARD, RULES], ids=lambda path: path.name)
def test_every_metric_and_label_that_is_named_exists(path: Path) -> None:
    names = known()
    used = expressions(path)
    assert len(used) > 10
    for expression in used:
        for name, selector in re.findall(r"\b(ecwidhub_[a-z_]+)(\{[^}]*\})?", expression):
            assert name in names, expression
            assert set(re.findall(r"(\w+)(?:=|!|=~)", selector)) <= names[name], expression
        for labels in re.findall(r"by \(([^)]*)\)", expression):
            grouped = {label.strip() for label in labels.split(",")}
            named = set().union(*(names[name] for name in re.findall(r"\b(ecwidhub_[a-z_]+)", expression)))
            assert grouped <= named, expression


def test_every_metric_is_on_the_dashboard_or_in_a_rule() -> None:
    text = DASHBOARD.read_text("utf-8") + RULES.read_text("utf-8")
    for name in known():
        assert re.sub(r"_(count|sum)$", "_bucket", name) in text, name


def test_the_values_that_are_named_exist() -> None:
    text = "\n".join(expressions(DASHBOARD) + expressions(RULES))
    assert set(re.findall(r'outcome="(\w+)"', text)) <= set(InstallAttempt.Outcome.values)
    assert set(re.findall(r'rule!?="(\w+)"', text)) <= set(Rule.values)
    assert set(re.findall(r'task="(\w+)"', text)) == {"sweep", "watch"}


def test_every_rule_says_how_bad_it_is_and_what_to_do() -> None:
    rules: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert len(rule["annotations"]["description"]) > 20, rule["alert"]


def test_the_dashboard_is_one_that_can_be_imported() -> None:
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    boxes = [panel["gridPos"] for panel in dashboard["panels"]]
    assert all(box["x"] + box["w"] <= 24 for box in boxes)
    for one in boxes:
        for other in boxes:
            apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            assert one is other or apart or beside
