"""A cycle graph with eight vertices; a yellow token walks once around it along the edges.

topic: graph-theory
level: basic
"""

from manim import *


class GraphCycle(Scene):
    def construct(self):
        vertices = list(range(8))
        edges = [(v, (v + 1) % 8) for v in vertices]
        graph = Graph(vertices, edges, layout="circular", layout_scale=2.5)
        token = Dot(color=YELLOW, radius=0.2).move_to(graph[0])
        self.play(Create(graph))
        self.play(FadeIn(token))
        for _, end in edges:
            self.play(token.animate.move_to(graph[end]), run_time=0.4)
        self.wait()
