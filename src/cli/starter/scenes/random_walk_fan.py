"""Twenty random walks of 60 steps start together at zero. Draw them as thin lines over time and
lay the curves ±√n over the fan so that the typical spread can be seen.

topic: probability
level: intermediate
"""

from manim import *


class RandomWalkFan(Scene):
    def construct(self):
        steps, walkers = 60, 20
        rng = np.random.default_rng(13)
        axes = Axes(
            x_range=[0, steps, 10], y_range=[-20, 20, 10], x_length=11, y_length=6.2,
            axis_config={"include_numbers": True, "font_size": 24},
        )
        labels = axes.get_axis_labels(MathTex("n"), MathTex("S_n"))
        self.play(Create(axes), Write(labels))

        colors = color_gradient([BLUE, TEAL, GREEN], walkers)
        walks = VGroup()
        for color in colors:
            heights = np.concatenate([[0], np.cumsum(rng.choice([-1, 1], steps))])
            walk = axes.plot_line_graph(
                x_values=range(steps + 1), y_values=heights,
                add_vertex_dots=False, line_color=color, stroke_width=1.5,
            )
            walks.add(walk)
        self.play(*[Create(walk) for walk in walks], run_time=5, rate_func=linear)

        envelope = VGroup(*[
            axes.plot(lambda n, s=s: s * np.sqrt(n), x_range=[0, steps, 0.5], color=YELLOW)
            for s in (1, -1)
        ])
        name = MathTex(r"\pm\sqrt{n}", color=YELLOW).next_to(axes.c2p(steps, 8), UP, buff=0.2)
        self.play(walks.animate.set_stroke(opacity=0.45), Create(envelope), Write(name))
        self.wait()
