/(?i)tangent/
