"""What is seen only across the rows of several attacks."""
