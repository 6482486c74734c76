"""Wrap the radius of a circle along its rim: colour arcs of one radian each, six of them, and
point out that a little (about 0.28) is left over to 2π.

topic: trigonometry
level: basic
"""

from manim import *


class DegreesToRadians(Scene):
    def construct(self):
        circle = Circle(2.3, color=GREY)
        radius = Line(ORIGIN, 2.3 * RIGHT, color=YELLOW, stroke_width=6)
        self.play(Create(circle), Create(radius))
        colors = [RED, ORANGE, YELLOW, GREEN, BLUE, PURPLE]
        for k, color in enumerate(colors):
            arc = Arc(2.3, start_angle=k, angle=1, color=color, stroke_width=8)
            label = Text(f"{k + 1}", font_size=28, color=color).move_to(2.75 * rotate_vector(RIGHT, k + 0.5))
            self.play(TransformFromCopy(radius, arc), FadeIn(label), run_time=0.7)
        rest = Arc(2.3, start_angle=6, angle=TAU - 6, color=WHITE, stroke_width=8)
        note = MathTex(r"2\pi - 6 \approx 0.28").next_to(rest, RIGHT, buff=0.6)
        self.play(Create(rest), Write(note))
        self.wait()
