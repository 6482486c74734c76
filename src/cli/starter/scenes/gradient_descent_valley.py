"""Gradient descent on the curve y = (x² − 2)²/4 + x/2 + 1 from x = 2.3: a ball takes 12 steps,
each drawn as a tangent arrow, and comes to rest in the shallower right-hand valley although the
left one is deeper.

topic: machine-learning
level: intermediate
"""

from manim import *


class GradientDescentValley(Scene):
    def construct(self):
        loss = lambda x: (x * x - 2) ** 2 / 4 + x / 2 + 1
        grad = lambda x: x * (x * x - 2) + 0.5
        rate = 0.09

        axes = Axes(x_range=[-3, 3, 1], y_range=[0, 5, 1], x_length=10, y_length=5.5, tips=False)
        axes.to_edge(DOWN, buff=0.9)
        curve = axes.plot(loss, x_range=[-2.45, 2.35], color=BLUE)
        rule = MathTex(r"x \leftarrow x - \eta\, L'(x)", r"\qquad \eta = 0.09").to_edge(UP)
        self.play(Create(axes), Create(curve), Write(rule))

        x = 2.3
        ball = Dot(axes.c2p(x, loss(x)), color=YELLOW, radius=0.12)
        counter = VGroup(Text("step", font_size=30), Integer(0)).arrange(RIGHT).to_corner(UL).shift(DOWN)
        self.play(FadeIn(ball, scale=3), FadeIn(counter))
        for step in range(1, 13):
            slope = grad(x)
            new = x - rate * slope
            arrow = Arrow(
                axes.c2p(x, loss(x)), axes.c2p(new, loss(x) + slope * (new - x)),
                buff=0, color=RED, stroke_width=3, max_tip_length_to_length_ratio=0.3,
            )
            path = axes.plot(loss, x_range=[new, x]).reverse_points()
            self.play(GrowArrow(arrow), run_time=0.25)
            self.play(MoveAlongPath(ball, path), FadeOut(arrow), run_time=0.4)
            counter[1].set_value(step)
            x = new

        local = Text("local minimum", font_size=26, color=YELLOW).next_to(ball, DOWN, buff=0.25)
        deepest = axes.c2p(-1.52, loss(-1.52))
        true = Text("global minimum", font_size=26, color=GREEN).move_to(deepest + 0.75 * DOWN)
        self.play(FadeIn(local), FadeIn(true, Dot(deepest, color=GREEN)))
        self.wait()
