"""Whoever joins: a participant of its own, its time, its jobs and its snapshots."""
