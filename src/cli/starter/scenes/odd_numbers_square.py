"""Build the first five squares from odd numbers: add L-shaped layers of 1, 3, 5, 7 and 9 dots,
each in its own colour, and show that 1 + 3 + 5 + 7 + 9 = 5².

topic: number-theory
level: basic
"""

from manim import *


class OddNumbersSquare(Scene):
    def construct(self):
        colors = [RED, ORANGE, YELLOW, GREEN, BLUE]
        origin = 4 * LEFT + 1.5 * DOWN
        sums = MathTex("1", "+ 3", "+ 5", "+ 7", "+ 9", "= 5^2").move_to(3 * RIGHT)
        for n, color in enumerate(colors):
            places = [(n, k) for k in range(n + 1)] + [(k, n) for k in range(n)]
            layer = VGroup(*[
                Dot(origin + 0.8 * np.array([i, j, 0]), radius=0.25, color=color) for i, j in places
            ])
            sums[n].set_color(color)
            self.play(FadeIn(layer, scale=0.5), Write(sums[n]))
        self.play(Write(sums[5]))
        self.wait()
