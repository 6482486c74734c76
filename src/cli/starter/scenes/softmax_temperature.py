"""Four logits (2, 1, 0.5, −1) become softmax probabilities shown as bars; sweep the temperature
from 1 to 0.25 and then up to 4 so that the distribution first sharpens and then flattens, with
the temperature displayed.

topic: machine-learning
level: intermediate
"""

from manim import *


class SoftmaxTemperature(Scene):
    def construct(self):
        logits = np.array([2.0, 1.0, 0.5, -1.0])
        temperature = ValueTracker(1)
        names = ["cat", "dog", "fox", "owl"]
        floor = 2.5 * DOWN
        full = 4.5  # height of a bar of probability 1

        def softmax():
            z = np.exp(logits / temperature.get_value())
            return z / z.sum()

        def bars():
            group = VGroup()
            for k, p in enumerate(softmax()):
                bar = Rectangle(width=1.2, height=full * p, fill_color=TEAL, fill_opacity=0.9, stroke_width=0)
                bar.move_to(floor + (k - 1.5) * 1.9 * RIGHT, aligned_edge=DOWN)
                group.add(bar, Text(f"{p:.2f}", font_size=28).next_to(bar, UP, buff=0.15))
            return group

        words = VGroup(*[
            Text(name, font_size=30).move_to(floor + (k - 1.5) * 1.9 * RIGHT + 0.4 * DOWN)
            for k, name in enumerate(names)
        ])
        formula = MathTex(r"p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}").to_corner(UR)
        dial = always_redraw(lambda: MathTex(f"T = {temperature.get_value():.2f}", color=YELLOW).to_corner(UL))
        chart = always_redraw(bars)
        self.play(Create(Line(4.5 * LEFT, 4.5 * RIGHT).move_to(floor)), FadeIn(words), Write(formula))
        self.play(FadeIn(chart, dial))
        for target in (0.25, 4):
            self.play(temperature.animate.set_value(target), run_time=3)
            self.wait(0.5)
        self.wait()
