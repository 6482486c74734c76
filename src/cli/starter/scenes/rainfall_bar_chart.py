"""A bar chart of one town's rainfall for six months in millimetres, with labels on the bars;
the chart then changes to the next year's numbers.

topic: data-charts
level: basic
"""

from manim import *


class RainfallBarChart(Scene):
    def construct(self):
        chart = BarChart(
            values=[62, 48, 55, 71, 90, 84],
            bar_names=["Jan", "Feb", "Mar", "Apr", "May", "Jun"],
            y_range=[0, 120, 20],
            y_length=5,
            x_length=10,
            bar_colors=[BLUE_E, BLUE, TEAL],
        )
        title = Text("Rainfall in mm", font_size=36).next_to(chart, UP)
        self.play(Create(chart), Write(title), run_time=2)
        self.play(FadeIn(chart.get_bar_labels(font_size=30)))
        self.wait()
        self.clear()
        self.add(chart, title)
        self.play(chart.animate.change_bar_values([40, 66, 80, 58, 112, 97]))
        self.play(FadeIn(chart.get_bar_labels(font_size=30)))
        self.wait()
