"""Turn two slanted vectors into an orthonormal basis with the Gram–Schmidt process. Each step
happens on the grid at the left: normalise the first, subtract the projection from the second,
normalise the rest; the formula for the step appears on the right.

topic: linear-algebra
level: advanced
"""

from manim import *


class GramSchmidtPlane(Scene):
    def construct(self):
        self.plane = NumberPlane(
            x_range=[-1, 4], y_range=[-1, 4], x_length=6, y_length=6,
            background_line_style={"stroke_opacity": 0.4},
        ).to_edge(LEFT)
        v1, v2 = np.array([3.0, 1.0]), np.array([1.5, 3.0])
        e1 = v1 / np.linalg.norm(v1)
        along = np.dot(v2, e1) * e1
        rest = v2 - along
        e2 = rest / np.linalg.norm(rest)

        self.play(Create(self.plane), run_time=1.5)
        first, second = self.arrow(v1, BLUE), self.arrow(v2, GREEN)
        tag1 = MathTex("v_1", color=BLUE).next_to(first.get_end(), RIGHT, buff=0.1)
        tag2 = MathTex("v_2", color=GREEN).next_to(second.get_end(), UP, buff=0.1)
        self.play(GrowArrow(first), GrowArrow(second), Write(tag1), Write(tag2))

        self.formulas = VGroup(
            MathTex(r"e_1 = \frac{v_1}{\lVert v_1 \rVert}", color=BLUE),
            MathTex(r"w = v_2 - \langle v_2, e_1 \rangle\, e_1", color=RED),
            MathTex(r"e_2 = \frac{w}{\lVert w \rVert}", color=GREEN),
        ).arrange(DOWN, buff=0.8, aligned_edge=LEFT).move_to(3.6 * RIGHT)

        # step 1: shorten v1
        self.play(Write(self.formulas[0]))
        unit1 = self.arrow(e1, BLUE_B)
        self.play(ReplacementTransform(first, unit1), FadeOut(tag1))
        self.wait(0.4)

        # step 2: what is left of v2 when its shadow is taken away
        self.play(Write(self.formulas[1]))
        shadow = self.arrow(along, RED)
        drop = DashedLine(self.plane.c2p(*v2), self.plane.c2p(*along), color=RED)
        self.play(Create(drop), GrowArrow(shadow))
        remainder = self.arrow(rest, RED)
        self.play(ReplacementTransform(drop, remainder), FadeOut(second, tag2, shadow))
        self.wait(0.4)

        # step 3: shorten the remainder
        self.play(Write(self.formulas[2]))
        unit2 = self.arrow(e2, GREEN_B)
        self.play(ReplacementTransform(remainder, unit2))

        corner = RightAngle(unit1, unit2, length=0.25, color=YELLOW)
        circle = Circle(self.plane.get_x_unit_size(), color=YELLOW, stroke_width=2)
        circle.move_to(self.plane.c2p(0, 0))
        self.play(Create(corner), Create(circle))
        self.wait()

    def arrow(self, v, color):
        return Arrow(self.plane.c2p(0, 0), self.plane.c2p(*v), buff=0, color=color)
