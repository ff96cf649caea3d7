"""Not a package of the product: what makes the pictures and pages of the documentation."""
