"""Pictures of records and rows: reliability diagrams, curves under shift."""
