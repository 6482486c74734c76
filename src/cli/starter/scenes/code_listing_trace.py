"""Show a short Python function that counts down from 3, with line numbers, and step a highlight
bar through the lines in the order in which they run, keeping the value of n in a box next to
it.

topic: typography
level: advanced
"""

from manim import *

SOURCE = '''def countdown(n):
    while n > 0:
        print(n)
        n = n - 1
    return "lift-off"
'''


class CodeListingTrace(Scene):
    def construct(self):
        listing = Code(
            code_string=SOURCE, language="python", background="window",
            paragraph_config={"font_size": 26},
        ).to_edge(LEFT, buff=0.8).shift(0.5 * UP)
        self.play(FadeIn(listing, shift=0.3 * UP))

        lines = listing.code_lines
        bar = Rectangle(
            width=lines.width + 0.4, height=0.42, stroke_width=0, fill_color=YELLOW, fill_opacity=0.25
        )

        def on_line(number):
            bar_x = lines.get_center()[0]
            return bar.copy().move_to([bar_x, lines[number - 1].get_center()[1], 0])

        value_box = Square(1.2, color=BLUE).move_to(4 * RIGHT + 1.5 * UP)
        value_name = MathTex("n").next_to(value_box, LEFT)
        value = Integer(3, font_size=60).move_to(value_box)
        output_title = Text("output", font_size=26, color=GREY_B).next_to(value_box, DOWN, buff=0.6)
        printed = VGroup()

        bar.become(on_line(1))
        self.play(FadeIn(bar, value_box, value_name, value, output_title))

        n = 3
        while n > 0:
            self.play(bar.animate.become(on_line(2)), run_time=0.5)
            self.play(bar.animate.become(on_line(3)), run_time=0.5)
            word = Text(str(n), font="monospace", font_size=30)
            printed.add(word)
            word.next_to(output_title if len(printed) == 1 else printed[-2], DOWN, buff=0.2)
            self.play(TransformFromCopy(value, word), run_time=0.5)
            n -= 1
            self.play(bar.animate.become(on_line(4)), run_time=0.5)
            self.play(value.animate.set_value(n), Flash(value_box, color=BLUE, flash_radius=0.9), run_time=0.5)
        self.play(bar.animate.become(on_line(2)), run_time=0.5)
        self.play(bar.animate.become(on_line(5)), run_time=0.5)
        result = Text('"lift-off"', font="monospace", font_size=36, color=GREEN)
        self.play(Write(result.next_to(listing, DOWN, buff=0.6)))
        self.wait()
