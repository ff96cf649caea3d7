"""The devices that every client of the benchmark talks to, each kind in processes of its own."""
