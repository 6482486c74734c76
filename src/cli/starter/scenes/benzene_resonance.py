"""Draw benzene as a carbon hexagon with alternating double bonds, flip between its two Kekulé
structures three times, and end with the circle that stands for the shared electrons.

topic: chemistry
level: intermediate
"""

from manim import *


class BenzeneResonance(Scene):
    def construct(self):
        ring = RegularPolygon(6, radius=2, start_angle=PI / 2)
        corners = ring.get_vertices()
        carbons = VGroup(*[Text("C", font_size=36).move_to(c) for c in corners])
        hydrogens = VGroup(*[Text("H", font_size=30, color=GREY_B).move_to(1.5 * c) for c in corners])
        for atom in carbons:
            atom.add_background_rectangle(opacity=1, buff=0.1)
        bonds = VGroup(*[Line(a, b) for a, b in zip(corners, np.roll(corners, -1, axis=0))])
        stubs = VGroup(*[Line(c, 1.38 * c, stroke_width=3) for c in corners])

        def double_bonds(first):
            return VGroup(*[
                bonds[k].copy().scale(0.55).shift(-0.2 * normalize(bonds[k].get_center())).set_color(YELLOW)
                for k in range(first, 6, 2)
            ])

        self.play(Create(bonds), Create(stubs))
        self.play(FadeIn(carbons), FadeIn(hydrogens))
        inner = double_bonds(0)
        self.play(Create(inner))
        for first in (1, 0, 1):
            self.play(Transform(inner, double_bonds(first)), run_time=0.8)
            self.wait(0.3)
        cloud = Circle(1.15, color=YELLOW)
        caption = Text("six shared electrons", font_size=30, color=YELLOW).to_edge(DOWN, buff=0.3)
        self.play(ReplacementTransform(inner, cloud), Write(caption))
        self.wait()
