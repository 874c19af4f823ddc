"""Made-up history for trials and measurements: `python -m scripts.demo --help`."""
