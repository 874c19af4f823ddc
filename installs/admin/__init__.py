"""Operators' view of apps, installations and what happened to them. No page here shows a token or a client secret."""

from installs.admin import alerts, attempts, dashboard, doctor, events, installations, jobs, privacy, registrations

__all__ = ["alerts", "attempts", "dashboard", "doctor", "events", "installations", "jobs", "privacy", "registrations"]
