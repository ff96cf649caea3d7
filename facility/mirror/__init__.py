"""The building on MQTT, for hospital IT: retained state with time and quality, alarms, events."""
