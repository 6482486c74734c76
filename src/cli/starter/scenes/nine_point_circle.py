"""Construct the nine-point circle of a scalene triangle. Mark the three midpoints of the sides,
then the feet of the altitudes, then the midpoints between the vertices and the orthocentre,
each trio in its own colour, and only at the end draw the one circle through all nine.

topic: geometry
level: advanced
"""

from manim import *


def foot(p, a, b):
    """Foot of the perpendicular from p to the line ab."""
    direction = normalize(b - a)
    return a + np.dot(p - a, direction) * direction


class NinePointCircle(Scene):
    def construct(self):
        a = np.array([-4.0, -2.6, 0])
        b = np.array([2.6, -2.6, 0])
        c = np.array([-2.1, 2.4, 0])
        vertices = [a, b, c]

        triangle = Polygon(a, b, c, color=WHITE)
        names = VGroup(
            MathTex("A").next_to(a, DL, buff=0.1),
            MathTex("B").next_to(b, DR, buff=0.1),
            MathTex("C").next_to(c, UP, buff=0.1),
        )
        self.play(Create(triangle), Write(names))

        midpoints = [(b + c) / 2, (c + a) / 2, (a + b) / 2]
        self.reveal(midpoints, BLUE, "midpoints of the sides", row=0)

        feet = [foot(a, b, c), foot(b, c, a), foot(c, a, b)]
        altitudes = VGroup(*[
            DashedLine(v, f, stroke_width=2, color=GREY_B) for v, f in zip(vertices, feet)
        ])
        self.play(Create(altitudes), run_time=2)
        self.reveal(feet, GREEN, "feet of the altitudes", row=1)

        h = line_intersection([a, feet[0]], [b, feet[1]])
        orthocentre = Dot(h, color=WHITE, radius=0.06)
        label = MathTex("H", font_size=36).next_to(orthocentre, UR, buff=0.08)
        self.play(FadeIn(orthocentre, label))
        self.reveal([(v + h) / 2 for v in vertices], RED, "midpoints towards $H$", row=2)

        circle = Circle.from_three_points(*midpoints, color=YELLOW)
        self.play(Create(circle), run_time=3)
        radius = DoubleArrow(
            circle.get_center(), midpoints[0], buff=0, stroke_width=3, tip_length=0.15, color=YELLOW
        )
        note = Tex("its radius is half of", " the circumradius").arrange(DOWN, aligned_edge=LEFT)
        note.scale(0.8).to_corner(DR).set_color(YELLOW)
        self.play(GrowFromCenter(radius), Write(note))
        self.wait(2)

    def reveal(self, points, color, text, row):
        dots = VGroup(*[Dot(p, color=color) for p in points])
        entry = VGroup(Dot(color=color), Tex(text, font_size=36)).arrange(RIGHT)
        entry.move_to([2.9, 3 - 0.6 * row, 0], aligned_edge=LEFT)
        self.play(
            LaggedStart(*[FadeIn(dot, scale=3) for dot in dots], lag_ratio=0.4),
            FadeIn(entry, shift=LEFT),
        )
