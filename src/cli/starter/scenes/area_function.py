"""The fundamental theorem of calculus in two linked plots: above, the shaded area under f(t) =
1 + sin t grows as x moves right; below, a point traces that area as a curve F. At the end mark
that the slope of F equals the height of f at the same x.

topic: calculus
level: advanced
"""

from manim import *


class AreaFunction(Scene):
    def construct(self):
        f = lambda t: 1 + np.sin(t)
        big_f = lambda x: x + 1 - np.cos(x)
        settings = dict(x_length=9, tips=False)
        upper = Axes(x_range=[0, 7, 1], y_range=[0, 2.2, 1], y_length=2.4, **settings)
        lower = Axes(x_range=[0, 7, 1], y_range=[0, 8, 2], y_length=3.2, **settings)
        VGroup(upper, lower).arrange(DOWN, buff=0.7).to_edge(LEFT, buff=1)
        lower.align_to(upper, LEFT)

        x = ValueTracker(0.01)
        curve = upper.plot(f, color=BLUE)
        f_name = MathTex("f(t) = 1 + \\sin t", color=BLUE, font_size=36)
        f_name.next_to(upper, RIGHT, buff=0.3)
        big_name = MathTex(r"F(x) = \int_0^x f(t)\,dt", color=GREEN, font_size=36)
        big_name.next_to(lower, RIGHT, buff=0.3)

        def shaded():
            return upper.get_area(curve, x_range=(0, x.get_value()), color=GREEN, opacity=0.5)

        def height():
            t = x.get_value()
            return Line(upper.c2p(t, 0), upper.c2p(t, f(t)), color=YELLOW, stroke_width=5)

        def traced():
            return lower.plot(big_f, x_range=[0, x.get_value(), 0.05], color=GREEN)

        def link():
            t = x.get_value()
            return DashedLine(
                upper.c2p(t, 0), lower.c2p(t, big_f(t)), color=GREY_B, stroke_width=1.5
            )

        self.play(Create(upper), Create(lower))
        self.play(Create(curve), Write(f_name))
        moving = VGroup(*[always_redraw(part) for part in (shaded, height, traced, link)])
        self.add(moving)
        self.play(Write(big_name))
        self.play(x.animate.set_value(6.5), run_time=5, rate_func=linear)
        self.play(x.animate.set_value(2.2), run_time=2)

        t = x.get_value()
        slope = f(t)
        touch = Line(
            lower.c2p(t - 1, big_f(t) - slope), lower.c2p(t + 1, big_f(t) + slope), color=YELLOW
        )
        dot = Dot(lower.c2p(t, big_f(t)), color=YELLOW)
        claim = MathTex("F'(x) = f(x)", color=YELLOW).next_to(big_name, DOWN, buff=0.6)
        self.play(TransformFromCopy(moving[1], touch), FadeIn(dot))
        self.play(Write(claim))
        self.wait()
