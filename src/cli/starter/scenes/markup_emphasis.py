"""Set one sentence with Pango markup so that its words look like what they say: bold, italic,
underlined, struck out, small and coloured; then sweep a gradient over it.

topic: typography
level: basic
"""

from manim import *


class MarkupEmphasis(Scene):
    def construct(self):
        sentence = MarkupText(
            '<b>bold</b>, <i>italic</i>, <u>underlined</u>,\n'
            '<s>struck out</s>, <small>small</small> and '
            f'<span foreground="{ORANGE.to_hex()}">orange</span>',
            font_size=56,
        )
        self.play(Write(sentence), run_time=3)
        self.wait(0.5)
        self.play(sentence.animate.set_color_by_gradient(BLUE, GREEN, YELLOW))
        self.play(Circumscribe(sentence))
        self.wait()
