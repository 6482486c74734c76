"""Draw a water molecule as a ball model: one red oxygen, two white hydrogens at an angle of
104.5°, the bonds, and the angle marked between them.

topic: chemistry
level: basic
"""

from manim import *


class WaterMolecule(Scene):
    def construct(self):
        half = 104.5 / 2 * DEGREES
        ends = [2.4 * rotate_vector(DOWN, sign * half) + UP for sign in (-1, 1)]
        bonds = [Line(UP, end, stroke_width=10, color=GREY_B) for end in ends]
        oxygen = LabeledDot("O", radius=0.7, color=RED).move_to(UP)
        hydrogens = [LabeledDot("H", radius=0.45, color=WHITE).move_to(end) for end in ends]
        self.play(GrowFromCenter(oxygen))
        self.play(*[Create(bond) for bond in bonds], *[GrowFromCenter(h) for h in hydrogens])
        self.bring_to_front(oxygen, *hydrogens)
        angle = Angle(bonds[0], bonds[1], radius=1.2, color=YELLOW)
        value = MathTex(r"104.5^\circ", color=YELLOW).next_to(angle, DOWN)
        self.play(Create(angle), Write(value))
        self.wait()
