"""Close in on √2 on a number line at three scales, each ten times finer than the one before:
tick marks with one more decimal appear, the interval that holds √2 is boxed, and the camera
zooms in. End with 1.414 < √2 < 1.415.

topic: number-theory
level: advanced
"""

from manim import *


class SqrtTwoZoom(MovingCameraScene):
    def construct(self):
        frame = self.camera.frame
        scale = 6.0  # screen units for one on the number line
        root = np.sqrt(2)

        def x(value):
            return (value - root) * scale * RIGHT

        axis = Line(x(0.2), x(2.6), stroke_width=3)
        root_dot = Dot(x(root), color=YELLOW, radius=0.1)
        root_name = MathTex(r"\sqrt{2}", color=YELLOW).next_to(root_dot, UP, buff=0.5)
        self.play(Create(axis))
        shown = [self.ticks(x, 1, 2, 1, digits=0, size=1)]
        self.add(*shown)
        self.play(FadeIn(root_dot, root_name))
        self.wait(0.5)

        low = 1.0
        for level in range(1, 4):
            step = 10.0 ** -level
            size = 10.0 ** -(level - 1)
            tenths = self.ticks(x, low, low + 10 * step, step, digits=level, size=0.45 * size)
            self.play(FadeIn(tenths), run_time=0.8)
            low = np.floor(root / step) * step
            box = Rectangle(
                width=step * scale, height=0.8 * size, color=RED, stroke_width=3 * size
            ).move_to((x(low) + x(low + step)) / 2)
            self.play(Create(box))
            shown += [tenths, box]
            if level == 3:
                break
            self.play(
                frame.animate.scale(0.1),
                root_dot.animate.scale(0.1),
                root_name.animate.scale(0.1, about_point=x(root)),
                axis.animate.set_stroke(width=3 * 0.1 ** level),
                *[FadeOut(part) for part in shown],
                run_time=3,
            )
            shown = []
        label = MathTex(r"1.414 < \sqrt{2} < 1.415", color=RED)
        label.scale(frame.height / config.frame_height).move_to(frame.get_center() + 0.3 * frame.height * UP)
        self.play(Write(label))
        self.wait()

    def ticks(self, x, start, stop, step, digits, size):
        """Marks and numbers from start to stop; size shrinks with the view."""
        group = VGroup()
        for k in range(int(round((stop - start) / step)) + 1):
            value = start + k * step
            mark = Line(0.15 * UP, 0.15 * DOWN, stroke_width=2).scale(size).set_stroke(width=2 * size)
            number = Text(f"{value:.{digits}f}", font_size=24).scale(size)
            mark.move_to(x(value))
            group.add(VGroup(mark, number.next_to(mark, DOWN, buff=0.15 * size)))
        return group
