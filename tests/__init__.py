"""The tests. The folder says what kind: unit, contract, integration, acceptance, architecture."""
