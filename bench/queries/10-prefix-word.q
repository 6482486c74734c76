eigen* or determinant
