"""What a scrape says, read as Prometheus reads it."""

from django.conf import LazySettings
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from installs.views import metrics as door

TOKEN = "a-token-for-the-one-who-scrapes"


class Scrape:
    """One answer of GET /metrics."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self.samples = {(one.name, frozenset(one.labels.items())): one.value for f in families for one in f.samples}

    def get(self, name: str, **labels: str) -> float:
        """Return one value, 0 when nothing was counted yet."""
        return self.samples.get((name, frozenset(labels.items())), 0.0)

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.samples}


def scrape(settings: LazySettings) -> Scrape:
    """Scrape now, without what was kept from the last time."""
    settings.METRICS_TOKEN = TOKEN
    door.gauges.forget()
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    return Scrape(answer.content.decode())
