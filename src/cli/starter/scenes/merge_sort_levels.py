"""Show merge sort on eight numbers as levels of a picture: the list splits downwards into
halves until single cells are left, then neighbouring runs merge below them in order, each
merged run with a green outline.

topic: algorithms
level: advanced
"""

from manim import *


class MergeSortLevels(Scene):
    numbers = [6, 3, 8, 1, 7, 2, 5, 4]
    colors = {n: c for n, c in zip(range(1, 9), color_gradient([BLUE_E, BLUE, TEAL, GREEN], 8))}

    def run(self, values, done=False):
        """A row of cells; they remember their values."""
        cells = VGroup()
        for value in values:
            box = Square(0.7, stroke_width=2, stroke_color=GREEN if done else WHITE)
            box.set_fill(self.colors[value], opacity=0.9)
            cells.add(VGroup(box, Text(str(value), font_size=30).move_to(box)))
        cells.arrange(RIGHT, buff=0)
        cells.values = list(values)
        return cells

    def spread(self, runs, level):
        """Put the runs of one level at their places on the screen."""
        gap = {1: 0, 2: 0.8, 4: 0.7, 8: 0.6}[len(runs)]
        VGroup(*runs).arrange(RIGHT, buff=gap).set_y(3 - level)
        return runs

    def construct(self):
        levels = [self.spread([self.run(self.numbers)], 0)]
        self.play(FadeIn(levels[0][0], lag_ratio=0.1))
        for depth in range(1, 4):
            halves = []
            for parent in levels[-1]:
                middle = len(parent.values) // 2
                halves += [self.run(parent.values[:middle]), self.run(parent.values[middle:])]
            self.spread(halves, depth)
            animations = []
            for parent, first, second in zip(levels[-1], halves[::2], halves[1::2]):
                for old, new in zip(parent, [*first, *second]):
                    animations.append(TransformFromCopy(old, new))
            self.play(*animations, *[p.animate.set_opacity(0.25) for p in levels[-1]], run_time=1.2)
            levels.append(halves)

        current = levels[-1]
        for depth in range(4, 7):
            merged = [
                self.run(sorted(a.values + b.values), done=True)
                for a, b in zip(current[::2], current[1::2])
            ]
            self.spread(merged, depth)
            animations = []
            for target, a, b in zip(merged, current[::2], current[1::2]):
                place = dict(zip(target.values, target))
                for cell, value in zip([*a, *b], a.values + b.values):
                    animations.append(TransformFromCopy(cell, place[value]))
            self.play(*animations, run_time=1.5)
            self.wait(0.3)
            current = merged
        self.play(Circumscribe(current[0], color=GREEN))
        self.wait()
