"""``skillpath evaluate impact``: plain tables read, checked, and taken as comparisons or roll-outs."""
