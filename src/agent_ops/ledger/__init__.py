"""The one door for effects: grants, guard, limits, journal of intents, audit."""
