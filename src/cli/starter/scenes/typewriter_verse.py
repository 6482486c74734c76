"""Type a two-line verse letter by letter with a text cursor, let the cursor blink three times,
and erase the verse again the same way; a last line is typed in its place.

topic: typography
level: basic
"""

from manim import *


class TypewriterVerse(Scene):
    def construct(self):
        verse = Text("late rain on the roof —\nthe kettle answers", font="monospace", font_size=44)
        cursor = Rectangle(width=0.08, height=0.7, color=GREY_A, fill_opacity=1)
        cursor.move_to(verse[0])
        self.play(TypeWithCursor(verse, cursor))
        self.play(Blink(cursor, blinks=3))
        self.play(UntypeWithCursor(verse, cursor))
        ending = Text("the cat does not", font="monospace", font_size=44)
        cursor.move_to(ending[0])
        self.play(TypeWithCursor(ending, cursor))
        self.play(Blink(cursor, blinks=2))
