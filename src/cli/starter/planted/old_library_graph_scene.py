"""Plot a cubic with labelled axes, drop a vertical line at x = 2 and fade the graph out
downwards.

topic: calculus
level: intermediate
"""

from manimlib.imports import *


class CubicGraph(GraphScene):
    CONFIG = {
        "x_min": -3,
        "x_max": 3,
        "y_min": -10,
        "y_max": 10,
        "graph_origin": ORIGIN,
        "function_color": BLUE,
    }

    def construct(self):
        self.setup_axes(animate=True)
        graph = self.get_graph(lambda x: x ** 3 - 3 * x, self.function_color)
        label = self.get_graph_label(graph, label="x^3 - 3x")
        line = self.get_vertical_line_to_graph(2, graph, DashedLine, color=RED)
        self.play(ShowCreation(graph), FadeInFromDown(label))
        self.play(ShowCreation(line))
        self.wait()
        self.play(FadeOutAndShift(VGroup(graph, label, line), DOWN))
