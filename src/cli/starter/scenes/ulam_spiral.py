"""Write the numbers from 1 to 169 in a square spiral and let the primes light up (the Ulam
spiral). Then fade the composite numbers and draw a line through each of the two diagonals on
which primes gather most, with a note of how many of its numbers are prime.

topic: number-theory
level: advanced
"""

from manim import *


def is_prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, int(n ** 0.5) + 1))


def spiral():
    """Grid places of 1, 2, 3, ... going round anticlockwise."""
    x = y = 0
    dx, dy = 1, 0
    length = 1
    while True:
        for _ in range(2):
            for _ in range(length):
                yield x, y
                x, y = x + dx, y + dy
            dx, dy = -dy, dx
        length += 1


class UlamSpiral(Scene):
    side = 13
    cell = 0.55

    def construct(self):
        self.place = {}
        numbers = VGroup()
        walk = spiral()
        for n in range(1, self.side ** 2 + 1):
            i, j = next(walk)
            self.place[i, j] = n
            number = Text(str(n), font_size=15, color=GREY_B)
            numbers.add(number.move_to(self.cell * np.array([i, j, 0])))
        numbers.shift(2.8 * LEFT)
        self.play(FadeIn(numbers, lag_ratio=0.02), run_time=4)

        primes = [n for n in range(1, self.side ** 2 + 1) if is_prime(n)]
        tiles = VGroup(*[
            Square(self.cell, stroke_width=0, fill_color=TEAL, fill_opacity=0.8).move_to(numbers[n - 1])
            for n in primes
        ])
        for tile in tiles:
            tile.set_z_index(-1)
        legend = Text(f"{len(primes)} primes", font_size=34, color=TEAL).move_to([4, 2.5, 0])
        self.play(FadeIn(tiles, lag_ratio=0.05), FadeIn(legend), run_time=2)
        self.play(*[
            numbers[n - 1].animate.set_opacity(0.12)
            for n in range(1, self.side ** 2 + 1) if n not in primes
        ], *[numbers[n - 1].animate.set_color(WHITE) for n in primes])
        self.mark_diagonals(numbers, legend)
        self.wait()

    def mark_diagonals(self, numbers, legend):
        """Colour the two diagonals that hold the most primes."""
        lines = {}
        for (i, j), n in self.place.items():
            for slope in (1, -1):
                lines.setdefault((slope, j - slope * i), []).append((i, n))
        ranked = sorted(lines.items(), key=lambda item: (-sum(is_prime(n) for _, n in item[1]), item[0]))
        for color, (_, members) in zip((YELLOW, PINK), ranked):
            members.sort()
            first, last = numbers[members[0][1] - 1], numbers[members[-1][1] - 1]
            stroke = Line(first.get_center(), last.get_center(), color=color, stroke_width=6)
            hits = sum(is_prime(n) for _, n in members)
            note = Text(f"{hits} of {len(members)} prime", font_size=28, color=color)
            legend.add(note.next_to(legend, DOWN, aligned_edge=LEFT, buff=0.4))
            self.play(Create(stroke), FadeIn(note))
