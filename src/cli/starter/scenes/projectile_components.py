"""Throw a ball at 60° and follow it along its parabola. Its velocity is split into a constant
horizontal arrow and a vertical arrow that shrinks, vanishes at the top and grows downwards.

topic: physics
level: intermediate
"""

from manim import *


class ProjectileComponents(Scene):
    def construct(self):
        g, speed, angle = 9.8, 10.5, 60 * DEGREES
        vx, vy = speed * np.cos(angle), speed * np.sin(angle)
        flight = 2 * vy / g
        start, scale = 5.2 * LEFT + 1.4 * DOWN, 0.95
        t = ValueTracker(0)

        def place(time):
            return start + scale * np.array([vx * time, vy * time - g * time ** 2 / 2, 0])

        ground = Line(7 * LEFT, 7 * RIGHT, color=GREEN_E).shift(1.4 * DOWN)
        path = ParametricFunction(place, t_range=[0, flight, 0.02], color=GREY)
        dashed = DashedVMobject(path, num_dashes=50)
        ball = always_redraw(lambda: Dot(place(t.get_value()), radius=0.13, color=YELLOW))

        def velocity():
            here = place(t.get_value())
            x_part, y_part = 0.2 * vx * RIGHT, 0.2 * (vy - g * t.get_value()) * UP
            arrows = VGroup(Arrow(here, here + x_part, buff=0, color=BLUE))
            if np.linalg.norm(y_part) > 0.05:
                arrows.add(Arrow(here, here + y_part, buff=0, color=RED))
            arrows.add(Arrow(here, here + x_part + y_part, buff=0, color=WHITE, stroke_width=3))
            return arrows

        key = VGroup(
            MathTex(r"v_x = v_0\cos\alpha", color=BLUE), MathTex(r"v_y = v_0\sin\alpha - g\,t", color=RED)
        ).arrange(DOWN, aligned_edge=LEFT).to_corner(UR)
        arrows = always_redraw(velocity)
        self.play(Create(ground), FadeIn(ball), Write(key))
        self.play(FadeIn(arrows))
        self.play(t.animate.set_value(flight / 2), Create(dashed), rate_func=linear, run_time=2.5)
        top = Text("top: no vertical speed", font_size=28).next_to(place(flight / 2), UP, buff=0.3)
        self.play(FadeIn(top))
        self.play(t.animate.set_value(flight), rate_func=linear, run_time=2.5)
        self.wait()
