"""What a command does when it takes several rooms: generate and score, train, the demonstration."""
