"""HTTP in: find, refuse, ask, act, nudge, answer."""
