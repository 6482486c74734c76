"""Project the vector v = (1, 3) orthogonally onto the line spanned by u = (3, 1): draw both
arrows, drop the dashed perpendicular and show the projection in yellow.

topic: linear-algebra
level: basic
"""

from manim import *


class VectorProjection(Scene):
    def construct(self):
        plane = NumberPlane().set_opacity(0.35)
        u, v = np.array([3, 1, 0]), np.array([1, 3, 0])
        shadow = np.dot(u, v) / np.dot(u, u) * u

        line = Line(-2 * u, 2 * u, color=GREY_B)
        arrow_u = Vector(u, color=BLUE)
        arrow_v = Vector(v, color=GREEN)
        arrow_p = Vector(shadow, color=YELLOW)
        drop = DashedLine(v, shadow)
        names = VGroup(
            MathTex("u", color=BLUE).next_to(u, DR, buff=0.1),
            MathTex("v", color=GREEN).next_to(v, UP, buff=0.1),
            MathTex(r"\frac{u \cdot v}{u \cdot u}\,u", color=YELLOW, font_size=36).move_to([1.7, -0.5, 0]),
        )
        self.add(plane)
        self.play(Create(line), GrowArrow(arrow_u), GrowArrow(arrow_v), Write(names[:2]))
        self.play(Create(drop))
        self.play(GrowArrow(arrow_p), Write(names[2]))
        self.wait()
