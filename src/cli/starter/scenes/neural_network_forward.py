"""One forward pass through a small 3-4-4-2 neural network: neurons and weighted connections
first (blue positive, red negative), then pulses run layer by layer and every neuron fills
according to its sigmoid activation, printed inside it.

topic: machine-learning
level: advanced
"""

from manim import *


class Network(VGroup):
    """Circles in layers, joined by lines whose colour and width show the weight."""

    def __init__(self, sizes, weights, radius=0.38, **kwargs):
        super().__init__(**kwargs)
        self.layers = VGroup(*[
            VGroup(*[Circle(radius, color=WHITE, stroke_width=2) for _ in range(size)]).arrange(DOWN, buff=0.45)
            for size in sizes
        ]).arrange(RIGHT, buff=2.2)
        self.bundles = VGroup()
        for before, after, matrix in zip(self.layers, self.layers[1:], weights):
            bundle = VGroup()
            for j, end in enumerate(after):
                for i, start in enumerate(before):
                    w = matrix[j, i]
                    bundle.add(Line(
                        start.get_right(), end.get_left(),
                        stroke_color=BLUE if w > 0 else RED,
                        stroke_width=1 + 2.2 * abs(w),
                        stroke_opacity=0.7,
                    ))
            self.bundles.add(bundle)
        self.add(self.bundles, self.layers)


class NeuralNetworkForward(Scene):
    def construct(self):
        rng = np.random.default_rng(3)
        sizes = [3, 4, 4, 2]
        weights = [rng.normal(0, 1.1, size=(n, m)) for m, n in zip(sizes, sizes[1:])]
        network = Network(sizes, weights).shift(0.3 * UP)
        titles = VGroup(*[
            Text(name, font_size=26).next_to(layer, DOWN, buff=0.3).set_y(-3.2)
            for name, layer in zip(("input", "hidden", "hidden", "output"), network.layers)
        ])
        self.play(LaggedStart(*[FadeIn(layer) for layer in network.layers], lag_ratio=0.3), FadeIn(titles))
        self.play(Create(network.bundles, lag_ratio=0.02), run_time=2)

        activation = np.array([0.9, 0.1, 0.6])
        self.light(network.layers[0], activation)
        for k, matrix in enumerate(weights):
            pulses = [
                ShowPassingFlash(line.copy().set_stroke(YELLOW, width=4, opacity=1), time_width=0.4)
                for line in network.bundles[k]
            ]
            self.play(*pulses, run_time=1.2)
            activation = 1 / (1 + np.exp(-matrix @ activation))
            self.light(network.layers[k + 1], activation)
        winner = network.layers[-1][int(np.argmax(activation))]
        self.play(Create(SurroundingRectangle(winner, color=YELLOW, corner_radius=0.1)))
        self.wait()

    def light(self, layer, values):
        fills, numbers = [], []
        for neuron, value in zip(layer, values):
            fills.append(neuron.animate.set_fill(GREEN, opacity=float(value)))
            number = DecimalNumber(value, num_decimal_places=2, font_size=24).move_to(neuron)
            numbers.append(FadeIn(number))
        self.play(*fills, *numbers, run_time=0.8)
