"""Overlay the cosine curve with its Taylor polynomials of degree 0, 2, 4, 6 and 8 about zero,
each new one in a warmer colour, so that the interval of good agreement visibly widens. Write
the polynomial at the top.

topic: calculus
level: intermediate
"""

from math import factorial

from manim import *


class TaylorCosine(Scene):
    def construct(self):
        axes = Axes(x_range=[-7, 7, 1], y_range=[-2.5, 2.5, 1], x_length=13, y_length=5)
        axes.shift(0.6 * DOWN)
        cosine = axes.plot(np.cos, color=WHITE, stroke_width=6)
        self.play(Create(axes), Create(cosine), run_time=2)

        palette = color_gradient([BLUE, YELLOW, RED], 5)
        terms = ["1"]
        heading = MathTex("1").to_edge(UP)
        previous = None
        for k in range(5):
            polynomial = self.polynomial(k)
            # keep the graph inside the axes
            reach = max(x for x in np.linspace(0, 7, 700) if abs(polynomial(x)) <= 2.5)
            graph = axes.plot(polynomial, x_range=[-reach, reach], color=palette[k])
            if k > 0:
                sign = "-" if k % 2 else "+"
                terms.append(rf"{sign} \frac{{x^{2 * k}}}{{{2 * k}!}}")
            new_heading = MathTex(*terms, color=palette[k]).to_edge(UP)
            if previous is None:
                self.play(Create(graph), Write(new_heading))
            else:
                self.play(
                    previous.animate.set_stroke(opacity=0.25),
                    ReplacementTransform(previous.copy(), graph),
                    TransformMatchingTex(heading, new_heading),
                )
            heading, previous = new_heading, graph
            self.wait(0.4)
        self.wait()

    @staticmethod
    def polynomial(k):
        return lambda x: sum((-1) ** j * x ** (2 * j) / factorial(2 * j) for j in range(k + 1))
