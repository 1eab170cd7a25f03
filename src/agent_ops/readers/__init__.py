"""Clients that can only read: they hold no handle that can change anything outside."""
