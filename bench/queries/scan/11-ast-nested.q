ast:"self.play(Create($A))"
