"""Plot the sigmoid 1/(1 + e^(−kx)) for k = 1, 2 and 8 in three colours on one pair of axes with
a legend, so that it visibly approaches a step.

topic: machine-learning
level: basic
"""

from manim import *


class SigmoidSlopes(Scene):
    def construct(self):
        axes = Axes(x_range=[-5, 5, 1], y_range=[0, 1.2, 0.5], x_length=11, y_length=5)
        self.play(Create(axes))
        legend = VGroup()
        for k, color in ((1, BLUE), (2, GREEN), (8, RED)):
            curve = axes.plot(lambda x: 1 / (1 + np.exp(-k * x)), color=color)
            legend.add(MathTex(f"k = {k}", color=color))
            legend.arrange(DOWN).to_corner(UL, buff=1)
            self.play(Create(curve), FadeIn(legend[-1]))
        half = DashedLine(axes.c2p(-5, 0.5), axes.c2p(5, 0.5), color=GREY)
        self.play(Create(half))
        self.wait()
