"""The doctor's page, and the runbook's: what is wrong, what it means, what to do, what to write to Ecwid."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods

from accounts.admin import ReadOnlyAdmin
from installs import doctor, runbook
from installs.doctor import Finding
from installs.models import AppRegistration, Pulse

_COLOURS = {"ok": "success", "warning": "warning", "error": "danger"}
_TOLD = (("error", "danger"), ("warning", "warning"))


@admin.register(Pulse)
class DoctorAdmin(ReadOnlyAdmin):
    """Signs of life are read here, together with everything else the doctor looks at."""

    def get_urls(self) -> list[URLPattern]:
        pages = [path("runbook/", self.admin_site.admin_view(self.runbook_view), name="runbook")]
        return pages + super().get_urls()

    @method_decorator(require_http_methods(["GET", "HEAD", "POST"]))
    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Examine everything; a POST of who may operate looks from outside as well, by requests."""
        self._require_view(request)
        may_look_outside = self.has_operate_permission(request)
        if request.method == "POST" and not may_look_outside:
            raise PermissionDenied
        sections = doctor.examine()
        if request.method == "POST":
            sections = {"From outside": doctor.look_from_outside()} | sections
        shown = {name: [_shown(finding) for finding in findings] for name, findings in sections.items()}
        findings = [finding for found in sections.values() for finding in found]
        apps = AppRegistration.objects.all()
        context = {
            "title": "Doctor",
            "sections": shown,
            "may_look_outside": may_look_outside,
            "counts": [(colour, _counted(findings, level)) for level, colour in _TOLD if _counted(findings, level)],
            "total": len(findings),
            "requests": [(app, doctor.request_text(app)) for app in apps],
        }
        return self._page(request, "admin/installs/doctor.html", context)

    @method_decorator(require_http_methods(["GET", "HEAD"]))
    def runbook_view(self, request: HttpRequest) -> HttpResponse:
        """Show what each ending and each alert means, and what to do."""
        self._require_view(request)
        sections = {"Alerts": runbook.RULES, "How installs end": runbook.OUTCOMES}
        return self._page(request, "admin/installs/runbook.html", {"title": "Runbook", "sections": sections})

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        common = self.admin_site.each_context(request) | {"opts": self.opts}
        return TemplateResponse(request, template, common | context)

    def _require_view(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _counted(findings: list[Finding], level: str) -> str:
    count = sum(finding.level == level for finding in findings)
    return f"{count} {level}{pluralize(count)}" if count else ""


def _shown(finding: Finding) -> dict[str, str]:
    page = f"{reverse('admin:runbook')}#{finding.runbook}" if finding.runbook and finding.level != "ok" else ""
    facts = {"subject": finding.subject, "text": finding.text, "advice": finding.advice}
    return facts | {"level": finding.level, "colour": _COLOURS[finding.level], "runbook": page}
