"""Plot the monthly mean temperatures of two cities, one north and one south of the equator, as
line graphs over a labelled year axis and fill the area between them, noting the month with the
widest gap.

topic: data-charts
level: intermediate
"""

from manim import *


class TemperatureLineGraph(Scene):
    def construct(self):
        north = [1, 2, 6, 10, 15, 18, 20, 20, 16, 11, 6, 2]
        south = [24, 23, 21, 18, 14, 12, 11, 12, 15, 17, 20, 22]
        months = "J F M A M J J A S O N D".split()

        axes = Axes(
            x_range=[0, 13, 1], y_range=[0, 30, 10], x_length=11, y_length=5.4, tips=False,
            y_axis_config={"include_numbers": True, "font_size": 26},
        )
        names = VGroup(*[
            Text(m, font_size=22).next_to(axes.c2p(k, 0), DOWN, buff=0.2) for k, m in enumerate(months, start=1)
        ])
        unit = Text("°C", font_size=26).next_to(axes.y_axis, UP)
        self.play(Create(axes), FadeIn(names, unit))

        xs = list(range(1, 13))
        graphs = []
        for values, color, city in ((north, BLUE, "north"), (south, ORANGE, "south")):
            graph = axes.plot_line_graph(xs, values, line_color=color, vertex_dot_radius=0.06)
            label = Text(city, font_size=28, color=color).next_to(axes.c2p(12, values[-1]), RIGHT)
            self.play(Create(graph), FadeIn(label), run_time=2)
            graphs.append(graph)

        outline = [axes.c2p(x, y) for x, y in zip(xs, north)] + [
            axes.c2p(x, y) for x, y in zip(reversed(xs), reversed(south))
        ]
        between = Polygon(*outline, stroke_width=0, fill_color=WHITE, fill_opacity=0.15)
        self.play(FadeIn(between))

        widest = max(xs, key=lambda x: abs(north[x - 1] - south[x - 1]))
        gap = abs(north[widest - 1] - south[widest - 1])
        span = DoubleArrow(
            axes.c2p(widest, north[widest - 1]), axes.c2p(widest, south[widest - 1]), buff=0, color=YELLOW
        )
        note = Text(f"{gap} degrees", font_size=26, color=YELLOW).next_to(span, RIGHT)
        self.play(GrowFromCenter(span), Write(note))
        self.wait()
