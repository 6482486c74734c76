"""On the graph of y = x²/2 fix the point x = 1 and let a second point slide towards it. The
secant through both turns into the tangent while h and the slope (f(1+h) − f(1))/h are shown
with three decimals.

topic: calculus
level: intermediate
"""

from manim import *


class SecantToTangent(Scene):
    def construct(self):
        def f(x):
            return x ** 2 / 2

        axes = Axes(x_range=[-1, 4], y_range=[-1, 6], x_length=7, y_length=6.5, tips=False)
        axes.to_edge(LEFT, buff=0.4)
        graph = axes.plot(f, x_range=[-1, 3.4], color=BLUE)
        h = ValueTracker(2)
        fixed = Dot(axes.c2p(1, f(1)), color=YELLOW)

        def slope():
            return (f(1 + h.get_value()) - f(1)) / h.get_value()

        def line_through():
            m = slope()
            return Line(axes.c2p(-0.2, f(1) - 1.2 * m), axes.c2p(3.6, f(1) + 2.6 * m), color=RED)

        secant = always_redraw(line_through)
        moving = always_redraw(lambda: Dot(axes.c2p(1 + h.get_value(), f(1 + h.get_value())), color=RED))

        h_value = DecimalNumber(2, num_decimal_places=3)
        m_value = DecimalNumber(slope(), num_decimal_places=3)
        h_value.add_updater(lambda m: m.set_value(h.get_value()))
        m_value.add_updater(lambda m: m.set_value(slope()))
        table = VGroup(
            VGroup(MathTex("h ="), h_value).arrange(RIGHT),
            VGroup(MathTex(r"\frac{f(1+h) - f(1)}{h} ="), m_value).arrange(RIGHT),
        ).arrange(DOWN, aligned_edge=LEFT, buff=0.6).to_edge(RIGHT, buff=0.6)

        self.play(Create(axes), Create(graph), run_time=2)
        self.play(FadeIn(fixed), FadeIn(moving), Create(secant), FadeIn(table))
        self.play(h.animate.set_value(0.5), run_time=2)
        self.play(h.animate.set_value(0.001), run_time=3, rate_func=rush_from)
        tangent = Tex("slope of the tangent: $f'(1) = 1$", color=YELLOW, font_size=40)
        self.play(Write(tangent.next_to(table, DOWN, buff=0.8)))
        self.wait()
