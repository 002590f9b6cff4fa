"""Mail: sending over SMTP, receiving over IMAP."""
