"""An animated bubble chart: five countries (A to E) move through ten years of invented data for
income (x), life expectancy (y) and population (area), while the year counts up in the
background.

topic: data-charts
level: advanced
"""

from manim import *

# start and end of (income in thousands, life expectancy, population in millions)
COUNTRIES = {
    "A": ((4, 58, 30), (11, 68, 46), RED),
    "B": ((9, 66, 12), (20, 74, 14), ORANGE),
    "C": ((18, 71, 60), (31, 78, 62), GREEN),
    "D": ((30, 76, 8), (36, 81, 9), BLUE),
    "E": ((7, 52, 5), (9, 63, 9), PURPLE),
}
FIRST, LAST = 2010, 2020


class BubbleChartGrowth(Scene):
    def construct(self):
        axes = Axes(
            x_range=[0, 40, 10], y_range=[50, 85, 10], x_length=11, y_length=6, tips=False,
            axis_config={"include_numbers": True, "font_size": 24},
        )
        x_name = Text("income per head, thousands", font_size=22).next_to(axes.x_axis, DOWN, buff=0.15)
        y_name = Text("life expectancy", font_size=22).rotate(PI / 2).next_to(axes.y_axis, LEFT, buff=0.15)
        VGroup(axes, x_name, y_name).center()

        year = ValueTracker(FIRST)
        calendar = always_redraw(lambda: Text(
            f"{year.get_value():.0f}", font_size=150, color=GREY_D
        ).move_to(axes.c2p(27, 59)))

        def bubble(name):
            start, end, color = COUNTRIES[name]
            t = (year.get_value() - FIRST) / (LAST - FIRST)
            income, years, people = interpolate(np.array(start), np.array(end), t)
            disc = Circle(0.1 * np.sqrt(people), color=color, fill_opacity=0.6)
            disc.move_to(axes.c2p(income, years))
            return VGroup(disc, Text(name, font_size=24).move_to(disc))

        bubbles = {name: always_redraw(lambda name=name: bubble(name)) for name in COUNTRIES}
        self.play(FadeIn(calendar), Create(axes), FadeIn(x_name, y_name))
        self.play(LaggedStart(*[FadeIn(b, scale=0.3) for b in bubbles.values()], lag_ratio=0.3))

        trails = VGroup(*[
            TracedPath(lambda b=b: b[0].get_center(), stroke_color=COUNTRIES[name][2], stroke_width=2)
            for name, b in bubbles.items()
        ])
        self.add(trails)
        self.play(year.animate.set_value(LAST), run_time=6, rate_func=linear)
        self.wait()
