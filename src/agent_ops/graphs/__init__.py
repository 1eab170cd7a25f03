"""The planner graph: Think -> Act -> Observe over the agents' subgraphs. ``planner_graph.build_planner`` puts it together."""
