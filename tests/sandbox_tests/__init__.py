"""How the sandbox itself behaves, told over its own wire."""
