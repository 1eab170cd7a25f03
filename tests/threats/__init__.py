"""Threat cases as data, run against the whole system over the twins, and judged by what the twins recorded."""
