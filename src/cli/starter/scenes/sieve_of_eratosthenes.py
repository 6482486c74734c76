"""Run the sieve of Eratosthenes on the numbers 2 to 60 in a grid with ten columns: circle the
next prime, strike out its multiples in that prime's colour, and stop after 7. What survives
turns green.

topic: number-theory
level: intermediate
"""

from manim import *


class SieveOfEratosthenes(Scene):
    def construct(self):
        limit = 60
        cells = VGroup(*[
            VGroup(
                Square(0.85, stroke_width=1, stroke_color=GREY, fill_opacity=0),
                Text(str(n), font_size=24),
            )
            for n in range(1, limit + 1)
        ])
        cells.arrange_in_grid(rows=6, cols=10, buff=0.08).shift(0.4 * DOWN)
        cell = {n: cells[n - 1] for n in range(1, limit + 1)}
        cell[1].set_opacity(0.15)

        title = Text("Sieve of Eratosthenes", font_size=40).to_edge(UP, buff=0.3)
        self.play(Write(title), FadeIn(cells, lag_ratio=0.02))

        alive = set(range(2, limit + 1))
        for prime, color in zip((2, 3, 5, 7), (RED, ORANGE, PURPLE, TEAL)):
            ring = Circle(0.38, color=color).move_to(cell[prime])
            self.play(Create(ring), run_time=0.5)
            doomed = [n for n in range(prime * prime, limit + 1, prime) if n in alive]
            alive -= set(doomed)
            self.play(LaggedStart(*[
                cell[n].animate.set_fill(color, opacity=0.35) for n in doomed
            ], lag_ratio=0.08), run_time=1.5)
        primes = sorted(alive)
        self.play(*[cell[n][0].animate.set_fill(GREEN, opacity=0.5) for n in primes])
        count = Text(f"{len(primes)} primes up to {limit}", font_size=28, color=GREEN)
        self.play(FadeTransform(title, count.move_to(title)))
        self.wait()
