"""Running many documents through a function without any of them doing harm. Knows no text rule and no table."""
