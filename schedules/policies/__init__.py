"""One policy per file. Each is pure: a view in, demands out; its absence of a demand is the release."""
