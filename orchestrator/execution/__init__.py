"""Executes a plan: sessions, workers, retries, heartbeats, progress."""
