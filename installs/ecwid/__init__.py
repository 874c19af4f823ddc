"""Ecwid's protocol in plain Python: no Django, no settings, no log lines; everything needed is passed in."""
