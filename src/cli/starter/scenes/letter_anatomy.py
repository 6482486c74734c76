"""Anatomy of type: set the word "Typography" very large, add the guide lines for baseline,
x-height, cap height and descender, and name the counter of an o and the descender of a p with
small arrows.

topic: typography
level: intermediate
"""

from manim import *


class LetterAnatomy(Scene):
    def construct(self):
        word = Text("Typography", font_size=150, font="serif")
        word.scale_to_fit_width(10).shift(0.2 * UP)
        self.play(Write(word), run_time=2)

        t, _, p, o = word[:4]
        levels = {
            "cap height": t.get_top()[1],
            "x-height": o.get_top()[1],
            "baseline": t.get_bottom()[1],
            "descender": p.get_bottom()[1],
        }
        colors = [BLUE, GREEN, YELLOW, RED]
        for (name, y), color in zip(levels.items(), colors):
            rule = DashedLine([-5.3, y, 0], [5.3, y, 0], color=color, stroke_width=2)
            label = Text(name, font_size=20, color=color).next_to(rule, RIGHT, buff=0.1)
            self.play(Create(rule), FadeIn(label), run_time=0.7)

        counter = Arrow([o.get_x() - 0.6, 3, 0], o.get_center(), color=ORANGE, buff=0.1)
        counter_name = Text("counter", font_size=28, color=ORANGE).next_to(counter.get_start(), UP, buff=0.1)
        stem = Arrow(p.get_corner(DL) + 1.4 * DL, p.get_corner(DL) + 0.1 * UP, color=RED, buff=0.1)
        stem_name = Text("descender of the p", font_size=28, color=RED).next_to(stem.get_start(), DOWN, buff=0.1)
        self.play(GrowArrow(counter), FadeIn(counter_name))
        self.play(GrowArrow(stem), FadeIn(stem_name))
        self.play(Indicate(p, color=RED), Indicate(o, color=ORANGE))
        self.wait()
