"""SCIM 2.0: users and groups that an identity provider or HRIS keeps here."""
