"""Faults: what the service comes to when everything around it breaks. Run: make chaos"""
