"""The clients that are compared. Each is a program: a case and its JSON in, lines of JSON out (see `common`)."""
