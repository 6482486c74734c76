"""Explain Bayes' rule for a medical test with areas: a unit square is split by 10 % prevalence,
then by the test's 90 % sensitivity and 20 % false alarms. Keep only the positive regions, and
read off that a positive result means 1/3.

topic: probability
level: intermediate
"""

from manim import *


class BayesUnitSquare(Scene):
    prevalence, sensitivity, false_alarm = 0.10, 0.90, 0.20

    def construct(self):
        side = 5.5
        corner = 6 * LEFT + 2.9 * DOWN

        def region(x0, x1, y0, y1, color):
            box = Rectangle(
                width=(x1 - x0) * side, height=(y1 - y0) * side,
                stroke_width=1, fill_color=color, fill_opacity=0.8,
            )
            return box.move_to(corner + x0 * side * RIGHT + y0 * side * UP, aligned_edge=DL)

        p = self.prevalence
        ill = region(0, p, 0, 1, RED_E)
        well = region(p, 1, 0, 1, BLUE_E)
        self.play(FadeIn(well))
        ill_label = Text("10 % ill", font_size=24).next_to(ill, UP, aligned_edge=LEFT)
        well_label = Text("90 % well", font_size=24).next_to(well, UP)
        self.play(FadeIn(ill), Write(ill_label), Write(well_label))

        true_pos = region(0, p, 0, self.sensitivity, RED)
        false_pos = region(p, 1, 0, self.false_alarm, ORANGE)
        self.play(GrowFromEdge(true_pos, DOWN), GrowFromEdge(false_pos, DOWN))

        legend = VGroup()
        for color, text in ((RED, "ill and positive: 0.1 × 0.9 = 0.09"),
                            (ORANGE, "well and positive: 0.9 × 0.2 = 0.18")):
            key = Square(0.3, fill_color=color, fill_opacity=1, stroke_width=0)
            legend.add(VGroup(key, Text(text, font_size=24)).arrange(RIGHT))
        legend.arrange(DOWN, aligned_edge=LEFT, buff=0.35).move_to(3.4 * RIGHT + 1.8 * UP)
        self.play(FadeIn(legend, lag_ratio=0.5))

        self.play(VGroup(ill, well).animate.set_opacity(0.15))
        answer = MathTex(
            r"P(\text{ill} \mid +) = \frac{0.09}{0.09 + 0.18} = \frac{1}{3}"
        ).next_to(legend, DOWN, buff=1)
        self.play(Write(answer))
        self.play(Circumscribe(answer[0][-3:]))
        self.wait()
