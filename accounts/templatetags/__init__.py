"""Filters for merchants' pages; every template has them (settings.TEMPLATES)."""
