"""Uploads: kept in memory or not at all. What operators upload holds tokens, which must not lie about on a disk."""

from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler

LARGEST = 16 * 2**20  # more is a matter for the shell


class InMemory(MemoryFileUploadHandler):
    """Keeps a file in memory up to LARGEST bytes, on the admin's pages; drops every other, as if it had not come."""

    def handle_raw_input(self, input_data: Any, META: Any, content_length: int, *more: Any, **rest: Any) -> None:  # noqa: N803  Django's
        path = self.request.path if self.request else ""
        self.activated = content_length <= LARGEST and path.startswith("/admin/")
