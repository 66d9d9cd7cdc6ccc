"""Whether a destination speaks the API, whoever made it; and whether clients that others made speak to ours."""
