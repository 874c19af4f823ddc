"""The product's place among Django's apps: its handlers are registered when everything is loaded."""

from importlib import import_module

from django.apps import AppConfig


class ParcelsConfig(AppConfig):
    name = "examples.parcels"

    def ready(self) -> None:
        """Register the handlers; they need the models, which are there only now."""
        import_module("examples.parcels.handlers")
