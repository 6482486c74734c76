"""Grow the Koch snowflake from an equilateral triangle through four generations, and keep a
caption beside it with the number of edges and the perimeter as a power of 4/3. How does a curve
of endless length fit on the screen?

topic: geometry
level: intermediate
"""

from manim import *


def koch(p, q, depth):
    """The points of a Koch curve from p to q, without q."""
    if depth == 0:
        return [p]
    u, v = p + (q - p) / 3, p + 2 * (q - p) / 3
    tip = u + rotate_vector(v - u, -PI / 3)
    stops = [p, u, tip, v, q]
    return [x for s, t in zip(stops, stops[1:]) for x in koch(s, t, depth - 1)]


class KochSnowflake(Scene):
    def construct(self):
        centre = 2.5 * LEFT
        corners = [centre + 2.9 * rotate_vector(UP, k * TAU / 3) for k in range(3)]

        def snowflake(depth):
            points = []
            for p, q in zip(corners, corners[1:] + corners[:1]):
                points += koch(p, q, depth)
            return Polygon(*points, color=BLUE_B, fill_color=BLUE_E, fill_opacity=0.6, stroke_width=2)

        def caption(depth):
            return VGroup(
                MathTex(rf"n = {depth}"),
                MathTex(rf"\text{{edges}} = 3 \cdot 4^{depth} = {3 * 4 ** depth}"),
                MathTex(rf"\text{{length}} = 3 \left(\tfrac{{4}}{{3}}\right)^{depth} "
                        rf"\approx {3 * (4 / 3) ** depth:.2f}"),
            ).arrange(DOWN, aligned_edge=LEFT, buff=0.4).move_to(3.6 * RIGHT)

        flake, text = snowflake(0), caption(0)
        self.play(Create(flake), Write(text))
        for depth in range(1, 5):
            new_flake, new_text = snowflake(depth), caption(depth)
            self.play(Transform(flake, new_flake), FadeTransform(text, new_text), run_time=1.5)
            text = new_text
            self.wait(0.3)
        self.play(Rotate(flake, PI / 3, about_point=centre), run_time=2)
        self.wait()
