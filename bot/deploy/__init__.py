"""What runs the service elsewhere than in a terminal: a systemd unit (`origyne-bot unit`), a Containerfile."""
