"""ACT: the running agent. Commands, guard, audit, alarms, MQTT, API and the wiring of it all."""

__version__ = "0.1.0"
