"""Show a title card, transform it into the quadratic formula and frame the formula.

topic: algebra
level: basic
"""

from manimlib.imports import *


class TitleCard(Scene):
    CONFIG = {
        "title": "The quadratic formula",
        "frame_color": YELLOW,
    }

    def construct(self):
        title = TextMobject(self.title)
        title.scale(1.5)
        formula = TexMobject("x", "=", "{-b \\pm \\sqrt{b^2 - 4ac}", "\\over", "2a}")
        frame = SurroundingRectangle(formula, color=self.frame_color, buff=MED_SMALL_BUFF)
        self.play(Write(title))
        self.wait()
        self.play(ReplacementTransform(title, formula))
        self.play(ShowCreation(frame))
        self.wait(2)
