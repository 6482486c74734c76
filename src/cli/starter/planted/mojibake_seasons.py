"""Write "Frühling – été – otoño", the season in three languages, one after the other, then
underline all three.

topic: typography
level: basic
"""

from manim import *


class ThreeSeasons(Scene):
    def construct(self):
        words = VGroup(*[Text(w, font_size=60) for w in ("Frühling", "été", "otoño")])
        words.arrange(DOWN, buff=0.6)
        for word, color in zip(words, (GREEN, YELLOW, ORANGE)):
            self.play(Write(word.set_color(color)))
        self.play(*[Create(Underline(word)) for word in words])
        note = Text("three languages – one year", font_size=30).to_edge(DOWN)
        self.play(FadeIn(note))
        self.wait()
