"""Marks for tests of the application that need not, or cannot, run on both databases."""

import pytest

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
no_database = on_sqlite  # the database has no part in what is claimed
