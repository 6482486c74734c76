"""Play the Monty Hall game 60 times with a seeded generator: a small grid records each game as
a win for staying (blue) or switching (orange), and two bars show how often each strategy would
have won.

topic: probability
level: intermediate
"""

import random

from manim import *


class MontyHallFrequencies(Scene):
    def construct(self):
        random.seed(5)
        games = [random.randrange(3) == random.randrange(3) for _ in range(60)]  # True: staying wins
        cells = VGroup(*[
            Square(0.5, stroke_width=1, stroke_color=GREY, fill_opacity=0.9, fill_color=BLUE if stay else ORANGE)
            for stay in games
        ]).arrange_in_grid(cols=10, buff=0.08).to_edge(LEFT, buff=0.8)

        base = Line(0.6 * RIGHT, 5.6 * RIGHT).shift(2 * DOWN)
        names = VGroup(
            Text("stay", font_size=30, color=BLUE).move_to([1.8, -2.5, 0]),
            Text("switch", font_size=30, color=ORANGE).move_to([4.4, -2.5, 0]),
        )
        played = ValueTracker(0)

        def bars():
            n = int(played.get_value())
            stay = sum(games[:n])
            group = VGroup()
            for x, wins, color in ((1.8, stay, BLUE), (4.4, n - stay, ORANGE)):
                share = wins / n if n else 0
                bar = Rectangle(width=1.2, height=max(0.02, 5 * share), color=color, fill_opacity=0.8)
                bar.move_to([x, -2, 0], aligned_edge=DOWN)
                group.add(bar, Text(f"{share:.0%}", font_size=28).next_to(bar, UP))
            return group

        self.play(Create(base), FadeIn(names))
        self.add(always_redraw(bars))
        self.play(
            ShowIncreasingSubsets(cells, rate_func=linear),
            played.animate(rate_func=linear).set_value(len(games)),
            run_time=8,
        )
        guide = DashedLine([0.6, -2 + 10 / 3, 0], [5.6, -2 + 10 / 3, 0], color=GREY_B)
        self.play(Create(guide), FadeIn(MathTex(r"\tfrac{2}{3}").next_to(guide, RIGHT)))
        self.wait()
