"""What the store promises, kept by every PostgreSQL people may bring:
the application's side of it is ``revisor.store``.
"""
