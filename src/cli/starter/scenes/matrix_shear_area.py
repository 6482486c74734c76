"""Apply the shear matrix [[1, 1], [0, 1]] to the plane together with its unit square and both
basis vectors, and note that the square's area stays 1 because the determinant is 1.

topic: linear-algebra
level: basic
"""

from manim import *


class MatrixShearArea(LinearTransformationScene):
    def __init__(self, **kwargs):
        super().__init__(show_coordinates=True, **kwargs)

    def construct(self):
        matrix = [[1, 1], [0, 1]]
        self.add_unit_square()
        label = MathTex(r"\det \begin{bmatrix} 1 & 1 \\ 0 & 1 \end{bmatrix} = 1")
        label.add_background_rectangle().to_corner(UL)
        self.add_foreground_mobject(label)
        self.apply_matrix(matrix)
        self.wait()
