"""Place 100 points on a circle and join each k to 2k modulo 100: a cardioid appears as the
envelope. Then let the multiplier glide from 2 to 3 so that it turns into a nephroid.

topic: number-theory
level: intermediate
"""

from manim import *


class TimesTableCircle(Scene):
    def construct(self):
        count = 100
        circle = Circle(3.2, color=GREY_B, stroke_width=2)
        factor = ValueTracker(2)

        def point(k):
            return circle.point_at_angle(TAU * (k / count) % TAU)

        def chords():
            m = factor.get_value()
            return VGroup(*[
                Line(point(k), point(m * k), stroke_width=1.5, color=interpolate_color(BLUE, PURPLE, k / count))
                for k in range(1, count)
            ])

        label = always_redraw(
            lambda: Text(f"×{factor.get_value():.2f}", font_size=40).to_corner(UL)
        )
        dots = VGroup(*[Dot(point(k), radius=0.03) for k in range(count)])
        self.play(Create(circle), FadeIn(dots), FadeIn(label))
        first = chords()
        self.play(LaggedStart(*[Create(c) for c in first], lag_ratio=0.03), run_time=3)
        self.remove(*first)
        self.add(always_redraw(chords))
        self.play(factor.animate.set_value(3), run_time=5, rate_func=linear)
        self.wait()
