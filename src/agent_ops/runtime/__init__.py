"""The only composer: builds everything from settings, admits requests and drives runs.

Nothing is imported here: most commands need a part only, and LangGraph is half of what a command's start costs.
"""
