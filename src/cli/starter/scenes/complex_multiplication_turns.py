"""Multiply z = 2 + i by w = 1 + i: show both arrows with their angles, then turn and stretch a
copy of z by w's angle and length to land on 1 + 3i, with the computation in a corner.

topic: complex-numbers
level: intermediate
"""

from manim import *


class ComplexMultiplicationTurns(Scene):
    def construct(self):
        z, w = 2 + 1j, 1 + 1j
        plane = ComplexPlane(x_range=[-3, 5], y_range=[-1, 4], x_length=11.2, y_length=7).add_coordinates()
        plane.background_lines.set_opacity(0.4)
        zero = plane.n2p(0)

        def arrow(number, color):
            return Arrow(zero, plane.n2p(number), buff=0, color=color)

        def arc(number, color, radius):
            return Arc(radius, 0, np.angle(number), arc_center=zero, color=color)

        z_arrow, w_arrow = arrow(z, BLUE), arrow(w, GREEN)
        z_name = MathTex("z = 2 + i", color=BLUE).next_to(plane.n2p(z), DR, buff=0.1)
        w_name = MathTex("w = 1 + i", color=GREEN).next_to(plane.n2p(w), UR, buff=0.1)
        for name in (z_name, w_name):
            name.add_background_rectangle(opacity=0.7)
        self.play(Create(plane), run_time=2)
        self.play(GrowArrow(z_arrow), Create(arc(z, BLUE, 0.9)), FadeIn(z_name))
        self.play(GrowArrow(w_arrow), Create(arc(w, GREEN, 0.6)), FadeIn(w_name))

        moving = z_arrow.copy().set_color(YELLOW)
        self.play(Rotate(moving, np.angle(w), about_point=zero), run_time=2)
        product_arrow = arrow(z * w, YELLOW)
        self.play(Transform(moving, product_arrow), run_time=1.5)

        result = MathTex("zw = 1 + 3i", color=YELLOW).next_to(plane.n2p(z * w), RIGHT)
        result.add_background_rectangle(opacity=0.7)
        work = MathTex(
            r"(2+i)(1+i) = 2 + 2i + i - 1", r"|zw| = \sqrt5 \cdot \sqrt2 = \sqrt{10}"
        ).arrange(DOWN, aligned_edge=LEFT).scale(0.8).to_corner(UR).add_background_rectangle(opacity=0.85)
        self.play(FadeIn(result))
        self.play(FadeIn(work))
        self.wait()
