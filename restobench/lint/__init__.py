"""Tables, anybody's, looked over for columns that cannot be compared with other tables'."""
