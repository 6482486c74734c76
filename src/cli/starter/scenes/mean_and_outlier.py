"""Five salaries on a line: drag the largest one far to the right and watch the mean, a yellow
triangle, follow it while the median stays where it was.

topic: statistics
level: basic
"""

from manim import *


class MeanAndOutlier(Scene):
    def construct(self):
        line = NumberLine(x_range=[0, 20, 2], length=12, include_numbers=True)
        top = ValueTracker(7)
        values = lambda: [2, 3, 4, 6, top.get_value()]
        dots = always_redraw(lambda: VGroup(*[Dot(line.n2p(v), color=BLUE, radius=0.12) for v in values()]))
        mean = always_redraw(lambda: VGroup(
            mark := Triangle(color=YELLOW, fill_opacity=1).scale(0.15).next_to(line.n2p(np.mean(values())), UP),
            Text(f"mean {np.mean(values()):.1f}", font_size=28, color=YELLOW).next_to(mark, UP),
        ))
        median = Text("median 4", font_size=28, color=GREEN).next_to(line.n2p(4), DOWN, buff=0.9)
        self.play(Create(line), FadeIn(dots))
        self.play(FadeIn(mean), Write(median))
        self.play(top.animate.set_value(20), run_time=3)
        self.wait()
