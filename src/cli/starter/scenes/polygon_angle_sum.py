"""Cut a regular hexagon into four triangles by the diagonals from one corner, colour them one
by one, and conclude below that its angles add up to 4 · 180° = 720°.

topic: geometry
level: basic
"""

from manim import *


class PolygonAngleSum(Scene):
    def construct(self):
        hexagon = RegularPolygon(6, radius=2.3).set_color(WHITE).shift(0.5 * UP)
        corners = hexagon.get_vertices()
        self.play(Create(hexagon))

        colors = [RED_D, GOLD_D, GREEN_D, BLUE_D]
        for k, color in enumerate(colors, start=1):
            piece = Polygon(
                corners[0], corners[k], corners[k + 1],
                color=WHITE, fill_color=color, fill_opacity=0.7,
            )
            degrees = MathTex(r"180^\circ", font_size=32).move_to(piece.get_center_of_mass())
            self.play(FadeIn(piece, degrees), run_time=0.7)

        total = MathTex(r"(6 - 2) \cdot 180^\circ", "=", r"720^\circ").to_edge(DOWN)
        self.play(Write(total))
        self.play(Circumscribe(total[2]))
        self.wait()
