"""Language models as judges of answers, with their own errors measured."""
