"""How services are reached: TLS, time-outs, bounded threads, and vendors' errors mapped to ours in one place."""
