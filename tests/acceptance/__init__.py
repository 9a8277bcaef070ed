"""The whole product, used as a person uses it."""
