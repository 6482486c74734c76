"""Show the central limit theorem with exact distributions: bars for the sum of 1, 2, 3 and 5
dice, computed by convolution, morph into one another and the shape turns from flat to
triangular to a bell.

topic: statistics
level: intermediate
"""

from manim import *


def sum_of_dice(count):
    """Probabilities of the totals count, ..., 6 * count."""
    one = np.full(6, 1 / 6)
    total = one
    for _ in range(count - 1):
        total = np.convolve(total, one)
    return total


class DiceSumsNormal(Scene):
    def construct(self):
        base = Line(6 * LEFT, 6 * RIGHT).shift(2.7 * DOWN)
        title = Text("1 die", font_size=40).to_edge(UP)
        bars = self.histogram(1)
        self.play(Create(base), Write(title))
        self.play(LaggedStart(*[GrowFromEdge(bar, DOWN) for bar in bars], lag_ratio=0.1))
        for count in (2, 3, 5):
            new_title = Text(f"{count} dice", font_size=40).to_edge(UP)
            self.play(
                ReplacementTransform(bars, new_bars := self.histogram(count)),
                FadeTransform(title, new_title),
                run_time=1.5,
            )
            bars, title = new_bars, new_title
            self.wait(0.5)
        outline = VMobject(color=YELLOW).set_points_smoothly([bar.get_top() for bar in bars])
        self.play(Create(outline))
        self.wait()

    def histogram(self, count):
        chances = sum_of_dice(count)
        width = min(0.8, 11 / len(chances))
        bars = VGroup()
        for chance in chances:
            bars.add(Rectangle(
                width=width, height=4.6 * chance / chances.max(),
                stroke_width=1, fill_color=BLUE, fill_opacity=0.7,
            ))
        bars.arrange(RIGHT, buff=0, aligned_edge=DOWN)
        return bars.move_to(2.7 * DOWN, aligned_edge=DOWN)
