"""Binary search for 37 in a sorted row of fifteen numbers. Two arrows bound the live range, the
middle cell is tested each round, and the half that cannot hold the target goes dark until the
number is found.

topic: algorithms
level: intermediate
"""

from manim import *


class BinarySearchArray(Scene):
    def construct(self):
        data = [3, 7, 11, 14, 19, 23, 26, 31, 34, 37, 42, 48, 51, 57, 60]
        target = 37
        cells = VGroup()
        for value in data:
            box = Square(0.82, stroke_width=2)
            cells.add(VGroup(box, Integer(value, font_size=32).move_to(box)))
        cells.arrange(RIGHT, buff=0.06)
        goal = Text(f"looking for {target}", font_size=36).to_edge(UP, buff=1)
        self.play(FadeIn(cells, lag_ratio=0.1), Write(goal))

        low, high = 0, len(data) - 1
        left = Arrow(DOWN, UP, color=BLUE, buff=0).scale(0.4).next_to(cells[low], DOWN)
        right = Arrow(DOWN, UP, color=ORANGE, buff=0).scale(0.4).next_to(cells[high], DOWN)
        self.play(GrowArrow(left), GrowArrow(right))

        rounds = 0
        while low <= high:
            rounds += 1
            mid = (low + high) // 2
            self.play(cells[mid][0].animate.set_fill(YELLOW, opacity=0.5))
            if data[mid] == target:
                break
            if data[mid] < target:
                verdict = f"{data[mid]} < {target}: go right"
                dropped, low = cells[low : mid + 1], mid + 1
            else:
                verdict = f"{data[mid]} > {target}: go left"
                dropped, high = cells[mid : high + 1], mid - 1
            note = Text(verdict, font_size=30).next_to(cells, UP, buff=0.6)
            self.play(FadeIn(note, shift=0.3 * UP))
            self.play(
                dropped.animate.set_opacity(0.15),
                left.animate.next_to(cells[low], DOWN),
                right.animate.next_to(cells[high], DOWN),
            )
            self.play(FadeOut(note), run_time=0.4)
        self.play(cells[mid][0].animate.set_fill(GREEN, opacity=0.8), Flash(cells[mid], flash_radius=0.7))
        found = Text(f"found after {rounds} tests", font_size=36, color=GREEN).move_to(2 * DOWN)
        self.play(Write(found))
        self.wait()
