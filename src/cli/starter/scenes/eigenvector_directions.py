"""Twelve unit vectors point around the origin. Apply the matrix with rows (2, 1) and (1, 2):
most vectors turn, but the ones along the two diagonals only stretch. Highlight those
eigenvectors, label their eigenvalues 3 and 1.

topic: linear-algebra
level: intermediate
"""

from manim import *


class EigenvectorDirections(Scene):
    def construct(self):
        plane = NumberPlane(background_line_style={"stroke_opacity": 0.3})
        matrix = np.array([[2.0, 1.0], [1.0, 2.0]])
        angles = [15 * DEGREES + k * 30 * DEGREES for k in range(12)]
        on_diagonal = {1: 3, 4: 1, 7: 3, 10: 1}

        def arrow(v, color):
            return Arrow(ORIGIN, [*v, 0], buff=0, color=color, stroke_width=4, tip_length=0.2)

        fan, images = VGroup(), VGroup()
        for angle in angles:
            v = np.array([np.cos(angle), np.sin(angle)])
            fan.add(arrow(v, GREY_A))
            images.add(arrow(matrix @ v, GREY_A))

        name = MathTex(r"A = \begin{pmatrix} 2 & 1 \\ 1 & 2 \end{pmatrix}")
        name.to_corner(UL).add_background_rectangle()
        self.play(Create(plane, run_time=1.5), FadeIn(name))
        self.play(LaggedStart(*[GrowArrow(a) for a in fan], lag_ratio=0.1))
        self.wait(0.5)
        self.play(*[Transform(a, b) for a, b in zip(fan, images)], run_time=3)

        axes = VGroup(
            Line(5 * DL, 5 * UR, color=YELLOW, stroke_width=2),
            Line(4 * UL, 4 * DR, color=TEAL, stroke_width=2),
        )
        stretched = [fan[k] for k in on_diagonal]
        turned = [fan[k] for k in range(12) if k not in on_diagonal]
        self.play(
            Create(axes),
            *[a.animate.set_opacity(0.25) for a in turned],
            *[a.animate.set_color(YELLOW if on_diagonal[k] == 3 else TEAL)
              for k, a in zip(on_diagonal, stretched)],
        )
        labels = VGroup(
            MathTex(r"\lambda = 3", color=YELLOW).move_to([3.6, 1.9, 0]),
            MathTex(r"\lambda = 1", color=TEAL).move_to([2.9, -1.7, 0]),
        )
        for label in labels:
            label.add_background_rectangle(opacity=0.8)
        self.play(Write(labels))
        self.wait()
