"""The report's pictures: where everything in them lies, in plain numbers and strings; templates/charts draws them."""
