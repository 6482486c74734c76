"""Sort eight bars by insertion: lift the next bar, slide the taller ones of the sorted part one
place to the right, and lower the lifted bar into the gap. The sorted part is coloured green as
it grows.

topic: algorithms
level: intermediate
"""

from manim import *


class InsertionSortBars(Scene):
    def construct(self):
        heights = [5, 2, 7, 3, 8, 1, 6, 4]
        slots = [x * RIGHT + 2.8 * DOWN for x in np.arange(8) * 1.1 - 3.85]
        bars = []
        for height, slot in zip(heights, slots):
            bar = Rectangle(width=0.8, height=0.5 * height, fill_color=BLUE, fill_opacity=0.8, stroke_width=1)
            bar.move_to(slot, aligned_edge=DOWN)
            bar.value = height
            bars.append(bar)
        self.play(LaggedStart(*[GrowFromEdge(bar, DOWN) for bar in bars], lag_ratio=0.1))
        self.play(bars[0].animate.set_fill(GREEN))

        for i in range(1, len(bars)):
            current = bars[i]
            self.play(current.animate.set_fill(YELLOW).shift(2.3 * UP), run_time=0.4)
            j = i
            slides = []
            while j > 0 and bars[j - 1].value > current.value:
                bars[j] = bars[j - 1]
                slides.append(bars[j].animate.set_x(slots[j][0]))
                j -= 1
            bars[j] = current
            if slides:
                self.play(*slides, current.animate.set_x(slots[j][0]), run_time=0.6)
            self.play(current.animate.set_fill(GREEN).move_to(slots[j], aligned_edge=DOWN), run_time=0.4)
        self.wait()
