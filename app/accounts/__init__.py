"""Users, passwords, tokens, sessions and permissions: who somebody is and what they may do."""
