"""Approximate the area under y = 4x − x² between 0 and 4 with left Riemann rectangles, doubling
their number from 4 to 32. Print the sum each time; it should close in on 32/3.

topic: calculus
level: intermediate
"""

from manim import *


class RiemannRefinement(Scene):
    def construct(self):
        f = lambda x: 4 * x - x * x
        axes = Axes(
            x_range=[0, 5, 1],
            y_range=[0, 5, 1],
            x_length=8,
            y_length=5.2,
            axis_config={"include_numbers": True, "font_size": 26},
        ).to_corner(DL)
        curve = axes.plot(f, x_range=[0, 4], color=YELLOW)
        label = axes.get_graph_label(curve, "4x - x^2", x_val=3.2, direction=UR)
        self.play(Create(axes), run_time=1.5)
        self.play(Create(curve), Write(label))

        def rectangles(n):
            return axes.get_riemann_rectangles(
                curve, x_range=[0, 4], dx=4 / n, input_sample_type="left",
                color=(BLUE, GREEN), fill_opacity=0.6, stroke_width=1,
            )

        def summary(n):
            total = sum(f(k * 4 / n) for k in range(n)) * 4 / n
            return MathTex(rf"S_{{{n}}} = {total:.4f}").to_corner(UR, buff=1)

        bars, text = rectangles(4), summary(4)
        self.play(FadeIn(bars, lag_ratio=0.2), Write(text))
        for n in (8, 16, 32):
            self.play(Transform(bars, rectangles(n)), Transform(text, summary(n)))
            self.wait(0.5)
        exact = MathTex(r"\int_0^4 (4x - x^2)\,dx = \tfrac{32}{3}", color=YELLOW)
        exact.scale(0.85).next_to(text, DOWN, buff=0.5).to_edge(RIGHT, buff=0.4)
        self.play(Write(exact))
        self.wait()
