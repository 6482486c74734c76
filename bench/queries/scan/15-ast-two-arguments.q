ast:"self.play(Transform($A, $B), $$$)"
