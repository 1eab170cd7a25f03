"""Clients that can change things, each an ``EffectAdapter``. Only ``runtime`` may import this package."""
