"""Find a root of x³ − 2x − 5 by Newton's method starting at x = 3.4: drop to the curve, follow
the tangent down to the axis, repeat. Zoom the camera in after the second step and list the
iterates in a small table that stays in the corner of the view.

topic: calculus
level: advanced
"""

from manim import *


def f(x):
    return x ** 3 - 2 * x - 5


def df(x):
    return 3 * x ** 2 - 2


class NewtonIteration(MovingCameraScene):
    def construct(self):
        frame = self.camera.frame
        axes = Axes(
            x_range=[1, 4, 1], y_range=[-6, 30, 6], x_length=11, y_length=7,
            tips=False, axis_config={"include_numbers": True, "font_size": 28},
        )
        graph = axes.plot(f, x_range=[1, 3.5], color=BLUE)
        formula = MathTex("f(x) = x^3 - 2x - 5", color=BLUE).move_to(axes.c2p(2, 24))
        self.play(Create(axes), Create(graph), Write(formula), run_time=2)

        table = VGroup(MathTex("n"), MathTex("x_n")).arrange(RIGHT, buff=0.8)
        table.move_to(axes.c2p(1.5, 15))
        entries = VGroup(table)
        self.play(FadeIn(table))

        x = 3.4
        marks = VGroup()
        for n in range(4):
            drop = DashedLine(axes.c2p(x, 0), axes.c2p(x, f(x)), color=GREY_B, stroke_width=2)
            point = Dot(axes.c2p(x, f(x)), color=YELLOW, radius=0.006 * frame.width)
            self.play(Create(drop), FadeIn(point), self.add_entry(entries, n, x), run_time=0.8)

            following = x - f(x) / df(x)
            tangent = Line(
                axes.c2p(x, f(x)), axes.c2p(following, 0),
                color=RED, stroke_width=4 * frame.width / config.frame_width,
            )
            landing = Dot(axes.c2p(following, 0), color=RED, radius=0.006 * frame.width)
            marks.add(point, landing)
            self.play(Create(tangent), run_time=0.8)
            self.play(FadeIn(landing), run_time=0.4)
            x = following

            if n == 1:
                self.zoom(frame, entries, marks, axes.c2p(2.2, 1))
        self.play(self.add_entry(entries, 4, x))
        self.play(Indicate(entries[-1], color=YELLOW))
        self.wait()

    def add_entry(self, entries, n, x):
        header = entries[0]
        scale = header.height / 0.35
        row = VGroup(
            MathTex(str(n)).scale(0.8 * scale),
            MathTex(f"{x:.6f}").scale(0.8 * scale),
        )
        below = entries[-1].get_bottom()[1] - 0.3 * scale
        row[0].move_to([header[0].get_x(), below, 0])
        row[1].move_to([header[1].get_x(), below, 0])
        entries.add(row)
        return FadeIn(row)

    def zoom(self, frame, entries, marks, centre):
        factor = 0.35
        target_corner = centre + factor * np.array([-6.3, 3.5, 0])
        self.play(
            frame.animate.scale(factor).move_to(centre),
            entries.animate.scale(factor).move_to(target_corner, aligned_edge=UL),
            *[mark.animate.scale(factor) for mark in marks],
            run_time=2.5,
        )
