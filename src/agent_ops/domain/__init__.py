"""Types, rules and ports of Agent Ops: pure, without any I/O. Everything else imports from here, this imports nothing."""
