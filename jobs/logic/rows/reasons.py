"""The words for why a row is not trained on, and for what is counted in rows that are."""

from __future__ import annotations

SECRET = "secret"
PERSONAL = ("email", "iban", "card", "my-number", "ssn", "phone", "ip-address")
"""Kinds of personal data."""
