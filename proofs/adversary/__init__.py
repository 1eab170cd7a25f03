"""The adversarial planner: a hypothesis state machine whose planner is an attacker, judged at the services after every step."""
