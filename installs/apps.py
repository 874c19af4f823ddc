"""Which app is on which store, with what key."""

from django.apps import AppConfig

from installs import counters
from installs.ecwid import wire


class InstallsConfig(AppConfig):
    name = "installs"
    verbose_name = "Apps and installations"

    def ready(self) -> None:
        """Have every request to Ecwid counted."""
        wire.observe(counters.called)
