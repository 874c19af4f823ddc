"""Addresses of the doors that Ecwid knows, of what follows an install, and of a store's pages, framed or not."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from accounts import converters
from installs.views import connect, connection, install, metrics, native, stores, webhook


class AppConverter(StringConverter):
    """An app's client ID, in the shape that a registration may have; anything else is a 404 before a query."""

    regex = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"


register_converter(AppConverter, "app")

urlpatterns = [
    path("apps/<app:client_id>/webhook/", webhook.webhook, name="webhook"),
    path("apps/<app:client_id>/webhook", webhook.webhook),
    path("apps/<app:client_id>/return/", install.return_url, name="return"),
    path("apps/<app:client_id>/connect/", connect.connect, name="connect"),
    path("apps/<app:client_id>/open/", connect.open_app, name="open"),
    path("apps/<app:client_id>/native/", native.native, name="native"),
    path("apps/<app:client_id>/native/verify/", native.verify, name="native-verify"),
    path("apps/<app:client_id>/native/onboarding/", native.onboarding, name="native-onboarding"),
    path("apps/<app:client_id>/native/onboarding/finish/", native.finish, name="native-finish"),
    path("apps/<app:client_id>/native/store/", native.store, name="native-store"),
    path("apps/<app:client_id>/native/settings/<slug:name>/", native.setting, name="native-setting"),
    path("apps/<app:client_id>/native/sync/", native.sync, name="native-sync"),
    path("installs/<uuid:uid>/", install.confirm, name="install-confirm"),
    path("installs/<uuid:uid>/continue/", install.proceed, name="install-proceed"),
    path(converters.STORE, stores.store, name="store"),
    path(f"{converters.STORE}onboarding/", stores.onboarding, name="onboarding"),
    path(f"{converters.STORE}onboarding/finish/", stores.finish_onboarding, name="finish-onboarding"),
    path(f"{converters.STORE}settings/<slug:name>/", stores.setting, name="setting"),
    path(f"{converters.STORE}sync/", stores.sync, name="sync"),
    path(f"{converters.STORE}connection/", connection.connection, name="connection"),
    path(f"{converters.STORE}connection/export/", connection.export, name="export"),
    path(f"{converters.STORE}connection/<app:client_id>/disconnect/", connection.disconnect, name="disconnect"),
    path("metrics", metrics.metrics, name="metrics"),
]
