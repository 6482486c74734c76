"""Train a perceptron on two clouds of points that a line can separate. For each mistake flash
the point, move the weights by the update rule and turn the decision line; stop when a whole
pass makes no mistake and tint the two half-planes.

topic: machine-learning
level: advanced
"""

from manim import *


class PerceptronBoundary(Scene):
    half_width = 3.2

    def construct(self):
        rng = np.random.default_rng(8)
        positive = rng.normal([1.3, 1.1], 0.55, size=(12, 2))
        negative = rng.normal([-1.2, -0.9], 0.55, size=(12, 2))
        points = np.vstack([positive, negative])
        labels = np.array([1] * 12 + [-1] * 12)

        self.plane = NumberPlane(
            x_range=[-3, 3], y_range=[-3, 3], x_length=6.4, y_length=6.4,
            background_line_style={"stroke_opacity": 0.2},
        ).to_edge(LEFT, buff=0.6)
        dots = VGroup(*[
            Dot(self.plane.c2p(*p), color=BLUE if y == 1 else RED, radius=0.09)
            for p, y in zip(points, labels)
        ])
        self.play(Create(self.plane), FadeIn(dots, lag_ratio=0.05))

        weights, bias = np.array([-0.6, 1.0]), 1.4
        line = self.boundary(weights, bias)
        rule = MathTex(r"w \leftarrow w + y\,x, \quad b \leftarrow b + y").to_corner(UR)
        self.readout = self.numbers(weights, bias)
        self.play(Create(line), Write(rule), FadeIn(self.readout))

        mistakes = -1
        while mistakes != 0:
            mistakes = 0
            for point, label, dot in zip(points, labels, dots):
                if label * (weights @ point + bias) > 0:
                    continue
                mistakes += 1
                weights, bias = weights + label * point, bias + label
                new_numbers = self.numbers(weights, bias)
                self.play(Flash(dot, color=YELLOW), dot.animate(rate_func=there_and_back).scale(2), run_time=0.6)
                self.play(
                    Transform(line, self.boundary(weights, bias)),
                    FadeTransform(self.readout, new_numbers),
                )
                self.readout = new_numbers
        self.tint(weights, bias)
        done = Text("a pass without mistakes", font_size=30, color=GREEN)
        self.play(FadeIn(done.next_to(self.readout, DOWN, buff=0.8)))
        self.wait()

    def boundary(self, w, b):
        """The line w·x + b = 0, cut off at the edge of the plane."""
        foot = -b * w / (w @ w)
        along = np.array([-w[1], w[0]]) / np.linalg.norm(w)
        ts = np.linspace(-6, 6, 1201)
        inside = [t for t in ts if np.all(np.abs(foot + t * along) <= 3)]
        ends = [self.plane.c2p(*(foot + t * along)) for t in (inside[0], inside[-1])]
        return Line(*ends, color=YELLOW)

    def numbers(self, w, b):
        text = MathTex(rf"w = ({w[0]:.2f},\ {w[1]:.2f})", rf"\quad b = {b:.2f}", font_size=40)
        return text.move_to([3.9, 1.4, 0])

    def tint(self, w, b):
        cells = VGroup()
        step = 0.25
        for x in np.arange(-3 + step / 2, 3, step):
            for y in np.arange(-3 + step / 2, 3, step):
                color = BLUE if w @ [x, y] + b > 0 else RED
                cell = Square(step * 6.4 / 6, stroke_width=0, fill_color=color, fill_opacity=0.25)
                cells.add(cell.move_to(self.plane.c2p(x, y)))
        cells.set_z_index(-1)
        self.play(FadeIn(cells), run_time=1.5)
