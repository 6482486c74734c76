"""Build a box plot from eleven exam scores on a number line: drop the sorted dots, mark the
minimum, quartiles and maximum, then draw the box, the median bar and the whiskers above them
with the five values written out.

topic: statistics
level: intermediate
"""

from manim import *


class BoxPlotFromData(Scene):
    def construct(self):
        scores = sorted([52, 71, 64, 88, 79, 67, 93, 58, 74, 69, 81])
        axis = NumberLine(
            x_range=[40, 100, 10], length=12, include_numbers=True, font_size=28
        ).shift(1.5 * DOWN)
        dots = VGroup(*[Dot(axis.n2p(s) + 0.3 * UP, color=BLUE) for s in scores])
        self.play(Create(axis))
        self.play(LaggedStart(*[FadeIn(d, shift=DOWN) for d in dots], lag_ratio=0.15))

        names = ["min", "Q1", "median", "Q3", "max"]
        places = [0, 2, 5, 8, 10]  # of 11 sorted values
        five = [scores[i] for i in places]
        self.play(*[dots[i].animate.set_color(YELLOW).scale(1.4) for i in places])

        level = 1.2 * UP
        x = [axis.n2p(v)[0] for v in five]
        y = level[1]
        box = Rectangle(width=x[3] - x[1], height=1.2, color=GREEN, fill_opacity=0.3)
        box.move_to([(x[1] + x[3]) / 2, y, 0])
        median = Line([x[2], y - 0.6, 0], [x[2], y + 0.6, 0], color=RED, stroke_width=6)
        whiskers = VGroup(
            Line([x[0], y, 0], [x[1], y, 0]), Line([x[3], y, 0], [x[4], y, 0]),
            Line([x[0], y - 0.3, 0], [x[0], y + 0.3, 0]), Line([x[4], y - 0.3, 0], [x[4], y + 0.3, 0]),
        )
        guides = VGroup(*[
            DashedLine(dots[i].get_center(), [px, y, 0], stroke_width=1.5, color=GREY)
            for i, px in zip(places, x)
        ])
        self.play(Create(guides), run_time=1)
        self.play(Create(box), Create(median))
        self.play(Create(whiskers))
        labels = VGroup(*[
            VGroup(Text(n, font_size=22), Text(str(v), font_size=26)).arrange(DOWN, buff=0.1).move_to([px, y + 1.15, 0])
            for n, v, px in zip(names, five, x)
        ])
        self.play(FadeIn(labels, shift=0.2 * UP))
        self.wait()
