"""``skillpath evaluate attrition``: plain tables read, grouped and split."""
