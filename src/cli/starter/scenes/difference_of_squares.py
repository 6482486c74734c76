"""Show a² − b² = (a + b)(a − b) with paper: a big square with a small square missing in one
corner is cut into two strips, and the lower strip swings up to make one long rectangle whose
sides are labelled a + b and a − b.

topic: algebra
level: intermediate
"""

from manim import *


class DifferenceOfSquares(Scene):
    def construct(self):
        a, b = 3.6, 1.4
        corner = 5.5 * LEFT + 2.2 * DOWN
        paper = dict(stroke_color=WHITE, fill_opacity=0.7)

        # the missing square lies at the lower right
        upper = Rectangle(width=a, height=a - b, fill_color=TEAL, **paper)
        upper.move_to(corner + b * UP, aligned_edge=DL)
        lower = Rectangle(width=a - b, height=b, fill_color=PURPLE, **paper)
        lower.move_to(corner, aligned_edge=DL)
        hole = DashedVMobject(Square(b, color=GREY_B), num_dashes=24)
        hole.move_to(corner + (a - b) * RIGHT, aligned_edge=DL)

        side_a = BraceLabel(upper, "a", UP)
        side_b = MathTex("b", color=GREY_B).move_to(hole)
        self.play(FadeIn(upper, lower), Create(hole))
        self.play(Write(side_b), FadeIn(side_a))
        area = MathTex("a^2 - b^2").move_to(3.4 * RIGHT + 2.5 * UP)
        self.play(Write(area))
        self.wait(0.5)

        self.play(FadeOut(hole, side_b, side_a))
        self.play(Rotate(lower, PI / 2))
        self.play(lower.animate.next_to(upper, RIGHT, buff=0))
        strip = VGroup(upper, lower)
        self.play(strip.animate.move_to(0.6 * DOWN + LEFT))

        width = BraceLabel(strip, "a + b", DOWN)
        height = BraceLabel(strip, "a - b", LEFT)
        self.play(FadeIn(width, height))
        product = MathTex("a^2 - b^2", "=", "(a + b)(a - b)").move_to(2.5 * UP)
        self.play(ReplacementTransform(area, product[0]), Write(product[1:]))
        self.play(Indicate(product))
        self.wait()
