"""One file a command: what a question means, who may ask it, what the answer says."""
