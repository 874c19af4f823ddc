"""The admin, with the doors that operators pass."""

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Django's admin, on the site that asks for a second factor."""

    default_site = "accounts.site.OperatorsSite"
