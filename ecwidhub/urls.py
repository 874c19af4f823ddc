"""The addresses; each room has its own list. They are tried in turn, so what is asked most often comes first."""

from django.contrib import admin
from django.urls import include, path

from ecwidhub import styleguide, views

urlpatterns = [
    path("", include("installs.urls")),
    path("", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("healthz", views.healthz),
    path("readyz", views.readyz),
    path("styleguide/", styleguide.styleguide),
]

handler400 = "ecwidhub.views.bad_request"
handler403 = "ecwidhub.views.forbidden"
handler404 = "ecwidhub.views.not_found"
handler500 = "ecwidhub.views.server_error"
