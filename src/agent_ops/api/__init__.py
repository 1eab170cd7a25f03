"""The REST service. ``agent_ops.api.app:create_app`` is its factory; docs/service.md describes it."""
