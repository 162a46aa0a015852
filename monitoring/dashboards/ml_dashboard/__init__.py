"""What monitoring/dashboards/make.py prints: one file a row in rows/, and what they share."""
