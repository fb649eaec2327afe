"""A pack -> its readers: who they are, the message, the way out, and the ledger of what was sent."""
