"""The schema of the database: ordered, checksummed SQL files and what runs them."""
