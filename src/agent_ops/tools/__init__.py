"""LangChain tools, one module per agent. A tool that changes something does so through the door only."""
