"""Check the brackets in {[()]()} with a stack: a pointer walks along the string, opening
brackets are pushed onto a pile at the right, and each closing bracket pops its partner. The
empty pile at the end means that the string is balanced.

topic: algorithms
level: intermediate
"""

from manim import *


class BracketStack(Scene):
    def construct(self):
        string = "{[()]()}"
        partner = {")": "(", "]": "[", "}": "{"}
        letters = VGroup(*[Text(ch, font_size=60, font="monospace") for ch in string])
        letters.arrange(RIGHT, buff=0.35).move_to(2.5 * LEFT + UP)
        for letter in letters:
            letter.set_y(1)
        floor = Line(LEFT, RIGHT).move_to(4.5 * RIGHT + 2.5 * DOWN)
        walls = VGroup(
            Line(floor.get_start(), floor.get_start() + 4 * UP),
            Line(floor.get_end(), floor.get_end() + 4 * UP),
        )
        pointer = Triangle(color=YELLOW, fill_opacity=1).scale(0.15)
        pointer.next_to(letters[0], DOWN, buff=0.4)
        self.play(Write(letters), Create(floor), Create(walls), FadeIn(pointer))

        stack = []
        for letter, ch in zip(letters, string):
            self.play(pointer.animate.set_x(letter.get_x()), run_time=0.4)
            if ch in partner:
                plate = stack.pop()
                assert plate.bracket == partner[ch]
                self.play(
                    Indicate(plate, color=GREEN),
                    letter.animate.set_color(GREEN),
                    plate.opener.animate.set_color(GREEN),
                    run_time=0.6,
                )
                self.play(FadeOut(plate, shift=UP), run_time=0.4)
            else:
                plate = RoundedRectangle(width=1.7, height=0.7, corner_radius=0.15, fill_opacity=0.6, color=BLUE)
                plate = VGroup(plate, letter.copy().scale(0.7).move_to(plate))
                plate.bracket, plate.opener = ch, letter
                plate.move_to(floor.get_center() + (0.45 + 0.8 * len(stack)) * UP)
                self.play(FadeIn(plate, shift=DOWN), run_time=0.5)
                stack.append(plate)
        verdict = Text("stack empty: balanced", font_size=40, color=GREEN).move_to(2.5 * LEFT + 1.5 * DOWN)
        self.play(Write(verdict))
        self.wait()
