"""HTTP in: find, refuse, ask, act, nudge, answer. One function a door."""
