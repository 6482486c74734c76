/lambda\s+t\b/
