"""Solve x² + 6x = 16 by completing the square with tiles: an x by x square, a 6 by x strip cut
in half and moved to two sides, and the missing 3 by 3 corner added on both sides of the
equation. Keep the algebra in step on the right.

topic: algebra
level: advanced
"""

from manim import *


class CompletingTheSquare(Scene):
    def construct(self):
        unit = 0.42
        x = 2.0  # the drawn length of x, in screen units
        start = 6 * LEFT + 1.6 * UP

        square = self.tile(x, x, BLUE, "x^2").move_to(start, aligned_edge=UL)
        halves = VGroup(*[self.tile(3 * unit, x, GREEN, "3x") for _ in range(2)])
        halves.arrange(RIGHT, buff=0).next_to(square, RIGHT, buff=0)

        steps = VGroup(
            MathTex("x^2 + 6x", "=", "16"),
            MathTex("x^2 + 6x + 9", "=", "16 + 9"),
            MathTex("(x + 3)^2", "=", "25"),
            MathTex("x + 3", "=", r"\pm 5"),
            MathTex("x", "=", r"2 \ \text{ or } -8"),
        )
        steps.arrange(DOWN, buff=0.45).move_to(3.6 * RIGHT)
        for step in steps[1:]:
            step.shift((steps[0][1].get_x() - step[1].get_x()) * RIGHT)

        title = Tex("Completing the square").to_edge(UP)
        self.play(Write(title))
        self.play(FadeIn(square), Write(steps[0][0][:2]))
        self.play(FadeIn(halves, shift=LEFT), Write(steps[0][0][2:]))
        self.play(Write(steps[0][1:]))
        self.wait(0.5)

        # half of the strip goes below the square
        moved = halves[1]
        self.play(moved.animate.shift(1.2 * DOWN + 0.5 * RIGHT))
        self.play(Rotate(moved[0], -PI / 2), moved[1].animate.move_to(moved[0].get_center()))
        self.play(moved.animate.next_to(square, DOWN, buff=0))

        gap = Square(3 * unit).next_to(moved, RIGHT, buff=0)
        outline = DashedVMobject(gap.copy().set_stroke(YELLOW, 3), num_dashes=20)
        self.play(Create(outline))
        corner = self.tile(3 * unit, 3 * unit, YELLOW, "9").move_to(gap)
        self.play(FadeIn(corner, scale=0.5), TransformMatchingShapes(steps[0].copy(), steps[1]))
        self.remove(outline)

        whole = VGroup(square, halves, corner)
        brace = BraceLabel(whole, "x + 3", DOWN)
        self.play(FadeIn(brace))
        for before, after in zip(steps[1:], steps[2:]):
            self.play(TransformMatchingShapes(before.copy(), after))
            self.wait(0.3)
        self.play(Create(SurroundingRectangle(steps[-1], color=YELLOW)))
        self.wait()

    def tile(self, width, height, color, text):
        shape = Rectangle(width=width, height=height, fill_color=color, fill_opacity=0.6)
        return VGroup(shape, MathTex(text, font_size=36).move_to(shape))
