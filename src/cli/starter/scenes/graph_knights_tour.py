"""Trace an open knight's tour on a 5 by 5 board found with Warnsdorff's rule: the knight jumps
from square to square, leaves the move's number behind, and its path stays visible as a line.

topic: graph-theory
level: advanced
"""

from manim import *

JUMPS = [(1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2)]


def tour(size, start):
    """Warnsdorff: go where the fewest ways lead on; step back when stuck."""
    path, visited = [start], {start}

    def ways(place):
        for dx, dy in JUMPS:
            target = (place[0] + dx, place[1] + dy)
            if 0 <= target[0] < size and 0 <= target[1] < size and target not in visited:
                yield target

    def extend():
        if len(path) == size * size:
            return True
        for target in sorted(ways(path[-1]), key=lambda p: len(list(ways(p)))):
            path.append(target)
            visited.add(target)
            if extend():
                return True
            visited.remove(path.pop())
        return False

    return path if extend() else []


class GraphKnightsTour(Scene):
    size, square = 5, 1.3

    def at(self, place):
        half = (self.size - 1) / 2
        return self.square * np.array([place[0] - half, place[1] - half, 0]) + 2 * LEFT

    def construct(self):
        board = VGroup(*[
            Square(self.square, stroke_width=0, fill_opacity=1)
            .set_fill(GREY_BROWN if (i + j) % 2 == 0 else "#5b4636")
            .move_to(self.at((i, j)))
            for i in range(self.size) for j in range(self.size)
        ])
        self.play(FadeIn(board, lag_ratio=0.03))
        path = tour(self.size, (0, 0))
        knight = Dot(self.at(path[0]), radius=0.3, color=YELLOW).set_z_index(3)
        counter = VGroup(Text("squares", font_size=32), Integer(1, font_size=60)).arrange(DOWN).move_to(4.3 * RIGHT)
        self.play(GrowFromCenter(knight), FadeIn(counter))
        for k, (here, there) in enumerate(zip(path, path[1:]), start=1):
            number = Integer(k, font_size=28).move_to(self.at(here) + 0.4 * UL).set_z_index(2)
            hop = Line(self.at(here), self.at(there), color=TEAL, stroke_width=4)
            self.add(number)
            counter[1].set_value(k + 1)
            self.play(knight.animate(path_arc=PI / 4).move_to(self.at(there)), Create(hop), run_time=0.35)
        done = Text("every square once", font_size=28, color=YELLOW).next_to(counter, DOWN, buff=0.6)
        self.play(Write(done), Flash(knight))
        self.wait()
