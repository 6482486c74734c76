"""Prove Pythagoras by moving triangles: four copies of a right triangle sit in the corners of a
big square and leave a tilted square c² free. Slide the triangles, without changing the big
square, until the free area splits into an a² and a b² square, then state the conclusion.

topic: geometry
level: advanced
"""

from manim import *


class PythagorasRearranged(Scene):
    """The free area is the same before and after the triangles move."""

    a, b = 1.5, 3.0

    def construct(self):
        side = self.a + self.b
        frame = Square(side, color=WHITE).shift(2.2 * LEFT)
        origin = frame.get_corner(DL)

        def at(x, y):
            return origin + x * RIGHT + y * UP

        triangles = self.corner_triangles(at)
        tilted = Polygon(
            at(self.a, 0), at(side, self.a), at(self.b, side), at(0, self.b),
            stroke_width=0, fill_color=YELLOW, fill_opacity=0.35,
        )
        c_label = MathTex("c^2", font_size=64).move_to(tilted)

        title = Tex("Four equal triangles in one square").to_edge(UP)
        self.play(Write(title), Create(frame))
        self.play(LaggedStart(*[DrawBorderThenFill(t) for t in triangles], lag_ratio=0.3))
        self.play(FadeIn(tilted), Write(c_label))
        before = MathTex(r"\text{free} = c^2").move_to(4 * RIGHT + UP)
        self.play(Write(before))
        self.wait(0.5)

        self.play(FadeOut(tilted, c_label))
        self.slide_together(triangles)

        square_a = self.tinted(at(0, self.b), self.a, BLUE)
        square_b = self.tinted(at(self.a, 0), self.b, GREEN)
        a_label = MathTex("a^2").move_to(square_a)
        b_label = MathTex("b^2", font_size=64).move_to(square_b)
        self.play(FadeIn(square_a, square_b), Write(a_label), Write(b_label))

        after = MathTex(r"\text{free} = a^2 + b^2").next_to(before, DOWN, aligned_edge=LEFT)
        self.play(Write(after))
        result = MathTex("a^2 + b^2 = c^2", color=YELLOW, font_size=60)
        result.next_to(after, DOWN, buff=0.8, aligned_edge=LEFT)
        self.play(Write(result), Circumscribe(result, run_time=2))
        self.wait()

    def corner_triangles(self, at):
        a, b = self.a, self.b
        s = a + b
        corners = [
            [at(0, 0), at(a, 0), at(0, b)],
            [at(s, 0), at(s, a), at(a, 0)],
            [at(s, s), at(b, s), at(s, a)],
            [at(0, s), at(0, b), at(b, s)],
        ]
        return VGroup(*[
            Polygon(*points, stroke_width=2, fill_color=MAROON, fill_opacity=0.8)
            for points in corners
        ])

    def slide_together(self, triangles):
        """Pair the triangles up into an upright and a lying a-by-b rectangle."""
        _, lower_right, upper_right, upper_left = triangles
        self.play(upper_right.animate.shift(self.b * LEFT + self.a * DOWN), run_time=1.5)
        self.play(lower_right.animate.shift(self.b * UP))
        self.play(upper_left.animate.shift(self.a * RIGHT))

    @staticmethod
    def tinted(corner, side, color):
        square = Square(side, stroke_width=0, fill_color=color, fill_opacity=0.4)
        return square.move_to(corner, aligned_edge=DL)
