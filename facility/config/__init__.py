"""`facility.toml`: its model, how it is read, written and explained. `model.Config` is the whole of it."""
